"""A list with members behind it, and the account of a posting: what every single member got, how often, and what the ledger says of it.

    class Some(Fanout):
        def test_it(self):
            people = self.add_members(2500)
            code = self.post()
            self.account(code, sent=people)
"""
import collections
import itertools
import json
import os
import re
import sqlite3
import threading
import unittest

from lib import events
from lib.daemon import Daemon
from lib.lmtp import Client, crlf
from lib.sink import KEYWORDS, Sink

LIST = 'ant@lists.example.com'
BOUNCES = 'ant-bounces@lists.example.com'
AUTHOR = 'author@example.org'

Fate = collections.namedtuple('Fate', 'state reply attempts via returned')
HOP = r'\S+:\d+ \d+/\d+'  # next hop, connection and transaction


def message(subject, sender=AUTHOR, more='', body='body\n'):
    """A posting's octets; the same subject gives the same message."""
    return crlf(f'From: {sender}\nTo: {LIST}\nSubject: {subject}\nMessage-ID: <{subject.replace(" ", ".")}@example.org>\n'
                f'Date: Sun, 22 Nov 2026 10:00:00 +0000\n{more}\n{body}')


def addresses(count, start=1, name='m'):
    return [f'{name}{number:05}@example.net' for number in range(start, start + count)]


class Gate:
    """A hook that holds the sink's reply back until it is opened: sink.on['DOT'] = gate."""

    def __init__(self):
        self.opened = threading.Event()
        self.held = []  # what the hook was called with

    def __call__(self, session, argument):
        with events.changed:
            self.held.append(argument)
            events.changed.notify_all()
        self.opened.wait(120)

    def wait(self, count=1):
        events.wait_for(lambda: len(self.held) >= count, what=f'{count} held back')
        return self.held

    def open(self):
        self.opened.set()


class Fanout(unittest.TestCase):
    """One daemon with the list LIST, to which anybody may post, and one sink for each test."""
    CONFIG = {}
    KEYWORDS = KEYWORDS
    COURIER = {'retry_first': '1s', 'retry_max': '1s'}

    def setUp(self):
        self.sink = Sink(keywords=self.KEYWORDS)
        self.daemon = Daemon(self.sink, config={'courier': self.COURIER, **self.CONFIG}, env=self.environment())
        self.subjects = itertools.count(1)
        self.addCleanup(self.check_sink)
        self.addCleanup(self.daemon.close)
        self.addCleanup(self.sink.stop)  # first: what the sink still holds back would hold up the daemon's end
        self.daemon.start()
        self.make_list(LIST)

    def environment(self):
        return {}

    def check_sink(self):
        self.assertEqual(self.sink.violations, [])

    def make_list(self, name):
        self.daemon.run('create', name)
        self.daemon.run('set', name, 'default_nonmember_action=accept', 'max_message_size=0')

    def add_members(self, people, *options, to=LIST):
        """`people`: how many, or their addresses. Returns the addresses."""
        people = addresses(people) if isinstance(people, int) else list(people)
        self.daemon.run('addmembers', '-W', *options, '-', to, stdin='\n'.join(people) + '\n')
        return people

    def post(self, octets=None, to=LIST, sender=AUTHOR, mail=''):
        """Posts; returns the id that the reply shows."""
        with Client(self.daemon.port) as client:
            client.lhlo()
            reply = client.deliver(sender, [to], octets or message(f'posting {next(self.subjects)}'), mail)[0]
        self.assertEqual(reply.code, 250, reply)
        self.assertRegex(reply.text, r'^2\.6\.0 \w+ accepted for ')
        return reply.text.split()[1]

    def open_window(self, count):
        """Afterwards the outlet may use `count` connections at a time at once: two at first, and one more with each piece that goes well."""
        self.make_list('window@lists.example.com')
        self.add_members(['window@example.net'], to='window@lists.example.com')
        for _ in range(2, count):
            self.post(to='window@lists.example.com')
            self.wait_done()
        for session in self.sink.open_sessions:
            session.end()
        self.sink.clear()

    # what stands in the database

    def rows(self, sql, *values):
        path = os.path.join(self.daemon.state, 'listward.db')
        database = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=30)
        try:
            return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def change(self, sql):
        """A statement beside the server, or without one."""
        database = sqlite3.connect(os.path.join(self.daemon.state, 'listward.db'), timeout=30)
        try:
            with database:
                database.execute(sql)
        finally:
            database.close()

    def number(self, sql, *values):
        return self.rows(sql, *values)[0][0]

    def bounces(self):
        """Addresses with a bounce event."""
        return sorted(row[0] for row in self.rows('SELECT address FROM bounce'))

    def open_deliveries(self):
        return self.number('SELECT count(*) FROM delivery WHERE state <> 2')

    def wait_done(self, seconds=events.SECONDS):
        """Until nothing is left to be sent. Every recorded piece of work is a log line, which wakes this."""
        self.daemon.wait_for(lambda: self.open_deliveries() == 0, seconds, 'all deliveries were to be done')

    # the account

    def ledger(self, code, *address):
        """{address: Fate} of everybody the ledger knows, or of one."""
        fates = {}
        for line in json.loads(self.daemon.run('ledger', '--json', code, *address)):
            self.assertNotIn(line['address'], fates, 'in the ledger twice')
            fates[line['address']] = Fate(line['state'], line['reply'], line['attempts'], line['via'], line['returned'])
        return fates

    def story(self, code, address):
        """What the ledger tells of one: [(event, via, text)], in order of time."""
        lines = json.loads(self.daemon.run('ledger', '--json', code, address))
        history = lines[0]['history']
        times = [event['at'] for event in history]
        self.assertEqual(times, sorted(times))
        for time in times:
            self.assertRegex(time, r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        return [(event['event'], event['via'], event['text']) for event in history]

    def copies(self, code):
        """Counter: how many copies of this posting each address got."""
        with events.changed:
            caught = list(self.sink.messages)
        mark = re.compile(rb'\sid\s+' + code.encode() + rb'\s')
        return collections.Counter(address for mail in caught if mark.search(mail.header) for address in mail.addresses)

    def account(self, code, sent=(), failed=(), reason='', twice=0):
        """After all is done: `sent` got exactly one copy each and `failed` none, for a reason that matches; nobody else got any, or has a line in the ledger.
        `twice`: so many may have got two (after a crash)."""
        self.wait_done()
        copies, ledger = self.copies(code), self.ledger(code)
        again = [address for address, count in copies.items() if count > 1]
        self.assertLessEqual(len(again), twice, f'sent twice: {again[:5]} …\n{self.daemon.log_text()}')
        self.assertLessEqual(max(copies.values(), default=0), 1 if not twice else 2)
        self.assertEqual(set(copies), set(sent), self.daemon.log_text(40))
        self.assertEqual({address for address, fate in ledger.items() if fate.state == 'sent'}, set(sent))
        self.assertEqual({address for address, fate in ledger.items() if fate.state == 'failed'}, set(failed))
        self.assertEqual(set(ledger) - set(sent) - set(failed), set())
        for address in sent:
            self.assertRegex(ledger[address].reply, r'^2\d\d ')
            self.assertRegex(ledger[address].via, f'^{HOP}$')
        for address in failed:
            self.assertRegex(ledger[address].reply, reason)
        return ledger


class Breaking(Fanout):
    """One hook does one thing once; in the end everybody has one copy."""

    def once(self, hook, action, after=0):
        """The hook does this once, after so many calls; all others go on as usual."""
        calls = [0]

        def act(session, argument):
            calls[0] += 1
            return action if calls[0] == after + 1 else None
        self.sink.on = {hook: act}
        return calls

    def check_steps(self, hook, action, people, after=0):
        calls = self.once(hook, action, after)
        self.account(self.post(), sent=people)
        self.assertGreater(calls[0], after)
        self.assertEqual(self.bounces(), [])
        # idle connections would let the next step pass by greeting and EHLO
        for session in self.sink.open_sessions:
            session.end()
