"""An SMTP server in a process of its own that writes down what it takes before it says so: killing the program under test, or this server, loses none of the evidence.

    python3 journal_sink.py PORT JOURNAL SEED [chunking]        reads `rough` and `calm` from its standard input, a line each

The journal, a line each, CONNECTION being unique over all processes:
    T CONNECTION NUMBER TIME MARK CODE SENDER RECIPIENT,…   a message was taken (MARK: its X-Number field, CODE: the posting's id from our Received field)
    R CONNECTION NUMBER                                     its 250 was written
    E CONNECTION                                            the client ended the connection, not we
Rough: now and then 421, 451, garbage, a connection dropped after the dot, with the message taken or not, or a pause.
"""
import os
import random
import re
import socket
import sys
import threading
import time

MARK = re.compile(rb'^X-Number: (\d+)\r$', re.M | re.I)
CODE = re.compile(rb'^Received:(?:[^\r]|\r\n[ \t])*?\sid\s+(\w+)[\s;]', re.M | re.I)

state = {'rough': False}


class Dropped(Exception):
    """This server closes without another word."""


class Journal:
    def __init__(self, path):
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *words):
        os.write(self.descriptor, (' '.join(map(str, words)) + '\n').encode())


class Connection:
    def __init__(self, sock, name, journal, chance, chunking):
        self.sock, self.name, self.journal, self.chance, self.chunking = sock, name, journal, chance, chunking
        self.buffer = bytearray()
        self.replies = []
        self.written = []  # numbers of messages whose 250 stands in `replies`
        self.number = 0
        self.sender, self.recipients, self.content = None, [], bytearray()

    # octets

    def flush(self):
        if self.replies:
            self.sock.sendall(b''.join(self.replies))
            self.replies.clear()
            for number in self.written:
                self.journal.write('R', self.name, number)
            self.written.clear()

    def fill(self):
        self.flush()
        octets = self.sock.recv(1 << 17)
        if not octets:
            raise EOFError
        self.buffer += octets

    def line(self):
        while (end := self.buffer.find(b'\r\n')) < 0:
            self.fill()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def octets(self, count):
        while len(self.buffer) < count:
            self.fill()
        octets = bytes(self.buffer[:count])
        del self.buffer[:count]
        return octets

    def dotted(self):
        """Up to the lone dot, which may come at once."""
        self.buffer[:0] = b'\r\n'
        seen = 0
        while (end := self.buffer.find(b'\r\n.\r\n', seen)) < 0:
            seen = max(0, len(self.buffer) - 4)
            self.fill()
        octets = bytes(self.buffer[2:end + 2])
        del self.buffer[:end + 5]
        return octets

    def say(self, text):
        self.replies.append(text.encode() + b'\r\n')

    # chance

    def happens(self, per_mille):
        return state['rough'] and self.chance.random() * 1000 < per_mille

    def close_with(self, text):
        self.say(text)
        self.flush()
        raise Dropped

    # commands

    def serve(self):
        try:
            self.say('220 sink.example.net ESMTP')
            while True:
                self.command(self.line())
        except (EOFError, ConnectionError):
            self.journal.write('E', self.name)
        except Dropped:
            pass
        finally:
            self.sock.close()

    def command(self, line):
        verb = line[:4].upper()
        if verb == b'EHLO':
            words = ['sink.example.net', 'PIPELINING', '8BITMIME', 'SMTPUTF8'] + ['CHUNKING'] * self.chunking
            for word in words[:-1]:
                self.say('250-' + word)
            self.say('250 ' + words[-1])
        elif verb == b'MAIL':
            self.mail(line)
        elif verb == b'RCPT':
            self.rcpt(line)
        elif verb == b'DATA':
            self.data()
        elif verb == b'BDAT':
            self.bdat(line.split())
        elif verb == b'QUIT':
            self.say('221 2.0.0 bye')
            self.flush()
            raise EOFError
        else:
            self.reset()
            self.say('250 2.0.0 ok')

    def reset(self):
        self.sender, self.recipients, self.content = None, [], bytearray()

    def mail(self, line):
        self.reset()
        if self.happens(2):
            self.close_with('421 4.3.2 too busy')
        if self.happens(2):
            self.say('451 4.3.0 not this one, now')
            return
        self.sender = line[line.index(b'<') + 1:line.index(b'>')].decode()
        self.say('250 2.1.0 ok')

    def rcpt(self, line):
        if self.sender is None:
            self.say('503 5.5.1 no MAIL')
        elif self.happens(0.2):
            self.say('451 4.2.1 this mailbox not now')
        else:
            self.recipients.append(line[line.index(b'<') + 1:line.index(b'>')].decode())
            self.say('250 2.1.5 ok')

    def data(self):
        if not self.recipients:
            self.say('503 5.5.1 no recipients')
            return
        self.say('354 go on')
        self.end(self.dotted())

    def bdat(self, words):
        octets = self.octets(int(words[1]))
        if not self.recipients:
            self.say('503 5.5.1 no recipients')
            return
        self.content += octets
        if len(words) > 2:
            self.end(bytes(self.content))
        else:
            self.say('250 2.0.0 more')

    def end(self, octets):
        """A whole message. Each way of going wrong for itself."""
        if self.happens(4):
            raise Dropped
        if self.happens(8):
            self.say('451 4.3.0 try again')
        elif self.happens(4):
            self.close_with('421 4.3.2 that was enough')
        elif self.happens(4):
            self.close_with('what is this?')
        else:
            self.take(octets)
            if self.happens(8):
                raise Dropped
            if self.happens(4):
                self.flush()
                threading.Event().wait(self.chance.random())
            self.say('250 2.0.0 taken')
        self.reset()

    def take(self, octets):
        header = octets[:octets.find(b'\r\n\r\n') + 2]
        mark, code = MARK.search(header), CODE.search(header)
        self.number += 1
        self.journal.write('T', self.name, self.number, f'{time.monotonic():.3f}', mark[1].decode() if mark else '-', code[1].decode() if code else '-',
                           self.sender or '<>', ','.join(self.recipients))
        self.written.append(self.number)


def listen(port, journal, seed, chunking):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', port))
    listener.listen(128)
    print('ready', flush=True)
    count = 0
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count += 1
        connection = Connection(sock, f'{os.getpid()}.{count}', journal, random.Random(f'{seed} {count}'), chunking)
        threading.Thread(target=connection.serve, daemon=True).start()


def main(port, path, seed, *options):
    journal = Journal(path)
    threading.Thread(target=listen, args=(int(port), journal, seed, 'chunking' in options), daemon=True).start()
    for word in sys.stdin:
        state['rough'] = word.strip() == 'rough'


if __name__ == '__main__':
    main(*sys.argv[1:])
