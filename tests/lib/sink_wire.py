"""The octets of one session of the sink, in and out, and how well it behaves there."""
import os
import socket
import struct
import threading
from dataclasses import dataclass

from lib import events, sink_rules

SMALL = 2048  # of a socket's buffer, octets; the kernel doubles it


@dataclass
class Do:
    """`send` as it is (text gets a line end), then `then`: go (on), close, reset (RST), stall (until the client or the sink goes)."""
    send: object = b''
    then: str = 'go'

    @property
    def text(self):
        return self.send if isinstance(self.send, str) else self.send.decode('utf-8', 'replace')


class Gone(Exception):
    pass


class Wire:
    """Knows the options trickle, slow, eager, pad and hold of Sink."""

    def __init__(self, sink, connection, number):
        self.sink, self.socket, self.number = sink, connection, number
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sink.eager:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        self.buffer = b''
        self.out = []  # replies that wait for the end of the pipelined group
        self.writing = threading.Lock()
        self.reads = []  # sizes of what recv gave: the client's writes, roughly
        self.verb = 'CONNECT'
        self.offered = {}  # {KEYWORD: parameters} of the last EHLO
        self.tls = None  # {version, cipher, name (asked for by the client), client (its certificate's name)}
        self.tls_error = None

    def end(self):
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)  # SSLSocket's own is not for another thread
        except OSError:
            pass

    def violation(self, text):
        with events.changed:
            self.sink.violations.append(f'session {self.number}: {text}')

    def violations(self, texts):
        for text in texts:
            self.violation(text)

    # in

    def fill(self):
        """More into the buffer; before it waits, all replies go out in one write."""
        self.flush()
        octets = self.socket.recv(self.sink.slow or 65536)
        if not octets:
            raise Gone
        self.reads.append(len(octets))
        self.buffer += octets

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        octets, self.buffer = self.buffer[:count], self.buffer[count:]
        return octets

    def line(self):
        while b'\r\n' not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b'\r\n', 1)
        return line.decode('utf-8', 'surrogateescape')

    def early(self):
        """What the client has sent before it saw the reply that comes now."""
        if self.buffer or self.tls:
            return self.buffer
        try:
            return self.socket.recv(64, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return b''

    # out

    def send(self, octets):
        """One reply. This is where a client is seen that did not wait for it though it must."""
        last = self.verb in sink_rules.LAST_IN_GROUP
        if octets and (last or ('PIPELINING' not in self.offered and self.verb != 'OCTETS')):
            early = self.early()
            if early:
                self.violation(f'sent behind {self.verb}, before its reply{"" if last else ", without PIPELINING"}: {early[:40]!r}')
        hook = self.sink.on.get('REPLY')
        action = hook(self, octets) if hook and isinstance(octets, str) else None
        if action:
            octets = action.send
        with self.writing:
            self.out.append(self.padding(octets) + octets.encode() + b'\r\n' if isinstance(octets, str) else octets)
        if action and action.then != 'go':
            self.leave(action.then)
        if self.sink.eager:
            self.flush()

    def padding(self, reply):
        if not self.sink.pad or self.verb in ('EHLO', 'LHLO', 'AUTH'):
            return b''
        line = reply[:3].encode() + b'-' + b'x' * 490 + b'\r\n'
        return line * -(-self.sink.pad // len(line))

    def flush(self, held=True):
        """`held`: not while the sink holds replies back, unless the client must wait for this one."""
        with self.writing:
            if held and len(self.out) < self.sink.hold and self.verb not in sink_rules.LAST_IN_GROUP:
                return
            octets, self.out = b''.join(self.out), []
            if self.sink.trickle:
                for at in range(len(octets)):
                    self.socket.sendall(octets[at:at + 1])
                    os.sched_yield()  # lets the client read it
            elif octets:
                self.socket.sendall(octets)

    def leave(self, how):
        self.flush(held=False)
        if how == 'stall':
            while self.socket.recv(65536):
                pass
        elif how == 'reset':
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        elif self.tls:
            self.socket.settimeout(events.SECONDS)
            self.socket.unwrap()
        raise Gone

    def start_tls(self):
        """The handshake. What was read before is not for the session that begins now."""
        names = []
        context = self.sink.context()
        context.sni_callback = lambda tls, name, _: names.append(name)
        self.flush(held=False)
        self.buffer = b''
        try:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.socket.do_handshake()
        except (OSError, ValueError) as error:
            self.tls_error = str(error)
            raise Gone from None
        shown = self.socket.getpeercert() or {}
        subject = dict(pair for names_of in shown.get('subject', ()) for pair in names_of)
        self.tls = {'version': self.socket.version(), 'cipher': self.socket.cipher()[0], 'name': (names or [None])[0], 'client': subject.get('commonName')}
