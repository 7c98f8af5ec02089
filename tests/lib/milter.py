"""A milter's MTA, packet by packet.

    with Milter(port) as milter:
        verdict = milter.post('bat@example.net', ['ant@lists.example.com'], octets)   # Verdict(answer='a', text='', deleted=[])
"""
import collections
import struct

from lib.lmtp import Client

ACTIONS = 0x1ff
STEPS = {2: 0x7f, 3: 0x1ff, 4: 0x3ff, 6: 0x1fffff}
# What a filter needs not answer, by command.
MUTE = {'C': 0x1000, 'H': 0x2000, 'M': 0x4000, 'L': 0x80, 'N': 0x40000, 'B': 0x80000, 'U': 0x20000}
LEADING_SPACE = 0x100000
CHUNK = 65535

# `answer`: its letter. `text`: the reply of 'y'. `deleted`: recipients as they were given. `at`: the command it came to.
Verdict = collections.namedtuple('Verdict', 'answer text deleted at')


def packet(command, data=b''):
    return struct.pack('>I', len(data) + 1) + command.encode() + data


def texts(*words):
    return b''.join(word.encode() + b'\0' for word in words)


class Milter(Client):
    def __init__(self, where, version=6, offer=True, **options):
        super().__init__(where, greeting=False, **options)
        self.version = version
        self.steps = 0
        if offer:
            self.offer()

    def offer(self):
        letter, data = self.ask('O', struct.pack('>III', self.version, ACTIONS, STEPS[self.version]))
        assert letter == 'O', letter
        self.version, self.actions, self.steps = struct.unpack('>III', data)

    def tell(self, command, data=b''):
        self.send(packet(command, data))

    def answer(self):
        """(letter, data) of the next packet; ('', b'') at the end."""
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack('>I', self.buffer[:4])[0]:
            if not self.fill():
                return '', b''
        length = struct.unpack('>I', self.buffer[:4])[0]
        body, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
        return chr(body[0]), body[1:]

    def ask(self, command, data=b''):
        """The answer, or ('c', b'') where none is given."""
        self.tell(command, data)
        return ('c', b'') if self.steps & MUTE.get(command, 0) else self.answer()

    def verdict(self, command, data=b''):
        deleted = []
        while True:
            letter, answer = self.ask(command, data) if not deleted else self.answer()
            if letter != '-':
                return Verdict(letter, answer.rstrip(b'\0').decode(), deleted, command)
            deleted.append(answer.rstrip(b'\0').decode())

    # a transaction

    def mail(self, sender, *parameters):
        return self.verdict('M', texts(f'<{sender}>', *parameters))

    def rcpt(self, recipient):
        return self.verdict('R', texts(f'<{recipient}>'))

    def data(self):
        return self.verdict('T') if self.version >= 4 else Verdict('c', '', [], 'T')

    def parts(self, octets):
        """A message as (command, data)."""
        header, _, body = octets.partition(b'\r\n\r\n')
        for field in header.replace(b'\r\n ', b'\n ').replace(b'\r\n\t', b'\n\t').split(b'\r\n'):
            name, _, value = field.partition(b':')
            yield 'L', name + b'\0' + (value if self.steps & LEADING_SPACE else value.removeprefix(b' ')) + b'\0'
        for at in range(0, len(body), CHUNK):
            yield 'B', body[at:at + CHUNK]
        yield 'E', b''

    def message(self, octets):
        """The verdict, wherever it comes."""
        verdict = self.data()
        for command, data in self.parts(octets) if verdict.answer == 'c' else ():
            verdict = self.verdict(command, data)
            if verdict.answer != 'c':
                break
        return verdict

    def post(self, sender, recipients, octets, *parameters):
        """One message. The verdict that it is refused with, or that the last recipient gets."""
        verdict = self.mail(sender, *parameters)
        refused = [answer for answer in map(self.rcpt, recipients) if answer.answer != 'c'] if verdict.answer == 'c' else [verdict]
        if len(refused) == len(recipients):
            self.tell('A')
            return refused[-1]
        return self.message(octets)
