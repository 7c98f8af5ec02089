"""A scriptable SMTP server that catches what the program sends out.

    with Sink() as sink:
        sink.on['RCPT'] = lambda session, rcpt: '550 5.1.1 no such user' if rcpt.address == 'bat@example.net' else None
        …
        sink.wait_recipients(3)
        sink.messages[0].octets

A hook gets (session, argument) and gives back None (the usual reply), a reply as text, or Do(…). Hooks and their arguments:
    CONNECT None · EHLO, HELO, RSET, NOOP, QUIT, VRFY, STARTTLS, AUTH, OTHER the line as text · MAIL, RCPT Path · DATA None (before the 354)
    BDAT (octets, last) · DOT the Message (after the dot, or BDAT LAST) · OCTETS how many of a message so far, DATA only
    REPLY each reply as text, when all else has been decided: None lets it go, Do(…) is sent instead
What no client may do is noted in `violations` (sink_rules.py). The dialogue: sink_session.py.
"""
import socket
import ssl
import threading

from lib import certificates, events, ports
from lib.sink_session import Message, Path, Session  # noqa: F401
from lib.sink_wire import SMALL, Do  # noqa: F401

KEYWORDS = ('PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 0', 'ENHANCEDSTATUSCODES')


class Sink:
    def __init__(self, keywords=KEYWORDS, port=None, hostname='sink.example.net', *, tls=None, certificate=None, key=None, client_ca=None,
                 users=None, mechanisms=('PLAIN', 'LOGIN'), required=False, strict=False, trickle=False, slow=0, eager=False, pad=0, hold=0):
        """`tls`: 'starttls' or 'implicit', with the certificate of certificates.of('server') or this one; `client_ca`: clients must show one of its own.
        `users`: {name: password} for AUTH, offered under TLS alone if there is 'starttls'; `required`: MAIL is refused without. `strict`: sink_rules.of_message.
        `trickle`: replies go out one octet a packet. `slow`: reads so many octets at a time, through a small buffer. `eager`: writes each reply at
        once, through a small buffer, and reads no more before it is written; `pad`: replies are so many octets longer. `hold`: keeps replies back
        until so many wait, or the client must wait for one, or release()."""
        self.keywords, self.hostname = list(keywords), hostname
        self.tls, self.client_ca = tls, client_ca
        self.certificate, self.key = (certificate, key) if certificate or not tls else certificates.of('server')
        self.users, self.mechanisms, self.required, self.strict = dict(users or {}), mechanisms, required, strict
        self.trickle, self.slow, self.eager, self.pad, self.hold = trickle, slow, eager, pad, hold
        self.port = port or ports.free_port()
        self.on = {}
        self.messages = []  # answered 2xx after the dot
        self.failed = []  # answered otherwise there
        self.sessions = []
        self.violations = []
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
        if self.slow:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)  # sessions inherit it
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

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if self.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client_ca)
        return context

    def release(self):
        """Lets the replies go that are kept back, and keeps none back any more. Not under TLS."""
        self.hold = 0
        for session in self.open_sessions:
            session.flush()

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
