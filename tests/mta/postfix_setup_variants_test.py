"""`listward mta postfix` where an installation is not as usual: sockets in the queue directory for a chroot, the LMTP client's name, several domains or none; and what a set-up has
for a list's first seconds."""
import os
import unittest

from lib.daemon import Daemon
from lib.mta.postfix_setup import FRONT, PostfixSetUp
from lib.mta.printed import Printed
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300
QUEUE = '/var/spool/postfix'


class SocketsInTheQueueDirectory(PostfixSetUp, SetUpChecks, unittest.TestCase):
    """Found by smtpd in its chroot, and by the LMTP client out of it; which has a name of its own. TCP is not used at all."""
    DIALOGUE = FRONT
    SERVICES = ('lmtp', 'socketmap', 'milter')
    CONF = {**{service: {'listen': f'{QUEUE}/listward/{service}.sock'} for service in SERVICES}, 'mta': {'postfix_service': 'lists-out'}}

    @classmethod
    def adapted(cls, conf):
        """Where Postfix's queue directory is for the server."""
        os.makedirs(cls.mta.path('spool', 'listward'))
        return {**conf, **{service: {'listen': cls.mta.path('spool', 'listward', f'{service}.sock')} for service in cls.SERVICES}}

    def test_what_is_printed(self):
        text = self.printed.text('main.cf')
        for value in ('socketmap:unix:listward/socketmap.sock:recipient', 'lists-out:unix:listward/lmtp.sock', '{ unix:listward/milter.sock,'):
            self.assertIn(value, text)
        self.assertNotIn('inet:', text)
        self.assertIn('\nlists-out unix - - n - 10 lmtp\n', self.printed.text('master.cf'))


class FirstSeconds(PostfixSetUp, unittest.TestCase):
    """smtpd knows the list, trivial-rewrite does not yet: its mail goes the way of a user's, and arrives."""
    SETUP = 'own-domain'
    DOMAIN = 'example.com'
    MAIN_CF = {'mydestination': '$myhostname, localhost, example.com'}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mta.run('postconf', '-X', 'transport_maps')
        cls.mta.run('postfix', 'reload')

    test_a_posting = SetUpChecks.test_a_posting
    test_role_addresses = SetUpChecks.test_role_addresses
    test_verp_and_confirm_addresses = SetUpChecks.test_verp_and_confirm_addresses
    taken = SetUpChecks.taken

    def test_it_goes_through_local(self):
        self.send('ann@example.net', [self.ant], self.message('local', 'ann@example.net'))
        self.wait_copies('local', 1)
        self.mta.wait_log(r'lmtp\[\d+\]: \w+: to=<ant@example.com>.*status=sent')


class Text(unittest.TestCase):
    """What is filled in."""

    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def printed(self, setup='live', **conf):
        self.daemon.configure(conf)
        return Printed(self.daemon, 'postfix', setup)

    def test_no_domain_yet(self):
        text = self.printed(socketmap={'listen': None}, milter={'listen': None}).text('main.cf')
        self.assertIn('No domain is known yet', text)
        self.assertIn('\nrelay_domains = lists.example.com\n', text)

    def test_several_domains_and_an_alias(self):
        self.daemon.run('adddomain', 'b.example')
        self.daemon.run('adddomain', '--alias', 'c.example', 'a.example')
        text = self.printed(socketmap={'listen': None}, milter={'listen': None}, lmtp={'listen': '[::1]:8024'}).text('main.cf')
        self.assertIn('\nrelay_domains = a.example, b.example, c.example\n', text)
        self.assertIn('\ntransport_maps = inline:{ ' + ', '.join(f'{{{name}.example=listward:inet:[::1]:8024}}' for name in 'abc') + ' }\n', text)

    def test_who_may_write_to_the_socket(self):
        for setting, wanted in ({'socket_mode': '0666'}, None), ({'socket_mode': '0660'}, 'postfix'), ({'socket_mode': '0660', 'socket_group': 'mail'}, None):
            conf = self.printed(lmtp=setting, socketmap={'listen': None}, milter={'listen': None}).conf()
            self.assertEqual(conf.get('lmtp', {}).get('socket_group'), wanted, setting)

    def test_what_does_not_listen(self):
        """The line for listward.conf, with the address that is used."""
        printed = self.printed()
        self.assertEqual((printed.conf()['milter'], printed.conf()['socketmap']), ({'listen': '127.0.0.1:8028'}, {'listen': '127.0.0.1:8025'}))
        self.assertIn('{ inet:127.0.0.1:8028,', printed.text('main.cf'))
        self.assertEqual(printed.commands[0], 'systemctl restart listward')

    def test_files(self):
        """Where nothing is said of them: what to say, and the folder before the server starts."""
        printed = self.printed('relay')
        self.assertEqual(printed.conf()['mta']['maps'], '/var/lib/listward-maps')
        self.assertEqual(printed.conf()['mta']['postfix_service'], 'listward')
        self.assertTrue(printed.conf()['mta']['command'].startswith('/usr/sbin/postmap hash:/var/lib/listward-maps/postfix_lmtp '))
        self.assertEqual(printed.commands, ['install -d -o root /var/lib/listward-maps', 'systemctl restart listward', 'listward mta postfix --write /var/lib/listward-maps',
                                            printed.conf()['mta']['command'], 'postfix reload'])

    def test_files_that_are_kept_already(self):
        maps = os.path.join(self.daemon.scratch, 'maps')
        printed = self.printed('own-domain', lmtp={'socket_mode': '0666'}, mta={'maps': maps, 'command': '/usr/local/bin/maps-changed', 'postfix_service': 'lists-out'})
        self.assertNotIn('mta', printed.conf())
        self.assertEqual(printed.commands[0], f'listward mta postfix --write {maps}')
        self.assertIn(f'\ntransport_maps = hash:{maps}/postfix_lmtp\n', printed.text('main.cf'))

    def test_another_host(self):
        printed = self.printed('remote', lmtp={'listen': '127.0.0.1:8024'}, server={'hostname': 'lists.example.net'})
        self.assertEqual(sorted(printed.conf()['lmtp']), ['allow', 'listen', 'tls_certificate'])
        self.assertIn('=listward:inet:lists.example.net:8024}', printed.text('main.cf'))
        self.assertIn('lmtp_tls_secure_cert_match=lists.example.net\n', printed.text('master.cf'))
        self.assertEqual(printed.conf()['outlet'], {'host': '192.0.2.25'})
        for listen, where in ('192.0.2.7:24', 'inet:192.0.2.7:24'), ('[2001:db8::1]:24', 'inet:[2001:db8::1]:24'), ('0.0.0.0:24', 'inet:lists.example.net:24'):
            printed = self.printed('remote', lmtp={'allow': '192.0.2.0/24', 'tls_certificate': '/etc/listward/tls.pem', 'listen': listen}, outlet={'host': 'mx.example.net'})
            self.assertEqual(printed.conf(), {})
            self.assertIn(f'=listward:{where}}}', printed.text('main.cf'))
            self.assertNotIn('listward-client.pem', printed.text('master.cf'))


if __name__ == '__main__':
    unittest.main()
