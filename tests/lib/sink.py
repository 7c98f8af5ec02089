"""A scriptable SMTP server that catches what the program sends out.

    with Sink() as sink:
        sink.on['RCPT'] = lambda session, rcpt: '550 5.1.1 no such user' if rcpt.address == 'bat@example.net' else None
        …
        sink.wait_recipients(3)
        sink.messages[0].octets

A hook gets (session, argument) and gives back None (the usual reply), a reply as text, or Do(…). Hooks and their arguments:
    CONNECT None · EHLO, HELO, RSET, NOOP, QUIT, VRFY, OTHER the line as text · MAIL, RCPT Path · DATA None (before the 354)
    BDAT (octets, last) · DOT the Message (after the dot, or BDAT LAST) · OCTETS how many of a message so far, DATA only
"""
import re
import socket
import struct
import threading
from dataclasses import dataclass, field

from lib import events, ports

KEYWORDS = ('PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 0', 'ENHANCEDSTATUSCODES')
PATH = re.compile(r'(?i)^(?:MAIL FROM|RCPT TO):\s*<((?:"(?:[^"\\]|\\.)*"|[^>"])*)>(?: (.*))?$')
STRAY = re.compile(rb'\r(?!\n)|(?<!\r)\n')


@dataclass
class Do:
    """`send` as it is (text gets a line end), then `then`: go (on), close, reset (RST), stall (until the client or the sink goes)."""
    send: object = b''
    then: str = 'go'


@dataclass
class Path:
    address: str
    params: dict  # {NAME: value, or None}
    line: str


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


class Gone(Exception):
    pass


class Sink:
    def __init__(self, keywords=KEYWORDS, port=None, hostname='sink.example.net'):
        self.keywords, self.hostname = list(keywords), hostname
        self.port = port or ports.free_port()
        self.on = {}
        self.messages = []  # answered 2xx after the dot
        self.failed = []  # answered otherwise there
        self.sessions = []
        self.violations = []  # what no client may do: stray line ends, commands out of order
        self.listener = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # life

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', self.port))
        self.listener.listen(128)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        """Closes the port and every session; start() opens the same port again."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for session in self.sessions:
            session.end()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            session = Session(self, connection, len(self.sessions))
            with events.changed:
                self.sessions.append(session)
                events.changed.notify_all()
            threading.Thread(target=session.serve, daemon=True).start()

    # what was caught

    @property
    def open_sessions(self):
        return [session for session in self.sessions if session.is_open]

    def recipients(self):
        """Every address that got a copy, once for each copy."""
        with events.changed:
            return [address for message in self.messages for address in message.addresses]

    def wait_recipients(self, count, seconds=events.SECONDS):
        """Until `count` recipients have got a copy; returns the messages."""
        events.wait_for(lambda: len(self.recipients()) >= count, seconds, f'{count} recipients (now {len(self.recipients())})')
        return list(self.messages)

    def wait_messages(self, count, seconds=events.SECONDS):
        events.wait_for(lambda: len(self.messages) >= count, seconds, f'{count} messages (now {len(self.messages)})')
        return list(self.messages)

    def wait_sessions(self, count, seconds=events.SECONDS):
        events.wait_for(lambda: len(self.sessions) >= count, seconds, f'{count} sessions (now {len(self.sessions)})')
        return list(self.sessions)

    def keep(self, message, accepted):
        with events.changed:
            (self.messages if accepted else self.failed).append(message)
            events.changed.notify_all()

    def clear(self):
        with events.changed:
            self.messages, self.failed = [], []


class Session:
    def __init__(self, sink, connection, number):
        self.sink, self.socket, self.number = sink, connection, number
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b''
        self.out = b''  # replies that wait for the end of the pipelined group
        self.reads = []  # sizes of what recv gave: the client's writes, roughly
        self.commands = []  # lines, as text
        self.is_open = True
        self.esmtp = None
        self.forget()

    def forget(self):
        self.sender, self.recipients, self.refused, self.chunks, self.octets = None, [], [], [], b''

    def end(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    # octets

    def fill(self):
        """More into the buffer; before it waits, all replies go out in one write."""
        self.flush()
        octets = self.socket.recv(65536)
        if not octets:
            raise Gone
        self.reads.append(len(octets))
        self.buffer += octets

    def flush(self):
        out, self.out = self.out, b''
        if out:
            self.socket.sendall(out)

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        octets, self.buffer = self.buffer[:count], self.buffer[count:]
        return octets

    def line(self):
        while b'\r\n' not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b'\r\n', 1)
        if STRAY.search(line):
            self.violation(f'stray line end in the command {line!r}')
        return line.decode('utf-8', 'surrogateescape')

    def violation(self, text):
        with events.changed:
            self.sink.violations.append(f'session {self.number}: {text}')

    def send(self, octets):
        if isinstance(octets, str):
            octets = octets.encode() + b'\r\n'
        self.out += octets

    def hooked(self, name, argument):
        """What the hook gives back, None without one. A test may wait for what the hook did."""
        hook = self.sink.on.get(name)
        if not hook:
            return None
        answer = hook(self, argument)
        events.announce()
        return answer

    def ask(self, name, argument, usual):
        """The hook's reply or the usual one, sent; returns it as text."""
        answer = self.hooked(name, argument)
        if answer is None:
            answer = usual
        action = answer if isinstance(answer, Do) else Do(answer)
        self.send(action.send)
        if action.then != 'go':
            self.leave(action.then)
        return action.send if isinstance(action.send, str) else action.send.decode('utf-8', 'replace')

    def leave(self, how):
        self.flush()
        if how == 'stall':
            while self.socket.recv(65536):
                pass
        elif how == 'reset':
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raise Gone

    # the dialogue

    def serve(self):
        try:
            self.ask('CONNECT', None, f'220 {self.sink.hostname} ESMTP')
            while True:
                line = self.line()
                self.commands.append(line)
                verb = line.split(' ')[0].upper()
                getattr(self, 'do_' + verb.lower(), self.do_other)(line)
        except (Gone, OSError):
            pass
        finally:
            self.socket.close()
            self.is_open = False
            events.announce()

    def do_other(self, line):
        self.ask('OTHER', line, '500 5.5.2 unknown command')

    def do_ehlo(self, line):
        self.forget()
        lines = [self.sink.hostname] + self.sink.keywords
        self.esmtp = '\r\n'.join(f'250{"-" if at + 1 < len(lines) else " "}{text}' for at, text in enumerate(lines))
        self.ask('EHLO', line, self.esmtp)

    def do_helo(self, line):
        self.forget()
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

    def path(self, line):
        match = PATH.match(line)
        if not match:
            self.violation(f'no path in {line!r}')
            return None
        params = (word.partition('=') for word in (match[2] or '').split(' ') if word)
        return Path(match[1], {name.upper(): value if equals else None for name, equals, value in params}, line)

    def do_mail(self, line):
        path = self.path(line)
        if path is None or self.sender:
            self.violation(f'out of order: {line!r}')
            self.send('503 5.5.1 not now')
        elif self.ask('MAIL', path, '250 2.1.0 ok').startswith('2'):
            self.sender = path

    def do_rcpt(self, line):
        path = self.path(line)
        if path is None or not self.sender:
            self.send('503 5.5.1 not now')
            return
        reply = self.ask('RCPT', path, '250 2.1.5 ok')
        if reply.startswith('2'):
            self.recipients.append(path)
        else:
            self.refused.append((path, reply))

    def message(self):
        return Message(self.number, self.sender, self.recipients, self.refused, chunks=self.chunks)

    def do_data(self, line):
        if not self.recipients:
            self.send('503 5.5.1 no recipients')
            return
        if not self.ask('DATA', None, '354 go on').startswith('3'):
            return
        message = self.message()
        message.raw = self.read_data()
        if STRAY.search(message.raw):
            self.violation('stray line end in a message')
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
        words = line.upper().split(' ')
        octets, last = self.take(int(words[1])), 'LAST' in words[2:]
        self.chunks.append(len(octets))
        self.octets += octets
        if not self.recipients:
            self.send('503 5.5.1 no recipients')
            return
        if not last:
            self.ask('BDAT', (octets, last), '250 2.0.0 chunk taken')
            return
        message = self.message()
        message.octets = self.octets
        if STRAY.search(message.octets):
            self.violation('stray line end in a message')
        self.finish(message)

    def finish(self, message):
        """Kept only when its reply has been decided, and before it is sent: who sees the reply finds the message."""
        answer = self.hooked('DOT', message)
        action = answer if isinstance(answer, Do) else Do(answer if answer is not None else '250 2.0.0 caught')
        message.reply = action.send if isinstance(action.send, str) else action.send.decode('utf-8', 'replace')
        self.forget()
        self.sink.keep(message, message.reply.startswith('2'))
        self.send(action.send)
        if action.then != 'go':
            self.leave(action.then)
