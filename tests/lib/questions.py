"""Clients of the services that only answer: socketmap, Postfix's policy protocol, Exim's readsocket."""
import socket

from lib.lmtp import Client


def netstring(text):
    octets = text.encode() if isinstance(text, str) else text
    return b'%d:%s,' % (len(octets), octets)


class SocketMap(Client):
    def __init__(self, where, **options):
        super().__init__(where, greeting=False, **options)

    def answer(self):
        """Without its netstring; None: the server closed."""
        while b':' not in self.buffer or len(self.buffer) < self.whole():
            if not self.fill():
                assert not self.buffer, self.buffer
                return None
        end = self.whole()
        octets, self.buffer = self.buffer[:end], self.buffer[end:]
        assert octets.endswith(b','), octets
        return octets[octets.index(b':') + 1:-1].decode()

    def whole(self):
        """Octets of the first netstring in the buffer."""
        digits = self.buffer[:self.buffer.index(b':')]
        return len(digits) + 1 + int(digits) + 1

    def ask(self, name, key):
        self.send(netstring(f'{name} {key}'))
        return self.answer()


def request(recipient, sender='', state='RCPT', **more):
    attributes = {'request': 'smtpd_access_policy', 'protocol_state': state, 'protocol_name': 'ESMTP', 'client_address': '127.0.0.1', 'client_name': 'localhost',
                  'helo_name': 'client.example.net', 'sender': sender, 'recipient': recipient, 'recipient_count': 0, 'queue_id': '', 'instance': '60eb.6b029273.8a988.0',
                  'size': 0, 'sasl_method': '', 'stress': '', **more}
    return ''.join(f'{name}={value}\n' for name, value in attributes.items()) + '\n'


class Policy(Client):
    def __init__(self, where, **options):
        super().__init__(where, greeting=False, **options)

    def answer(self):
        """The action; None: the server closed."""
        while b'\n\n' not in self.buffer:
            if not self.fill():
                assert not self.buffer, self.buffer
                return None
        octets, self.buffer = self.buffer.split(b'\n\n', 1)
        assert octets.startswith(b'action=') and b'\n' not in octets, octets
        return octets[len(b'action='):].decode()

    def ask(self, recipient, sender='', **more):
        self.send(request(recipient, sender, **more))
        return self.answer()


def readsocket(where, octets, half_close=True, **options):
    """The answer to one request, as Exim's ${readsocket} gets it: without the last line end."""
    with Client(where, greeting=False, **options) as client:
        client.send(octets)
        if half_close:
            client.socket.shutdown(socket.SHUT_WR)
        while client.fill():
            pass
    answer = client.buffer.decode()
    assert answer.endswith('\n') and answer.count('\n') == 1, answer
    return answer[:-1]


def with_message(line, octets):
    """A request of readsocket with a message, whose lines end with LF there."""
    return line.encode() + b'\n' + octets.replace(b'\r\n', b'\n')
