"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: the set-ups with files, and the database as one."""
import os
import unittest

from lib.mta.exim_setup import EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Kept:
    def without(self, *paths):
        """While Exim cannot read them, mail waits: nothing is called unknown."""
        for path in paths:
            os.rename(path, path + '.away')
        try:
            answer = self.send('ann@example.net', [self.ant], self.message('unread', 'ann@example.net'))
        finally:
            for path in paths:
                os.rename(path + '.away', path)
        self.assertRegex(answer.rcpt[0], r'^451 ')
        self.assert_taken(self.send('ann@example.net', [self.ant], self.message('unread', 'ann@example.net')))

    def map(self, name):
        return os.path.join(self.daemon.settings['mta']['maps'], name)


class AliasesFile(EximSetUp, Kept, SetUpChecks, unittest.TestCase):
    SETUP = 'aliases-file'

    def test_unreadable(self):
        self.without(self.map('exim_aliases'))


class Files(EximSetUp, Kept, SetUpChecks, unittest.TestCase):
    SETUP = 'files'

    def test_unreadable(self):
        self.without(self.map('exim_lists'))


class Sqlite(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'sqlite'

    def test_unreadable(self):
        path = os.path.join(self.daemon.state, 'listward.db')
        os.chmod(path, 0o600)
        answer = self.send('ann@example.net', [self.ant], self.message('unread', 'ann@example.net'))
        os.chmod(path, 0o640)
        self.assertRegex(answer.rcpt[0], r'^451 ')
        self.assert_taken(self.send('ann@example.net', [self.ant], self.message('unread', 'ann@example.net')))


if __name__ == '__main__':
    unittest.main()
