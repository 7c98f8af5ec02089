"""A test case for the command line: run a command, and say what it must print and how it must end."""
import json
import re
import unittest

from lib.daemon import Daemon

ANT, BEE = 'ant@example.com', 'bee@example.com'
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]')  # what could drive a terminal


class Commands(unittest.TestCase):
    """Each test has a database of its own; no server unless it starts one."""

    def setUp(self):
        self.sink = None
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def run_ok(self, *words, **options):
        done = self.daemon.cli(*words, **options)
        self.assertEqual((done.code, done.err), (0, ''), words)
        return done.out

    def lines(self, *words, **options):
        return self.run_ok(*words, **options).splitlines()

    def json(self, *words):
        return json.loads(self.run_ok(*words))

    def fails(self, words, *parts, code=1, stdin=None, out=''):
        """It ends with `code`, says nothing on stdout, and one clean line on stderr in which each of `parts` stands."""
        done = self.daemon.cli(*words, stdin=stdin)
        with self.subTest(words=words):
            self.assertEqual((done.code, done.out), (code, out), done.err)
            self.assertTrue(done.err.startswith('listward: ') and done.err.count('\n') == 1, done.err)
            self.assertIsNone(CONTROL.search(done.err))
            for part in parts:
                self.assertIn(part, done.err)

    def usage(self, words, *parts, **options):
        self.fails(words, *parts, code=2, **options)
