"""One session of the sink: the dialogue, in the order in which it happens."""
import base64
import binascii
import re
from dataclasses import dataclass, field

from lib import events, sink_rules
from lib.sink_wire import Do, Gone, Wire

PATH = re.compile(r'(?i)^(?:MAIL FROM|RCPT TO):\s*<((?:"(?:[^"\\]|\\.)*"|[^>"])*)>(?: (.*))?$')


@dataclass
class Path:
    address: str
    params: dict  # {NAME: value, or None}
    line: str
    words: list = field(default_factory=list)  # the parameters as they came


@dataclass
class Message:
    session: int
    sender: Path
    recipients: list  # Path, the accepted ones
    refused: list  # (Path, reply)
    octets: bytes = b''  # the message as meant, dot-stuffing undone
    raw: bytes = b''  # as sent, with the dot, DATA only
    chunks: list = field(default_factory=list)  # sizes of BDAT
    reply: str = ''
    params = property(lambda self: self.sender.params)

    @property
    def addresses(self):
        return [path.address for path in self.recipients]

    @property
    def header(self):
        return self.octets.split(b'\r\n\r\n', 1)[0] + b'\r\n'

    @property
    def body(self):
        return self.octets.split(b'\r\n\r\n', 1)[1] if b'\r\n\r\n' in self.octets else b''

    def fields(self, name):
        """The values of the fields of this name, unfolded, as bytes."""
        unfolded = re.sub(rb'\r\n(?=[ \t])', b'', self.header)
        start = name.lower().encode() + b':'
        return [line[len(start):].strip() for line in unfolded.split(b'\r\n') if line.lower().startswith(start)]


def keywords_of(reply):
    """{KEYWORD: its parameters} of a reply to EHLO."""
    words = (line[4:].partition(' ') for line in re.split('\r?\n', reply)[1:] if len(line) > 4)
    return {name.upper(): rest for name, _, rest in words} if reply.startswith('250') else {}


def unbase64(text):
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


class Session(Wire):
    def __init__(self, sink, connection, number):
        super().__init__(sink, connection, number)
        self.commands = []  # lines, as text
        self.is_open = True
        self.greeted = False
        self.lmtp = False  # one reply for each recipient after the dot
        self.esmtp = None  # the usual reply to EHLO
        self.auth = None  # (mechanism, user) that succeeded
        self.attempts = []  # (mechanism, user, password) of each AUTH
        self.utf8 = False  # the last MAIL asked for SMTPUTF8
        self.forget()

    def forget(self):
        self.begun = False  # MAIL was said, whatever the answer
        self.sender, self.recipients, self.refused, self.chunks, self.octets = None, [], [], [], b''

    def hooked(self, name, argument):
        """What the hook gives back, None without one. A test may wait for what the hook did."""
        hook = self.sink.on.get(name)
        if not hook:
            return None
        answer = hook(self, argument)
        events.announce()
        return answer

    def act(self, answer, usual):
        """Sends what a hook gave back, or the usual reply; returns it as text."""
        action = answer if isinstance(answer, Do) else Do(usual if answer is None else answer)
        self.send(action.send)
        if action.then != 'go':
            self.leave(action.then)
        return action.text

    def ask(self, name, argument, usual):
        return self.act(self.hooked(name, argument), usual)

    def misplaced(self, line, reply='503 5.5.1 not now'):
        self.violation(f'out of order: {line!r}')
        self.send(reply)

    # the dialogue

    def serve(self):
        try:
            if self.sink.tls == 'implicit':
                self.start_tls()
            self.ask('CONNECT', None, f'220 {self.sink.hostname} ESMTP')
            while True:
                line = self.line()
                self.commands.append(line)
                self.verb = line.split(' ')[0].upper()
                self.violations(sink_rules.of_command(line, self.offered))
                getattr(self, 'do_' + self.verb.lower(), self.do_other)(line)
        except (Gone, OSError):
            pass
        finally:
            self.socket.close()
            self.is_open = False
            events.announce()

    def do_other(self, line):
        self.ask('OTHER', line, '500 5.5.2 unknown command')

    def keywords(self):
        words = list(self.sink.keywords)
        if self.sink.tls == 'starttls' and not self.tls:
            return words + ['STARTTLS']
        return words + ([f'AUTH {" ".join(self.sink.mechanisms)}'] if self.sink.users else [])

    def do_lhlo(self, line):
        """RFC 2033: what an MTA takes the sink for that hands mail over by LMTP."""
        self.lmtp = True
        self.do_ehlo(line)

    def do_ehlo(self, line):
        self.forget()
        self.greeted = True
        lines = [self.sink.hostname] + self.keywords()
        self.esmtp = '\r\n'.join(f'250{"-" if at + 1 < len(lines) else " "}{text}' for at, text in enumerate(lines))
        self.offered = keywords_of(self.ask('EHLO', line, self.esmtp))

    def do_helo(self, line):
        self.forget()
        self.greeted, self.offered = True, {}
        self.ask('HELO', line, f'250 {self.sink.hostname}')

    def do_rset(self, line):
        self.forget()
        self.ask('RSET', line, '250 2.0.0 ok')

    def do_noop(self, line):
        self.ask('NOOP', line, '250 2.0.0 ok')

    def do_vrfy(self, line):
        self.ask('VRFY', line, '252 2.0.0 send some mail')

    def do_quit(self, line):
        self.ask('QUIT', line, '221 2.0.0 bye')
        self.leave('close')

    # STARTTLS (RFC 3207) and AUTH (RFC 4954)

    def do_starttls(self, line):
        if 'STARTTLS' not in self.offered or self.tls or line.upper() != 'STARTTLS':
            self.misplaced(line)
        elif self.ask('STARTTLS', line, '220 2.0.0 go on').startswith('220'):
            self.start_tls()
            self.forget()
            self.greeted, self.offered, self.auth = False, {}, None

    def do_auth(self, line):
        mechanism, *initial = line.upper().split(' ')[1:2] + line.split(' ')[2:] or ['']
        if self.auth or self.sender or mechanism not in self.offered.get('AUTH', '').split():
            self.misplaced(line)
            return
        answer = self.hooked('AUTH', line)
        if answer is None:
            answer = self.log_in(mechanism, *initial[:1])
        self.act(answer, None)

    def log_in(self, mechanism, initial=None):
        """The reply. `=` is an empty initial response."""
        first = self.challenge('Username:' if mechanism == 'LOGIN' else '') if initial is None else unbase64(initial.replace('=', '', initial == '='))
        if mechanism == 'LOGIN':
            user, password = first, self.challenge('Password:')
        else:
            parts = (first or '').split('\0')
            if len(parts) != 3:
                self.violation(f'AUTH PLAIN has {len(parts)} parts')
                return '501 5.5.2 three parts, with NUL between them'
            user, password = parts[1:]
        self.attempts.append((mechanism, user, password))
        if password is None or self.sink.users.get(user) != password:
            return '535 5.7.8 no such user or password'
        self.auth = (mechanism, user)
        return '235 2.7.0 welcome'

    def challenge(self, text):
        self.send('334 ' + base64.b64encode(text.encode()).decode())
        line = self.line()
        said = unbase64(line)
        if said is None and line != '*':
            self.violation(f'no base64 in answer to AUTH: {line!r}')
        return said

    # the envelope

    def path(self, line):
        match = PATH.match(line)
        if not match:
            self.violation(f'no path in {line!r}')
            return None
        words = [word for word in (match[2] or '').split(' ') if word]
        params = (word.partition('=') for word in words)
        return Path(match[1], {name.upper(): value if equals else None for name, equals, value in params}, line, words)

    def refusal(self, path):
        """What the sink has against this MAIL by itself."""
        size, limit = path.params.get('SIZE') or '', self.offered.get('SIZE', '')
        if self.sink.required and not self.auth:
            return '530 5.7.0 authentication required'
        return '552 5.3.4 too large' if size.isdigit() and limit.isdigit() and 0 < int(limit) < int(size) else None

    def do_mail(self, line):
        path = self.path(line)
        if path is None or self.sender or not self.greeted:
            self.misplaced(line)
            return
        self.begun, self.utf8 = True, 'SMTPUTF8' in path.params
        self.violations(sink_rules.of_path('MAIL', path, self.offered, self.utf8))
        if self.ask('MAIL', path, self.refusal(path) or '250 2.1.0 ok').startswith('2'):
            self.sender = path

    def do_rcpt(self, line):
        path = self.path(line)
        if path is None or not self.begun or self.chunks:
            self.misplaced(line)
            return
        self.violations(sink_rules.of_path('RCPT', path, self.offered, self.utf8))
        if not self.sender:
            self.send('503 5.5.1 not now')
            return
        reply = self.ask('RCPT', path, '250 2.1.5 ok')
        if reply.startswith('2'):
            self.recipients.append(path)
        else:
            self.refused.append((path, reply))

    # the message

    def message(self):
        return Message(self.number, self.sender, self.recipients, self.refused, chunks=self.chunks)

    def do_data(self, line):
        if not self.begun or self.chunks:
            self.misplaced(line)
            return
        if not self.recipients:
            self.send('503 5.5.1 no recipients')
            return
        if not self.ask('DATA', None, '354 go on').startswith('3'):
            return
        self.flush()
        self.verb = 'OCTETS'
        message = self.message()
        message.raw = self.read_data()
        message.octets = re.sub(rb'(?:^|(?<=\r\n))\.', b'', message.raw[:-3])
        self.finish(message)

    def read_data(self):
        """Up to and with CRLF.CRLF; the CRLF before the dot may be the one of DATA."""
        while not (self.buffer.startswith(b'.\r\n') or b'\r\n.\r\n' in self.buffer):
            action = self.hooked('OCTETS', len(self.buffer))
            if action:
                self.send(action.send)
                self.leave(action.then)
            self.fill()
        end = 3 if self.buffer.startswith(b'.\r\n') else self.buffer.index(b'\r\n.\r\n') + 5
        return self.take(end)

    def do_bdat(self, line):
        """RFC 3030 2. Without an accepted recipient the octets are swallowed: a client that pipelines has sent them already."""
        match = re.fullmatch(r'(?i)BDAT (\d{1,20})( LAST)?', line)
        if not match:
            self.misplaced(line, '501 5.5.4 no such chunk')
            return
        octets, last = self.take(int(match[1])), match[2] is not None
        if not self.begun or 'CHUNKING' not in self.offered:
            self.misplaced(line)
            return
        if not self.recipients:
            self.begun = not last
            self.send('503 5.5.1 no recipients')
            return
        self.chunks.append(len(octets))
        self.octets += octets
        if not last:
            self.ask('BDAT', (octets, last), '250 2.0.0 chunk taken')
            return
        message = self.message()
        message.octets = self.octets
        self.finish(message)

    def finish(self, message):
        """Kept only when its reply has been decided, and before it is sent: who sees the reply finds the message."""
        self.verb = 'DOT'
        self.violations(sink_rules.of_message(message, self.offered, self.sink.strict))
        limit = self.offered.get('SIZE', '')
        answer = self.hooked('DOT', message)
        if answer is None:
            answer = '552 5.3.4 too large' if limit.isdigit() and 0 < int(limit) < len(message.octets) else '250 2.0.0 caught'
        message.reply = answer.text if isinstance(answer, Do) else answer
        if self.lmtp and answer is message.reply:
            answer = '\r\n'.join([answer] * len(message.recipients))
        self.forget()
        self.sink.keep(message, message.reply.startswith('2'))
        self.act(answer, None)
