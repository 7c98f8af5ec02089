"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: a verdict for each recipient."""
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp, Splitting
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Prdr(EximSetUp, Splitting, SetUpChecks, unittest.TestCase):
    """Its clients do not know PRDR, and send once more what they are told to."""
    SETUP = 'prdr'
    SERVICES = ('readsocket',)
    DIALOGUE = FRONT

    def test_two_recipients_with_different_fates(self):
        answer = self.patient('eve@outside.example', [self.bee, self.ant], self.message('mixed', 'eve@outside.example'))
        self.assertRegex(answer.data, r'^550 5\.7\.1 .*member')
        self.assertEqual([mail.to for mail in self.wait_copies('mixed', 1)], ['bob@example.net'])
        self.settled()
        self.assertNotIn('mixed', self.held(self.ant))
        self.assert_no_bounce()


if __name__ == '__main__':
    unittest.main()
