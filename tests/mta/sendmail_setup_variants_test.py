"""`listward mta sendmail` where an installation is not as usual: TCP, IPv6, a host that is named like the lists' domain, rules that were there before; and what is filled in."""
import unittest

from lib import ports
from lib.daemon import Daemon
from lib.mta.printed import Printed
from lib.mta.sendmail_debian import DebianSendmail
from lib.mta.sendmail_setup import BOXES, FRONT, SendmailSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300
SERVICES = ('lmtp', 'socketmap', 'milter')


class Tcp(SendmailSetUp):
    """Nothing listens on a unix socket."""
    DIALOGUE = FRONT
    HOST = '127.0.0.1'

    @classmethod
    def setUpClass(cls):
        cls.CONF = {service: {'listen': f'{cls.HOST}:{ports.free_port()}'} for service in SERVICES}
        super().setUpClass()


class OverTcp(Tcp, SetUpChecks, unittest.TestCase):
    def test_what_is_printed(self):
        text = self.printed.text('sendmail.mc')
        for service, line in ('milter', 'S=inet:{}@127.0.0.1,'), ('socketmap', '<TMPF> inet:{}@127.0.0.1\n'), ('lmtp', 'A=TCP $h {}\n'):
            self.assertIn(line.format(self.CONF[service]['listen'].split(':')[-1]), text)
        self.assertNotIn('local:', text)


class OverIpv6(Tcp, unittest.TestCase):
    HOST = '[::1]'
    UNKNOWN = SetUpChecks.UNKNOWN

    test_a_posting = SetUpChecks.test_a_posting
    test_unknown_addresses = SetUpChecks.test_unknown_addresses
    test_who_is_no_member = SetUpChecks.test_who_is_no_member


class TablesOverTcp(Tcp, unittest.TestCase):
    """The table names the mailer that is printed."""
    SETUP = 'milter'

    test_a_posting = SetUpChecks.test_a_posting
    test_who_is_no_member = SetUpChecks.test_who_is_no_member

    def test_what_is_printed(self):
        self.assertIn(f'A=TCP $h {self.CONF["lmtp"]["listen"].split(":")[-1]}\n', self.printed.text('sendmail.mc', 'at the end'))


class HostIsTheDomain(SendmailSetUp, SetUpChecks, unittest.TestCase):
    """The host, Listward and the lists' domain have one name; and there are rules, which still do what they did."""
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT

    @classmethod
    def make_mta(cls):
        rule = 'LOCAL_RULESETS\nSLocal_check_rcpt\nR$* no-way $*\t$#error $@ 5.7.1 $: "550 by a rule of our own"\n'
        return DebianSendmail(mailboxes=BOXES, hostname=cls.DOMAIN, rules=rule)

    def test_the_rule_that_was_there(self):
        answer = self.send('eve@outside.example', ['no-way@example.net', self.bee], self.message('rule', 'eve@outside.example'))
        self.assertRegex(answer.rcpt[0], '^550 5.7.1 .*by a rule of our own')
        self.assertRegex(answer.rcpt[1], '^250 ')


class Text(unittest.TestCase):
    """What is filled in."""

    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def printed(self, setup='live', **conf):
        self.daemon.configure(conf)
        return Printed(self.daemon, 'sendmail', setup)

    def test_no_domain_yet(self):
        text = self.printed().text('sendmail.mc')
        self.assertIn('No domain is known yet', text)
        self.assertIn("RELAY_DOMAIN(`lists.example.com')dnl\n", text)

    def test_each_domain(self):
        for name in 'ant@b.example', 'ant@a.example':
            self.daemon.run('create', name)
        self.daemon.run('adddomain', '--alias', 'c.example', 'd.example')
        text = self.printed().text('sendmail.mc')
        for before, after in ("RELAY_DOMAIN(`", "')dnl\n"), ("C{ListwardDomains} `", "'\n"):
            self.assertIn(''.join(f'{before}{domain}.example{after}' for domain in 'abcd'), text)

    def test_missing_services(self):
        conf = self.printed(socketmap={'listen': ''}, milter={'listen': ''}).conf()
        self.assertEqual(conf, {'socketmap': {'listen': '/run/listward/socketmap.sock'}, 'milter': {'listen': '/run/listward/milter.sock'}})

    def test_files(self):
        printed = self.printed('mailertable', mta={'maps': None})
        self.assertEqual(printed.conf()['mta']['maps'], '/var/lib/listward-maps')
        self.assertIn('/usr/sbin/makemap hash ', printed.conf()['mta']['command'])
        self.assertIn('install -d -o root /var/lib/listward-maps', printed.commands)

    def test_tables_follow_the_mailer(self):
        """What the table says, lists:localhost or lists:[127.0.0.1], is for the mailer that is printed."""
        for address, mailer in ('/run/x/lmtp.sock', 'A=FILE /run/x/lmtp.sock'), ('192.0.2.1:24', 'A=TCP $h 24'), ('[2001:db8::1]:24', 'A=TCP $h 24'):
            self.assertIn(mailer + '\n', self.printed('mailertable', mta={'lmtp': address}).text('sendmail.mc', 'at the end'))


if __name__ == '__main__':
    unittest.main()
