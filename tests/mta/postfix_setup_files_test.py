"""`listward mta postfix`, run by a real Postfix on exactly what it prints: the set-ups by generated files."""
import os
import time
import unittest

from lib.mta.postfix_setup import FRONT, PostfixSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Files(PostfixSetUp, SetUpChecks):
    def test_a_new_list_is_known_by_itself(self):
        """The server writes the files again, and runs postmap. What comes at once, when smtpd has seen that and trivial-rewrite has not, arrives too."""
        since = len(self.daemon.lines)
        name = f'new@{self.DOMAIN}'
        self.assertRegex(self.send('eve@outside.example', [name], b'').rcpt[0], self.UNKNOWN)
        written = os.stat(os.path.join(self.daemon.settings['mta']['maps'], 'postfix_lmtp.db')).st_mtime
        self.again(lambda: time.time() > written + 2, 'another second')  # Postfix knows a file's time in whole seconds
        self.daemon.run('create', self.at_home(name))
        self.daemon.run('set', self.at_home(name), 'default_nonmember_action=accept')
        self.daemon.run('addmembers', '-W', '-', self.at_home(name), stdin='fred@example.net\n')
        self.daemon.wait_log(since, event='maps written')

        def taken():
            return self.send('eve@outside.example', [name], self.message('new', 'eve@outside.example')).data.startswith('250')
        self.again(taken, 'the new list is known')
        self.assertEqual(self.wait_copies('new', 1)[0].to, 'fred@example.net')
        self.assert_no_bounce()


class OwnDomain(Files, unittest.TestCase):
    SETUP = 'own-domain'
    DOMAIN = 'example.com'
    POSTMASTER = False
    MAIN_CF = {'mydestination': '$myhostname, localhost, example.com', 'alias_maps': 'inline:{ {dora=dora@example.net} }'}

    def test_users_and_lists_side_by_side(self):
        self.assert_taken(self.send('eve@outside.example', ['dora@example.com', self.bee], self.message('user', 'eve@outside.example')))
        self.assertEqual(sorted(mail.to for mail in self.wait_copies('user', 2)), ['bob@example.net', 'dora@example.net'])


class Milter(OwnDomain):
    """The same, with the verdict in the dialogue."""
    SETUP = 'milter'
    SERVICES = ('milter',)
    DIALOGUE = FRONT


class Relay(Files, unittest.TestCase):
    SETUP = 'relay'


class Virtual(Files, unittest.TestCase):
    SETUP = 'virtual'
    DOMAIN = 'virt.example.org'
    HOME = 'lists.example.com'

    def test_the_domain_behind(self):
        self.assert_taken(self.send('ann@example.net', ['ant@lists.example.com'], self.message('behind', 'ann@example.net')))
        self.wait_copies('behind', 1)


if __name__ == '__main__':
    unittest.main()
