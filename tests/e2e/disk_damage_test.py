"""A database that is none, or another's, or damaged: recognised at the start and while the server runs, and left as it is."""
import os
import sqlite3
import unittest

from lib.daemon import Daemon
from lib.posting import MEMBER, UNKNOWN, Served, message
from lib.sink import Sink

WHAT_TO_DO = ('keep the damaged file', 'backup', '.recover')


def page_of(path, name):
    """Offset and size of a table's or index's first page."""
    database = sqlite3.connect(path)
    try:
        size = database.execute('PRAGMA page_size').fetchone()[0]
        return (database.execute('SELECT rootpage FROM sqlite_schema WHERE name = ?', (name,)).fetchone()[0] - 1) * size, size
    finally:
        database.close()


def spoil(path, offset, size):
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(b'\xa5' * size)


class AtTheStart(unittest.TestCase):
    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.stop)
        self.daemon = Daemon(self.sink)
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        self.daemon.run('create', 'ant@example.com')
        self.daemon.restart()  # all is in the one file
        self.path = os.path.join(self.daemon.state, 'listward.db')

    def files(self):
        """What is not empty; the shared memory is no part of the database."""
        found = {name: open(os.path.join(self.daemon.state, name), 'rb').read() for name in os.listdir(self.daemon.state)
                if name.startswith('listward.db') and not name.endswith('-shm') and os.path.isfile(os.path.join(self.daemon.state, name))}
        return {name: octets for name, octets in found.items() if octets}

    def refuses_to_start(self, *words):
        before, since = self.files(), len(self.daemon.lines)
        self.daemon.start(wait=False)
        self.assertEqual(self.daemon.wait_end(), 1)
        said = '\n'.join(self.daemon.lines[since:])
        for word in (self.path, *words):
            self.assertIn(word, said)
        self.assertTrue(self.files() == before, 'a file was changed')

    def test_no_database(self):
        self.daemon.stop()
        spoil(self.path, 0, 4096)
        self.refuses_to_start('not a database', 'move the file away')

    def test_another_program_s(self):
        self.daemon.stop()
        os.unlink(self.path)
        database = sqlite3.connect(self.path)
        database.executescript('CREATE TABLE bookmarks (url TEXT); PRAGMA application_id = 77; PRAGMA user_version = 3')
        database.close()
        self.refuses_to_start('belongs to another program')

    def test_too_short(self):
        self.daemon.stop()
        os.truncate(self.path, os.path.getsize(self.path) // 2)
        self.refuses_to_start('malformed', *WHAT_TO_DO)

    def test_too_short_after_a_crash(self):
        self.daemon.kill()
        os.truncate(self.path, os.path.getsize(self.path) // 2)
        self.refuses_to_start(*WHAT_TO_DO)

    def test_a_bad_page_after_a_crash(self):
        offset, size = page_of(self.path, 'ban')
        self.daemon.run('create', 'bee@example.com')
        self.daemon.kill()
        self.assertIn('listward.db-wal', os.listdir(self.daemon.state))
        spoil(self.path, offset, size)
        self.refuses_to_start('is damaged', 'nothing was changed', *WHAT_TO_DO)

    def test_whole_after_a_crash(self):
        self.daemon.run('create', 'bee@example.com')
        self.daemon.kill()
        since = len(self.daemon.lines)
        self.daemon.start()
        self.assertEqual(len(self.daemon.log_lines(since, event='the database was not closed in order: looking through it')), 1)
        self.assertEqual(self.daemon.log_lines(since, level='error'), [])
        self.daemon.restart()
        self.assertEqual(len(self.daemon.log_lines(since, event='the database was not closed in order: looking through it')), 1)

    def test_files_beside_it_that_cannot_be_read(self):
        self.daemon.stop()
        for name, words in (('-wal', 'unable to open database file'), ('-shm', 'attempt to write a readonly database')):
            with self.subTest(name):
                os.mkdir(self.path + name)
                self.refuses_to_start(words, 'must be writable')
                os.rmdir(self.path + name)
        self.daemon.start()


class WhileItRuns(Served):
    def test_what_works_goes_on(self):
        """A page is bad that only postings need."""
        ant = self.create('ant')
        path = os.path.join(self.daemon.state, 'listward.db')
        self.daemon.stop()
        spoil(path, *page_of(path, 'posting'))
        since = len(self.daemon.lines)
        self.daemon.start()
        client = self.client()
        for _ in range(3):
            self.assertRegex(str(client.deliver(MEMBER, [ant], message())[0]), r'^451 4\.3\.0 ')
        self.assertRegex(str(client.deliver(MEMBER, ['nobody@lists.example.com'], message())[0]), UNKNOWN)
        self.assertEqual(self.daemon.run('lists').split(), [ant])
        self.daemon.run('create', 'bee@example.com')
        alarms = self.daemon.log_lines(since, event='the database is damaged')
        self.assertEqual(len(alarms), 1)  # a minute
        self.assertEqual(alarms[0]['file'], path)
