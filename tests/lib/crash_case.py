"""A test case for crashes at chosen places: lists that are made once, a server, a next hop that keeps a journal, one MTA, and the account."""
import collections
import os
import shutil
import signal
import sqlite3
import tempfile
import unittest

from lib import crash_account, crash_database, crash_load, crash_run
from lib.crash_load import OPEN, List, Mta, Told

DAY = 24 * 3600 * 10 ** 6
PLAIN = List('plain', 1, 5, (*OPEN, 'personal=never'))
PERSONAL = List('own', 1, 3, (*OPEN, 'personal=always'))
MANY = List('many', 1, 60, (*OPEN, 'personal=always'))  # more than a piece of work
HELD = List('held', 1, 3, ('default_nonmember_action=hold', 'max_held=1'), fate='held')
LISTS = (PLAIN, PERSONAL, MANY, HELD)
SMALL, LARGE = 2000, 900000
JOBS = 'SELECT count(*) FROM job'


class Stepping(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The lists are made once, and each test begins with a copy."""
        crash_run.need_crash_points()
        cls.origin = tempfile.mkdtemp(prefix='listward-steps-')
        cls.addClassCleanup(shutil.rmtree, cls.origin, ignore_errors=True)
        server = crash_run.Server(cls.origin, 1)
        for one in LISTS:
            server.run('create', one.address)
            server.run('set', one.address, *one.settings)
            server.run('addmembers', '-W', '-', one.address, stdin='\n'.join(one.members) + '\n')

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='listward-step-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        shutil.copytree(os.path.join(self.origin, 'state'), os.path.join(self.folder, 'state'))
        self.hop = crash_run.NextHop(self.folder, 'steps')
        self.addCleanup(self.hop.kill)
        self.server = crash_run.Server(self.folder, self.hop.port, self.settings())
        self.addCleanup(self.end)
        self.told = Told()
        self.mta = Mta(self.server.port, iter(()), 'steps', self.told, None, None)
        self.addCleanup(self.mta.hang_up)
        self.in_hand = collections.Counter()
        self.number = 0

    def settings(self):
        return {}

    def end(self):
        if self.server.process and self.server.process.poll() is None:
            self.server.kill()

    # what happens

    def start(self, mark=None, passing=1, **environment):
        """False: it died before it was ready."""
        self.server.start(**({'LISTWARD_CRASH_AT': f'{mark}:{passing}'} if mark else {}), **environment)
        return self.server.wait_ready()

    def died(self):
        """It has killed itself; what it had in hand."""
        self.assertEqual(self.server.join(30), -signal.SIGKILL, self.server.log()[-2000:])
        for code, _, count in crash_database.ask_the_dead(self.server.database, crash_database.in_hand):
            self.in_hand[code] += count
        self.mta.hang_up()

    def hand_in(self, to=PLAIN, size=SMALL, again=True, sender=crash_load.PERSON):
        """One message, as an MTA would: sent again after a crash, if `again`. True: there was one."""
        self.number += 1
        octets = crash_load.message(self.number, size, sender)
        crashed = False
        while True:
            try:
                self.assertEqual(self.mta.transaction(self.number, [to], octets, [False]), [])
                return crashed
            except (OSError, EOFError):
                crashed = True
                self.died()
                if not again:
                    self.told.give_up(self.number, [to])
                    return True
                self.assertTrue(self.start())

    def command(self, *words, status=0, mark=None, passing=1, stdin=''):
        return self.server.run(*words, stdin=stdin, status=status, environment={'LISTWARD_CRASH_AT': f'{mark}:{passing}'} if mark else {})

    def rows(self, sql):
        return crash_database.ask_the_dead(self.server.database, lambda database: database.execute(sql).fetchall())

    def change(self, sql):
        database = sqlite3.connect(self.server.database)
        with database:
            database.execute(sql)
        database.close()

    def run_to_the_end(self, retry=False, until=None):
        """The last process: nothing is left to do when it ends, and `until`, a count, is 0."""
        if self.server.process is None or self.server.process.poll() is not None:
            self.assertTrue(self.start(), self.server.log()[-2000:])
        if retry:
            self.command('retry')
        for sql in ['SELECT count(*) FROM delivery WHERE state = 0'] + ([until] if until else []):
            self.server.wait_for_none(sql, 30)
        self.server.stop()

    def account(self, but=()):
        wrong, _ = crash_account.check(self.hop.journal.read(), self.told, LISTS, self.in_hand)
        wrong += self.told.wrong + crash_database.ask_the_dead(self.server.database, lambda database: crash_database.damage(database) + crash_database.wrongs(database, but))
        self.assertEqual(wrong, [], self.server.log()[-3000:])

    def finish(self, **options):
        self.run_to_the_end(**options)
        self.account()
