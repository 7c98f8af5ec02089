"""A real Exim with cutthrough_delivery: the message is handed to Listward over SMTP while the client waits, and Listward's reply is Exim's."""
import smtplib
import unittest

from lib import events, ports
from lib.daemon import Daemon
from lib.mta import Exim
from lib.tags import untagged

TIMEOUT = 300
DOMAIN = 'lists.example.com'
ANT, BEE = f'ant@{DOMAIN}', f'bee@{DOMAIN}'
ANN, BOB, CAT, EVE = 'ann@example.net', 'bob@example.net', 'cat@example.net', 'eve@example.org'


def message(subject, sender=ANN, body='hello\r\n.dot\r\n..\r\n', to=ANT):
    return (f'From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.net>\r\n'
            f'Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n{body}').encode()


class Cutthrough(Exim):
    """Mail for lists goes over SMTP, as it comes in."""
    CHANGES = (('  protocol = lmtp\n', ''), ('  accept\n\nbegin routers', '  accept domains = +lists\n         control = cutthrough_delivery/defer=pass\n  accept\n\nbegin routers'))

    def configure(self, own=''):
        super().configure(own)
        path = self.path('lower/etc/exim4/exim4.conf')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        for before, after in self.CHANGES:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        self.write('lower/etc/exim4/exim4.conf', text)


class InTheDialogue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.close)
        port = ports.free_port()
        cls.exim = Cutthrough(lists={DOMAIN: f'inet:127.0.0.1:{port}'})
        cls.addClassCleanup(cls.exim.close)
        cls.daemon.configure({'smtp': {'listen': f'127.0.0.1:{port}'}, 'outlet': {'port': cls.exim.port}})
        cls.daemon.start()
        cls.exim.start()
        for address, members in ((ANT, [ANN, BOB]), (BEE, [ANN])):
            cls.daemon.run('create', address)
            cls.daemon.run('addmembers', '-W', '-', address, stdin=''.join(f'{member}\n' for member in members))

    def setUp(self):
        self.since = len(self.exim.lines)
        self.before = len(self.exim.mail())

    def send(self, recipients, octets, sender=ANN, **options):
        with smtplib.SMTP('127.0.0.1', self.exim.port, timeout=events.SECONDS) as client:
            return client.sendmail(sender, recipients, octets, **options)

    def refused(self, recipients, octets, sender=ANN):
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.send(recipients, octets, sender)
        return f'{refused.exception.smtp_code} {refused.exception.smtp_error.decode()}'

    def nothing_bounced(self):
        self.exim.wait_deferred(0)
        self.assertEqual(self.exim.log_lines(r' (\*\*|==) |<= <> R=', self.since), [])

    def new_mail(self, count):
        return self.exim.wait_mail(self.before + count)[self.before:]

    def test_a_refused_author_sees_our_text_after_the_dot(self):
        self.assertRegex(self.refused([ANT], message('refused', EVE), EVE), r'^550 5\.7\.1 .*ant@lists\.example\.com')
        self.nothing_bounced()

    def test_two_lists_refuse_together(self):
        self.assertRegex(self.refused([ANT, BEE], message('both', EVE), EVE), r'^550 5\.7\.1 ')
        self.nothing_bounced()

    def test_a_posting_reaches_the_members(self):
        """Exim answers with what it makes of our reply; nothing goes through its queue on the way in."""
        self.send([ANT], message('posting'))
        mails = self.new_mail(2)
        self.assertEqual({mail.to for mail in mails}, {ANN, BOB})
        self.assertEqual({untagged(mail.sender) for mail in mails}, {f'ant-bounces@{DOMAIN}'})
        self.assertEqual({mail.body for mail in mails}, {b'hello\n.dot\n..\n'})
        self.exim.wait_log(r'>> ant@lists\.example\.com .*accepted for ant@', since=self.since)
        self.nothing_bounced()

    def test_two_lists_take_it_together(self):
        self.send([ANT, BEE], message('two'))
        self.assertEqual(sorted(mail.to for mail in self.new_mail(3)), [ANN, ANN, BOB])
        self.nothing_bounced()

    def test_an_unknown_list_is_refused_at_rcpt(self):
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            self.send([f'nosuch@{DOMAIN}'], message('unknown'))
        code, text = refused.exception.recipients[f'nosuch@{DOMAIN}']
        self.assertEqual(code, 550, text)
        self.nothing_bounced()

    def test_role_addresses_and_bounces(self):
        self.send([f'ant-bounces+x=y@{DOMAIN}'], message('bounce'), '')
        self.send([f'ant-owner@{DOMAIN}'], message('owner', EVE), EVE)
        self.daemon.wait_log(event='mail to a role taken', list=f'ant-owner@{DOMAIN}')
        self.nothing_bounced()

    def test_mail_for_others_is_not_our_business(self):
        self.send([CAT], message('others', to=CAT))
        self.assertEqual(self.new_mail(1)[0].to, CAT)

    def test_server_down_and_back(self):
        """defer=pass: what is temporary for us is temporary for the client."""
        self.daemon.stop()
        try:
            with self.assertRaises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as refused:
                self.send([ANT], message('down'))
        finally:
            self.daemon.start()
        code = refused.exception.recipients[ANT][0] if isinstance(refused.exception, smtplib.SMTPRecipientsRefused) else refused.exception.smtp_code
        self.assertEqual(code // 100, 4)
        self.send([ANT], message('down'))
        self.new_mail(2)
