"""A real Postfix with smtpd_proxy_filter: one smtpd for the outside, whose filter is Listward, and one behind it, which is Listward's next hop."""
import smtplib
import unittest

from lib import events, ports
from lib.daemon import Daemon
from lib.mta import Postfix
from lib.tags import untagged

TIMEOUT = 300
DOMAIN = 'lists.example.com'
ANT, BEE = f'ant@{DOMAIN}', f'bee@{DOMAIN}'
ANN, BOB, CAT, EVE = 'ann@example.net', 'bob@example.net', 'cat@example.net', 'eve@example.org'

SERVICES = '''
127.0.0.1:{outside} inet n - n - - smtpd
  -o smtpd_proxy_filter=127.0.0.1:{filter} -o smtpd_authorized_xforward_hosts=
127.0.0.1:{whole} inet n - n - - smtpd
  -o smtpd_proxy_filter=127.0.0.1:{filter} -o smtpd_proxy_options=speed_adjust -o smtpd_authorized_xforward_hosts=
'''
KNOWN = {'relay_recipient_maps': f'regexp:{{{{/^(ant|bee)(-[a-z]+([+].*)?)?@{DOMAIN}$$/ ok}}}}', 'smtpd_authorized_xforward_hosts': '127.0.0.0/8'}


def message(subject, sender=ANN, body='hello\r\n.dot\r\n..\r\n', to=ANT):
    return (f'From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.net>\r\n'
            f'Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n{body}').encode()


class Filter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.close)
        cls.filter, cls.outside, cls.whole = (ports.free_port() for _ in range(3))
        cls.postfix = Postfix(lists={DOMAIN: f'inet:127.0.0.1:{cls.daemon.port}'}, main_cf=KNOWN, master_cf=SERVICES.format(outside=cls.outside, whole=cls.whole, filter=cls.filter))
        cls.addClassCleanup(cls.postfix.close)
        cls.daemon.configure({'smtp': {'listen': f'127.0.0.1:{cls.filter}', 'next_hop': f'127.0.0.1:{cls.postfix.port}'}, 'outlet': {'port': cls.outlet()}})
        cls.daemon.start()
        cls.postfix.start()
        for address in (ANT, BEE):
            cls.daemon.run('create', address)
        cls.daemon.run('addmembers', '-W', '-', ANT, stdin=f'{ANN}\n{BOB}\n')
        cls.daemon.run('addmembers', '-W', '-', BEE, stdin=f'{ANN}\n')

    @classmethod
    def outlet(cls):
        return cls.postfix.port

    def setUp(self):
        self.since = len(self.postfix.lines)
        self.before = len(self.postfix.mail())

    def send(self, recipients, octets, sender=ANN, port=None, **options):
        with smtplib.SMTP('127.0.0.1', port or self.outside, timeout=events.SECONDS) as client:
            return client.sendmail(sender, recipients, octets, **options)

    def new_mail(self, count):
        return self.postfix.wait_mail(self.before + count)[self.before:]

    def refused(self, recipients, octets, sender=ANN, port=None):
        """The reply after the dot, as text."""
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.send(recipients, octets, sender, port)
        return f'{refused.exception.smtp_code} {refused.exception.smtp_error.decode()}'

    def nothing_bounced(self):
        """Nor is anything left in the queue that could."""
        self.postfix.wait_deferred(0)
        self.assertEqual(self.postfix.log_lines('status=bounced|status=deferred|postfix/bounce', self.since), [])


class InTheDialogue(Filter):
    def test_a_refused_author_sees_our_text_after_the_dot(self):
        for port in (self.outside, self.whole):
            with self.subTest(port=port):
                self.assertRegex(self.refused([ANT], message('refused', EVE), EVE, port), r'^550 5\.7\.1 .*')
        self.nothing_bounced()
        self.assertEqual(len(self.postfix.mail()), self.before)

    def test_a_posting_reaches_the_members(self):
        for count, port in ((2, self.outside), (4, self.whole)):
            self.send([ANT], message(f'posting{count}'), port=port)
            mails = self.new_mail(count)[-2:]
            self.assertEqual({mail.to for mail in mails}, {ANN, BOB})
            self.assertEqual({untagged(mail.sender) for mail in mails}, {f'ant-bounces@{DOMAIN}'})
            self.assertEqual({mail.body for mail in mails}, {b'hello\n.dot\n..\n'})
        self.nothing_bounced()

    def test_mail_for_others_byte_for_byte(self):
        octets = message('others', EVE, 'gr\u00fc\u00dfe\r\n.\r\n' + 'x' * 900 + '\r\n' + '.dots\r\n' * 5000, to=CAT)
        for count, port in ((1, self.outside), (2, self.whole)):
            self.send([CAT], octets, EVE, port, mail_options=['BODY=8BITMIME'])
            mail = self.new_mail(count)[-1]
            self.assertEqual((mail.to, mail.sender), (CAT, EVE))
            self.assertTrue(mail.octets.endswith(b'\n' + octets.replace(b'\r\n', b'\n')))
        self.nothing_bounced()

    def test_the_next_hop_knows_the_client(self):
        self.send([CAT], message('client', EVE, to=CAT), EVE)
        self.new_mail(1)
        self.postfix.wait_log(r'smtpd\[\d+\]: \w+: client=.*, orig_client=', since=self.since)

    def test_a_list_and_others(self):
        self.send([ANT, CAT], message('mixed'))
        self.assertEqual({mail.to for mail in self.new_mail(3)}, {ANN, BOB, CAT})
        self.nothing_bounced()

    def test_a_refused_posting_that_others_get(self):
        """One verdict for all: it is held where it would be refused."""
        self.send([ANT, CAT], message('half', EVE), EVE)
        self.assertEqual(self.new_mail(1)[0].to, CAT)
        self.assertIn('half', self.daemon.run('held', ANT))
        self.nothing_bounced()

    def test_two_lists(self):
        self.assertRegex(self.refused([ANT, BEE], message('two-refused', EVE), EVE), r'^550 5\.7\.1 ')
        self.send([ANT, BEE], message('two'))
        self.assertEqual(sorted(mail.to for mail in self.new_mail(3)), [ANN, ANN, BOB])
        self.nothing_bounced()

    def test_refusals_of_the_next_hop_come_through(self):
        self.send([CAT, 'gone@example.net'], message('gone', to=CAT))
        self.postfix.wait_log(r'reject: RCPT.*550 5\.1\.1 <gone@example\.net>', since=self.since)
        self.new_mail(1)
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            self.send([f'nosuch@{DOMAIN}', 'gone@example.net', 'later@example.net'], message('none'))
        self.assertEqual({address: reply[0] for address, reply in refused.exception.recipients.items()},
                         {f'nosuch@{DOMAIN}': 550, 'gone@example.net': 550, 'later@example.net': 450})
        self.nothing_bounced()

    def test_role_addresses_and_bounces(self):
        self.send([f'ant-bounces+x=y@{DOMAIN}'], message('bounce'), '')
        self.send([f'ant-owner@{DOMAIN}'], message('owner', EVE), EVE)
        self.daemon.wait_log(event='mail to a role taken', list=f'ant-owner@{DOMAIN}')
        self.nothing_bounced()

    def test_a_message_that_is_too_large_for_the_list(self):
        self.daemon.run('set', BEE, 'max_message_size=10', 'max_size_action=reject')
        self.assertRegex(self.refused([BEE], message('large', body='0123456789\r\n' * 1000)), r'^552 5\.3\.4 ')
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:  # SIZE says enough
            self.send([BEE], message('larger', body='0123456789\r\n' * 2000))
        self.assertEqual(refused.exception.recipients[BEE][0], 552)
        self.nothing_bounced()

    def test_postfix_has_nothing_to_complain_of(self):
        self.send([ANT, CAT], message('quiet'))
        self.new_mail(3)
        self.nothing_bounced()
        self.assertEqual(self.postfix.complaints(self.since), [])

    def test_server_down_and_back(self):
        self.daemon.stop()
        try:
            for port in (self.outside, self.whole):
                with self.assertRaises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as refused:
                    self.send([ANT], message('down'), port=port)
                code = refused.exception.recipients[ANT][0] if port == self.outside else refused.exception.smtp_code
                self.assertEqual(code, 451)
        finally:
            self.daemon.start()
        self.send([ANT], message('down'))
        self.new_mail(2)
        self.nothing_bounced()


class CopiesThroughTheFilter(Filter):
    """Not as it should be set up: our own copies come through the filter, too. They are for members, so they are passed on."""
    @classmethod
    def outlet(cls):
        return cls.outside

    def test_no_loop(self):
        self.send([ANT], message('round'))
        self.assertEqual({mail.to for mail in self.new_mail(2)}, {ANN, BOB})
        self.nothing_bounced()
        self.assertEqual(len(self.daemon.log_lines(event='posting accepted')), 1)


del Filter
