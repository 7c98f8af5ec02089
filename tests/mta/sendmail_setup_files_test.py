"""What `listward mta sendmail` prints, run by a real Sendmail with Debian's configuration: the set-ups by generated files."""
import unittest

from lib.mta.sendmail_setup import FRONT, SendmailSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Files(SendmailSetUp, SetUpChecks):
    # as in `access` and `mailertable` of a host that had them before
    OWN = {'access': ['To:closed-door@example.net\tERROR:5.7.1:550 not to this one', 'From:spam@outside.example\tREJECT']}

    def test_the_table_that_was_there(self):
        octets = self.message('own', 'eve@outside.example')
        self.assertRegex(self.send('eve@outside.example', ['closed-door@example.net'], octets).rcpt[0], '^550 5.7.1 .*not to this one')
        answer = self.send('spam@outside.example', [self.bee], octets)
        self.assertTrue([text for text in (answer.mail, *answer.rcpt) if text.startswith('550 5.7.1 ')], answer)

    def test_a_new_list_is_known_by_itself(self):
        """The server writes the files again, and runs makemap."""
        since = len(self.daemon.lines)
        name = f'new@{self.DOMAIN}'
        self.assertRegex(self.send('eve@outside.example', [name], b'').rcpt[0], self.UNKNOWN)
        self.daemon.run('create', name)
        self.daemon.run('set', name, 'default_nonmember_action=accept')
        self.daemon.run('addmembers', '-W', '-', name, stdin='fred@example.net\n')
        self.daemon.wait_log(since, event='maps written')
        self.again(lambda: self.send('eve@outside.example', [name], self.message('new', 'eve@outside.example')).data.startswith('250'), 'the new list is known')
        self.assertEqual(self.wait_copies('new', 1)[0].to, 'fred@example.net')
        self.assert_no_bounce()


class Mailertable(Files, unittest.TestCase):
    SETUP = 'mailertable'


class Milter(Files, unittest.TestCase):
    SETUP = 'milter'
    SERVICES = ('milter',)
    DIALOGUE = FRONT
    OTHERS_PASS = False


if __name__ == '__main__':
    unittest.main()
