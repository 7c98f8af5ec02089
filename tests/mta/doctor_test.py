"""`listward doctor` beside a real Postfix that has what `listward mta postfix` printed, and beside one that is set up wrong."""
import os
import re
import unittest

from lib.mta.postfix_setup import FRONT, PostfixSetUp

TIMEOUT = 120


class Recommended(PostfixSetUp, unittest.TestCase):
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT

    def change(self, *settings):
        """main.cf for this test alone."""
        before = self.mta.run('postconf', '-n')
        self.addCleanup(self.reload, *[line for line in before.splitlines() if line.split(' = ')[0] in [setting.split('=')[0] for setting in settings]])
        self.reload(*settings)

    def reload(self, *settings):
        self.mta.run('postconf', '-e', *settings)
        self.mta.run('postfix', 'reload')

    def finds(self, check, level, words, *options):
        """In the end: Postfix takes a moment to read its configuration again."""
        found = []

        def is_so():
            found[:] = self.diagnosis(check, *options)
            return any(its == level and words in what for its, what in found)
        self.again(is_so, found)

    def test_all_is_well(self):
        for check in 'server', 'database', 'outlet', 'refusal', 'probe':
            self.assertEqual({level for level, _ in self.diagnosis(check)}, {'ok'}, check)
        for check in 'lmtp', 'milter', 'socketmap':  # the tests' sockets lie below /tmp
            self.assertEqual([what for _, what in self.diagnosis(check) if 'lies below /tmp' not in what and 'within the mail server' not in what], [])

    def test_nothing_is_left_behind(self):
        self.finds('probe', 'ok', self.DOMAIN)
        self.assert_no_bounce()
        self.assertEqual((self.mta.queue(), self.held(self.ant)), ([], ''))

    def test_postfix_knows_no_recipients(self):
        self.change('relay_recipient_maps=')
        self.finds('refusal', 'problem', 'takes mail for lists of lists.example.com that there are not')

    def test_postfix_does_not_know_the_domain(self):
        self.change('relay_domains=')
        self.finds('probe', 'problem', 'Relay access denied')

    def test_postfix_asks_where_nobody_is(self):
        self.change('relay_recipient_maps=socketmap:inet:127.0.0.1:9:recipient')
        self.finds('refusal', 'note', '451 4.3.0')
        self.finds('probe', 'problem', '451 4.3.0')

    def test_postfix_delivers_elsewhere(self):
        self.change('transport_maps=inline:{ {lists.example.com=discard:} }')
        self.finds('probe', 'problem', 'did not come in over LMTP', '--wait', '1')

    def test_the_client_is_in_a_chroot(self):
        folder = os.path.join(self.daemon.scratch, 'etc')
        os.mkdir(folder)
        with open(os.path.join(folder, 'master.cf'), 'w', encoding='utf-8') as file:
            file.write(self.mta.run('postconf', '-M'))
        self.daemon.env['MAIL_CONFIG'] = folder
        self.addCleanup(self.daemon.env.pop, 'MAIL_CONFIG')
        self.assertEqual(self.diagnosis('chroot'), [])  # Debian's own "lmtp" has one
        with open(os.path.join(folder, 'master.cf'), 'w', encoding='utf-8') as file:
            file.write(re.sub(r'^(listward +unix +- +- +)n', r'\1y', self.mta.run('postconf', '-M'), flags=re.M))
        self.assertIn('"listward" runs in its chroot', self.diagnosis('chroot')[0][1])

    def test_the_server_is_away(self):
        self.daemon.stop()
        self.addCleanup(self.daemon.start)
        for check, words in ('server', 'no server is running'), ('lmtp', 'nobody answers'), ('socketmap', 'nobody answers'), ('milter', 'nobody answers'), ('probe', '451 4.3.0'):
            self.finds(check, 'problem', words)


if __name__ == '__main__':
    unittest.main()
