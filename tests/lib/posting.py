"""What most tests of postings share: a message, a server for the whole class, lists on it, one posting and its reply."""
import itertools
import os
import re
import sqlite3
import tempfile
import unittest

from lib.daemon import Daemon
from lib.lmtp import Client, crlf
from lib.sink import Sink

DOMAIN = 'lists.example.com'
MEMBER = 'bat@example.net'
STRANGER = 'eve@example.org'
ID = r'[a-z0-9]{8,16}'

counter = itertools.count(1)


def message(sender=MEMBER, subject=None, to=f'ant@{DOMAIN}', body='hello\n', more='', date='Sun, 22 Nov 2026 10:00:00 +0000'):
    """A message of its own each time. `more`: further header fields, on top, a line each."""
    number = next(counter)
    subject = f'number {number}' if subject is None else subject
    return crlf(more) + crlf(f'From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{number}@example.net>\nDate: {date}\n\n') + crlf(body)


def accepted(address):
    return rf'^250 2\.6\.0 {ID} accepted for {re.escape(address)}$'


def held(address, reason='.+'):
    return rf'^250 2\.6\.0 {ID} held for the moderators of {re.escape(address)}: {reason}$'


def taken(address):
    return rf'^250 2\.6\.0 {ID} taken for {re.escape(address)}$'


DISCARDED = rf'^250 2\.6\.0 {ID} done$'
UNKNOWN = r'^550 5\.1\.1 no list here by that name$'


def code(reply):
    """The id in a reply."""
    return re.match(rf'250 2\.6\.0 ({ID}) ', str(reply))[1]


class Served(unittest.TestCase):
    """One server and one sink for all the tests of a class. `config` as for Daemon."""
    config = None

    @classmethod
    def setUpClass(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.stop)
        cls.daemon = Daemon(cls.sink, cls.config)
        cls.addClassCleanup(cls.daemon.close)
        cls.prepare()
        cls.daemon.start()
        cls.furnish()

    @classmethod
    def prepare(cls):
        """Before the server starts."""

    @classmethod
    def furnish(cls):
        """What all tests of the class find."""

    def run(self, result=None):
        before = len(self.daemon.lines)
        wrong = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > wrong:
            print('\n'.join(f'# {line}' for line in self.daemon.lines[before:][-60:]), flush=True)

    @classmethod
    def create(cls, name, *settings, members=(MEMBER,), owners=(), options=()):
        """A list; returns its address."""
        address = name if '@' in name else f'{name}@{DOMAIN}'
        cls.daemon.run('create', *options, *(word for owner in owners for word in ('-o', owner)), address)
        if settings:
            cls.daemon.run('set', address, *settings)
        if members:
            cls.daemon.run('addmembers', '-W', '-', address, stdin=''.join(f'{member}\n' for member in members))
        return address

    def client(self, where=None):
        """A session that has said LHLO; closed when the test ends."""
        client = Client(where or self.daemon.port)
        self.addCleanup(client.close)
        client.lhlo()
        return client

    def post(self, address, octets=None, sender=MEMBER, where=None, mail='', xforward=None):
        """The reply to a posting of the member's, as text. `address` may be several: replies then."""
        several = not isinstance(address, str)
        with Client(where or self.daemon.port) as client:
            client.lhlo()
            if xforward:
                self.assertEqual(client.command(f'XFORWARD {xforward}').code, 250)
            replies = client.deliver(sender, address if several else [address], message(sender) if octets is None else octets, mail)
        texts = [str(reply) for reply in replies]
        return texts if several else texts[0]

    def copy_of(self, reply):
        """The copy that went out of the posting with this reply."""
        mark = re.compile(rf'\bid\s+{code(reply)}\b'.encode())
        return self.daemon.wait_for(lambda: next((caught for caught in list(self.sink.messages) if mark.search(caught.header)), None), what=f'a copy of {reply}')

    def held_ids(self, address):
        return [line.split()[0] for line in self.daemon.run('held', address).splitlines()]

    def explain(self, address, octets, *options):
        """The last line's reply; the exit status must be 0."""
        with tempfile.NamedTemporaryFile(dir=self.daemon.scratch) as file:
            file.write(octets)
            file.flush()
            lines = self.daemon.run('explain', *options, address, file.name).splitlines()
        self.assertTrue(lines[-1].startswith('reply: '), lines)
        return lines[-1].removeprefix('reply: ')

    def rows(self, sql, *arguments):
        """What the database holds, read beside the server."""
        database = sqlite3.connect(f'file:{os.path.join(self.daemon.state, "listward.db")}?mode=ro', uri=True)
        try:
            return database.execute(sql, arguments).fetchall()
        finally:
            database.close()
