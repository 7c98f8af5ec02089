"""MTAs that hand in mail while the server is being killed, and what each of them was told. An MTA sends again what it saw no reply for."""
import random
import socket
import threading

from lib.lmtp import crlf

DOMAIN = 'lists.example.com'
PERSON = 'author@example.org'


class List:
    def __init__(self, name, weight, members=0, settings=(), fate='accepted'):
        self.name, self.weight, self.fate = name, weight, fate
        self.address = f'{name}@{DOMAIN}'
        self.members = [f'{name}{number:04}@example.net' for number in range(members)]
        self.settings = settings


OPEN = ('default_nonmember_action=accept', 'max_message_size=0')
LISTS = (
    List('small', 40, 20, (*OPEN, 'personal=never')),
    List('batch', 15, 120, (*OPEN, 'personal=never')),
    List('big', 2, 1100, (*OPEN, 'personal=never')),
    List('own', 10, 70, (*OPEN, 'personal=always')),
    List('mixed', 5, 60, OPEN),
    List('held', 8, 3, ('default_nonmember_action=hold', 'max_message_size=0'), fate='held'),
    List('full', 5, 3, ('default_nonmember_action=hold', 'max_message_size=0', 'max_held=3'), fate='held'),
    List('closed', 8, 3, ('default_nonmember_action=reject', 'max_message_size=0'), fate='refused'),
    List('nobody', 5, fate='unknown'),
)
LINES = [b'%07d of the text that everybody is to get, once and whole.\r\n' % line for line in range(1000)]


def size_of(chance):
    kind = chance.random()
    return chance.randint(200, 4000) if kind < 0.8 else chance.randint(20000, 60000) if kind < 0.96 else chance.randint(300000, 900000)


def body(lines):
    return b''.join(LINES) * (lines // len(LINES)) + b''.join(LINES[:lines % len(LINES)])


def message(number, size, sender=PERSON):
    return crlf(f'From: {sender}\nTo: somebody@{DOMAIN}\nSubject: n{number}\nMessage-ID: <n{number}@example.org>\nX-Number: {number}\n'
                'Date: Sun, 22 Nov 2026 10:00:00 +0000\n\n') + body(size // len(LINES[0]))


class Told:
    """What became of each (number, list), as the MTAs know it. `sure`: 250; `unsure`: sent, and given up without ever seeing a reply."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sure, self.refused, self.unsure = {}, set(), set()
        self.lost, self.wrong = 0, []
        self.expected = 0  # copies

    def settle(self, number, to, reply):
        with self.lock:
            code, text = int(reply[:3]), reply.decode()
            fits = {'accepted': 'accepted', 'held': 'held'}.get(to.fate)
            if code == 250 and fits and fits in text:
                self.sure[number, to.name] = text.split()[2]
                self.expected += len(to.members) if to.fate == 'accepted' else 0
            elif code >= 500 and to.fate in ('refused', 'unknown'):
                self.refused.add((number, to.name))
            else:
                self.wrong.append(f'n{number} to {to.name}: {text}')

    def give_up(self, number, to):
        with self.lock:
            self.unsure.update((number, one.name) for one in to)


class Mta(threading.Thread):
    """One session at a time, one message after the other. `numbers`: an iterator shared by all. `gate`: waits while there is enough to do."""

    def __init__(self, port, numbers, seed, told, gate, done):
        super().__init__(daemon=True)
        self.port, self.numbers, self.told, self.gate, self.done = port, numbers, told, gate, done
        self.chance = random.Random(seed)
        self.sock = self.file = None

    def run(self):
        try:
            while not self.done.is_set():
                self.gate.wait()
                self.one(next(self.numbers))
        except Exception as trouble:  # pylint: disable=broad-except
            self.told.wrong.append(repr(trouble))

    def one(self, number):
        to = self.chance.choices(LISTS, [one.weight for one in LISTS], k=1)
        if self.chance.random() < 0.1:
            to = [LISTS[0], LISTS[1]]
        octets = message(number, size_of(self.chance))
        while to:
            sent = [False]
            try:
                to = self.transaction(number, to, octets, sent)
            except (OSError, EOFError):
                self.hang_up()
                with self.told.lock:
                    self.told.lost += sent[0]
                if self.done.is_set() or (sent[0] and self.chance.random() < 0.1):
                    self.told.give_up(number, to)
                    return
                self.done.wait(0.02)

    def hang_up(self):
        if self.sock:
            self.file.close()
            self.sock.close()
            self.sock = None

    def reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b'\r\n'):
                raise EOFError
            if line[3:4] != b'-':
                return line

    def connect(self):
        self.sock = socket.create_connection(('127.0.0.1', self.port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile('rb')
        self.reply()
        self.sock.sendall(b'LHLO mta.example.org\r\n')
        self.reply()

    def transaction(self, number, to, octets, sent):
        """Gives back those who are to be tried again."""
        if self.sock is None:
            self.connect()
        self.sock.sendall((f'MAIL FROM:<{PERSON}>\r\n' + ''.join(f'RCPT TO:<{one.address}>\r\n' for one in to)).encode())
        if not self.reply().startswith(b'250'):
            raise EOFError
        answers = [(one, self.reply()) for one in to]
        taken = [one for one, answer in answers if answer.startswith(b'250')]
        for one, answer in answers:
            if one not in taken:
                self.told.settle(number, one, answer)
        self.sock.sendall(b'DATA\r\n' if taken else b'RSET\r\n')
        go = self.reply()
        if not taken:
            return []
        if not go.startswith(b'354'):
            raise EOFError
        sent[0] = True
        self.sock.sendall(octets + b'.\r\n')
        again = []
        for one in taken:
            answer = self.reply()
            if answer.startswith(b'4'):
                again.append(one)
            else:
                self.told.settle(number, one, answer)
        return again
