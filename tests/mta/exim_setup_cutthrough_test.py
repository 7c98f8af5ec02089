"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: cutthrough delivery."""
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp, Splitting
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Cutthrough(EximSetUp, Splitting, SetUpChecks, unittest.TestCase):
    SETUP = 'cutthrough'
    SERVICES = ('smtp',)
    DIALOGUE = FRONT

    def test_others_first(self):
        """Then the mail is queued, as without cutthrough: nothing is lost, and nobody is sent a bounce."""
        for sender, copies in ('ann@example.net', ['ann@example.net', 'dora@example.net']), ('eve@outside.example', ['dora@example.net']):
            subject = 'first-' + sender.split('@')[0]
            self.assert_taken(self.patient(sender, ['dora@example.net', self.ant], self.message(subject, sender)))
            self.assertEqual(sorted(mail.to for mail in self.wait_copies(subject, len(copies))), copies)
        self.daemon.wait_for(lambda: 'first-eve' in self.held(self.ant), what='the posting is held')
        self.assert_no_bounce()

    def test_two_lists(self):
        self.assert_taken(self.patient('ann@example.net', [self.ant, self.bee], self.message('two', 'ann@example.net')))
        self.assertEqual(sorted(mail.to for mail in self.wait_copies('two', 2)), ['ann@example.net', 'bob@example.net'])

    def test_nothing_is_queued(self):
        since = len(self.mta.lines)
        self.assert_taken(self.patient('ann@example.net', [self.ant], self.message('through', 'ann@example.net')))
        self.mta.wait_log(r' >> ant', since=since)


if __name__ == '__main__':
    unittest.main()
