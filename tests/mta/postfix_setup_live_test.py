"""`listward mta postfix`, run by a real Postfix on exactly what it prints: the recommended set-up, and the one that is live throughout."""
import unittest

from lib.mta.postfix_setup import FRONT, PostfixSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Live(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT


class ManyDomains(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'many-domains'
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT
    OTHERS_PASS = None  # it is told to come again, or waits in the queue

    def test_a_new_domain_is_known_at_once(self):
        name = 'new@other.example.com'
        self.daemon.run('create', name)
        self.daemon.run('set', name, 'default_nonmember_action=accept')
        self.daemon.run('addmembers', '-W', '-', name, stdin='fred@example.net\n')
        self.assert_taken(self.send('eve@outside.example', [name], self.message('domain', 'eve@outside.example')))
        self.assertEqual(self.wait_copies('domain', 1)[0].to, 'fred@example.net')
        self.assert_no_bounce()


if __name__ == '__main__':
    unittest.main()
