"""What `listward mta sendmail` prints, run by a real Sendmail with Debian's configuration: the set-ups that ask live."""
import unittest

from lib.mta.sendmail_setup import FRONT, SendmailSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Recommended(SendmailSetUp, SetUpChecks, unittest.TestCase):
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT


class Recipients(SendmailSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'recipients'
    SERVICES = ('socketmap',)
    DIALOGUE = {'banned'}


class OwnDomain(SendmailSetUp, SetUpChecks, unittest.TestCase):
    """Users live in the domain of the lists."""
    SETUP = 'own-domain'
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT
    DOMAIN = 'example.com'
    POSTMASTER = False
    OWN = {'own_domains': ('example.com',)}

    def test_users_and_lists_side_by_side(self):
        self.assert_taken(self.patient('eve@outside.example', ['dora@example.com', self.bee], self.message('user', 'eve@outside.example')))
        self.assertEqual(sorted(mail.to for mail in self.wait_copies('user', 2)), ['bob@example.net', 'dora@example.net'])
        self.assert_no_bounce()

    def test_users_while_the_server_is_away(self):
        """Nobody knows then whether an address of that domain is a list's: the client comes again."""
        self.daemon.stop()
        answer = self.send('eve@outside.example', ['dora@example.com'], self.message('later', 'eve@outside.example'))
        self.daemon.start()
        self.assertRegex(answer.rcpt[0], '^451 ')
        self.assert_taken(self.patient('eve@outside.example', ['dora@example.com'], self.message('later', 'eve@outside.example')))


if __name__ == '__main__':
    unittest.main()
