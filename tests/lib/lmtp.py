"""A raw LMTP client: exactly the octets a test wants, every reply as it came. (smtplib.LMTP is the polite one.)"""
import collections
import socket

SECONDS = 30


class Reply(collections.namedtuple('Reply', 'code lines')):
    """`lines`: text without the code, as str. `text`: all of them, one a line."""
    @property
    def text(self):
        return '\n'.join(self.lines)

    def __str__(self):
        return f'{self.code} {self.text}'


class Closed(Exception):
    """The server closed the connection where a reply was expected."""


class Client:
    def __init__(self, where, greeting=True, seconds=SECONDS):
        """`where`: (host, port), a port on 127.0.0.1, or the path of a unix socket. `greeting`: read it (kept as .greeting)."""
        if isinstance(where, int):
            where = ('127.0.0.1', where)
        if isinstance(where, tuple):
            self.socket = socket.create_connection(where, seconds)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            self.socket.connect(where)
        self.buffer = b''
        self.reads = []  # octets of each recv: one a segment, roughly
        self.greeting = self.reply() if greeting else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        self.socket.close()

    def send(self, octets):
        """As they are; text is UTF-8."""
        self.socket.sendall(octets.encode() if isinstance(octets, str) else octets)

    def fill(self):
        """More octets into the buffer; False at the end."""
        try:
            octets = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        if octets:
            self.reads.append(octets)
        self.buffer += octets
        return bool(octets)

    def line(self):
        while b'\r\n' not in self.buffer:
            if not self.fill():
                raise Closed(f'after {self.buffer!r}')
        line, self.buffer = self.buffer.split(b'\r\n', 1)
        if b'\n' in line or b'\r' in line:
            raise AssertionError(f'a stray line end in the reply {line!r}')
        return line

    def reply(self):
        lines = []
        while True:
            line = self.line()
            if len(line) < 3 or not line[:3].isdigit() or line[3:4] not in (b' ', b'-', b''):
                raise AssertionError(f'no reply: {line!r}')
            if len(line) + 2 > 512:
                raise AssertionError(f'a reply line of {len(line) + 2} octets')
            lines.append(line[4:].decode('utf-8'))
            if line[3:4] != b'-':
                return Reply(int(line[:3]), lines)

    def replies(self, count):
        return [self.reply() for _ in range(count)]

    def codes(self, count):
        return [reply.code for reply in self.replies(count)]

    def command(self, line):
        self.send(line + ('\r\n' if isinstance(line, str) else b'\r\n'))
        return self.reply()

    def at_end(self):
        """True if the server closes without another octet."""
        return not self.buffer and not self.fill()

    # whole dialogues

    def lhlo(self, name='mta.example.org', verb='LHLO'):
        """The keywords: {name: parameters}."""
        reply = self.command(f'{verb} {name}')
        assert reply.code == 250, reply
        words = (line.split(' ', 1) for line in reply.lines[1:])
        return {word[0].upper(): word[1] if len(word) > 1 else '' for word in words}

    def envelope(self, sender, recipients, mail='', rcpt=''):
        """The replies to MAIL and to each RCPT, pipelined; parameters with a blank in front."""
        self.send(f'MAIL FROM:<{sender}>{mail}\r\n' + ''.join(f'RCPT TO:<{to}>{rcpt}\r\n' for to in recipients))
        return self.replies(1 + len(recipients))

    def deliver(self, sender, recipients, message, mail=''):
        """One transaction with DATA; one reply for each recipient, in order: of RCPT if refused there, else the one after the dot."""
        first, *answers = self.envelope(sender, recipients, mail)
        if first.code != 250:
            return [first] * len(recipients)
        accepted = [at for at, answer in enumerate(answers) if answer.code == 250]
        go = self.command('DATA')
        if not accepted:
            assert go.code == 503, go
            return answers
        assert go.code == 354, go
        self.send(stuff(message) + b'.\r\n')
        for at in accepted:
            answers[at] = self.reply()
        return answers


def stuff(message):
    """Dot-stuffs; adds the last line end if it is missing. Line ends must be CRLF already."""
    octets = message.encode() if isinstance(message, str) else message
    if octets and not octets.endswith(b'\r\n'):
        octets += b'\r\n'
    if octets.startswith(b'.'):
        octets = b'.' + octets
    return octets.replace(b'\r\n.', b'\r\n..')


def crlf(text):
    """A message written in a test with plain line ends, as it goes over the wire."""
    octets = text.encode() if isinstance(text, str) else text
    return octets.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')
