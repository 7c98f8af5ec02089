"""A real Postfix in front of Listward and behind it: postings go in through its smtpd and lmtp client, copies come back through its smtpd into mailboxes."""
import re
import smtplib
import unittest

from lib.daemon import Daemon
from lib.mta import Postfix
from lib.tags import untagged

TIMEOUT = 300
DOMAIN = 'lists.example.com'
LIST = 'ant@' + DOMAIN


def message(subject='one', sender='ann@example.net', body='hello\r\n.dot\r\n', more=''):
    return (f'From: {sender}\r\nTo: {LIST}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.net>\r\n'
            f'Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n{more}\r\n{body}').encode()


class Loop(unittest.TestCase):
    """Postfix and Listward around each other; `where` is how Postfix reaches the LMTP listener."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.close)
        cls.daemon.configure({'lmtp': {'socket_mode': '0666'}, 'courier': {'retry_first': '1s', 'retry_max': '2s'}})
        cls.postfix = Postfix(lists={DOMAIN: cls.where()})
        cls.addClassCleanup(cls.postfix.close)
        cls.daemon.configure({'outlet': {'port': cls.postfix.port}})
        cls.daemon.start()
        cls.postfix.start()
        cls.daemon.run('create', '-o', 'owner@example.net', LIST)
        cls.daemon.run('addmembers', '-W', '-', LIST, stdin='ann@example.net\nbob@example.net\n')

    @classmethod
    def where(cls):
        return f'inet:127.0.0.1:{cls.daemon.port}'

    def post(self, octets, sender='ann@example.net', recipients=(LIST,), **options):
        """Hands a message to Postfix; returns how many mails there were before."""
        before = len(self.postfix.mail())
        self.postfix.send(sender, list(recipients), octets, **options)
        return before


class Delivery(Loop):
    def test_posting_reaches_every_member(self):
        before = self.post(message('every'))
        mails = self.postfix.wait_mail(before + 2)[before:]
        self.assertEqual({mail.to for mail in mails}, {'ann@example.net', 'bob@example.net'})
        self.assertEqual({untagged(mail.sender) for mail in mails}, {'ant-bounces@' + DOMAIN})
        for mail in mails:
            self.assertEqual(mail.body, b'hello\n.dot\n')
            self.assertIn('<ant.lists.example.com>', mail.field('List-Id'))
        self.postfix.wait_log(r'lmtp.*status=sent \(250 2\.6\.0 \w{8,16} accepted for ant@lists\.example\.com')

    def test_owner_mail_reaches_the_owner(self):
        before = self.post(message('owner'), sender='stranger@example.org', recipients=['ant-owner@' + DOMAIN])
        mail = self.postfix.wait_mail(before + 1)[before]
        self.assertEqual(mail.to, 'owner@example.net')

    def test_utf8_sender_and_8bit_body(self):
        octets = message('utf8', sender='ann@example.net', body='grüße\r\n', more='X-Name: ä\r\n')
        before = self.post(message('utf8').replace(b'hello', 'grüße'.encode()), mail_options=['BODY=8BITMIME'])
        self.assertEqual(self.postfix.wait_mail(before + 2)[before].body, 'grüße\n.dot\n'.encode())
        before = self.post(octets.replace(b'Message-ID: <utf8', b'Message-ID: <utf8-2'), mail_options=['SMTPUTF8'])
        mails = self.postfix.wait_mail(before + 2)[before:]
        self.assertEqual({mail.field('X-Name') for mail in mails}, {'ä'})

    def test_a_second_list_and_the_same_list_twice(self):
        self.daemon.run('create', 'bee@' + DOMAIN)
        self.daemon.run('set', 'bee@' + DOMAIN, 'default_nonmember_action=accept')
        self.daemon.run('addmembers', '-W', '-', 'bee@' + DOMAIN, stdin='carl@example.net\n')
        before = self.post(message('two'), recipients=[LIST, 'ANT+x@' + DOMAIN, 'bee@' + DOMAIN])
        mails = self.postfix.wait_mail(before + 3)[before:]
        self.assertEqual(sorted(mail.to for mail in mails), ['ann@example.net', 'bob@example.net', 'carl@example.net'])


class DeliveryOverUnixSocket(Loop):
    @classmethod
    def where(cls):
        return f'unix:{cls.daemon.socket}'

    def test_xforward_is_kept_with_the_posting(self):
        """The default [lmtp] trusted_peers is the unix socket: Postfix's SOURCE=LOCAL proves a local author."""
        self.daemon.run('set', LIST, 'default_nonmember_action=reject')
        self.daemon.configure({'auth': {'local_domains': 'example.net'}})
        since = len(self.daemon.lines)
        self.daemon.reload()
        self.daemon.wait_log(since, event='reloaded')
        self.post(message('refused', sender='eve@example.net'), sender='eve@example.net')
        self.postfix.wait_log(r'status=bounced .*550 5\.7\.1')

    def test_without_proof_it_is_held(self):
        self.daemon.run('set', LIST, 'default_nonmember_action=reject')
        self.post(message('stranger', sender='eve@example.org'), sender='eve@example.org')
        self.postfix.wait_log(r'status=sent \(250 2\.6\.0 \w+ held for')


class Replies(Loop):
    def test_each_recipient_has_its_own(self):
        self.daemon.run('create', 'closed@' + DOMAIN)
        self.daemon.run('set', 'closed@' + DOMAIN, 'default_nonmember_action=hold')
        since = len(self.postfix.lines)
        self.post(message('mixed'), recipients=[LIST, 'closed@' + DOMAIN, 'nosuch@' + DOMAIN, 'ant-bounces+x=example.org@' + DOMAIN])
        for address, status in (('ant@', r'sent \(250 2\.6\.0 \w+ accepted'), ('closed@', r'sent \(250 2\.6\.0 \w+ held for the moderators of closed@'),
                                ('nosuch@', r'bounced .*550 5\.1\.1 no list here by that name'), (r'ant-bounces\+x=example\.org@', r'sent \(250 2\.6\.0 \w+ taken for')):
            self.postfix.wait_log(rf'to=<{address}{re.escape(DOMAIN)}>.*status={status}', since=since)
        self.assertIn('mixed', self.daemon.run('held', 'closed@' + DOMAIN))

    def test_a_held_posting_goes_out_when_accepted(self):
        self.daemon.run('create', 'slow@' + DOMAIN)
        self.daemon.run('set', 'slow@' + DOMAIN, 'default_nonmember_action=hold')
        self.daemon.run('addmembers', '-W', '-', 'slow@' + DOMAIN, stdin='dora@example.net\n')
        since = len(self.postfix.lines)
        before = self.post(message('slow'), sender='eve@example.org', recipients=['slow@' + DOMAIN])
        self.postfix.wait_log(r'to=<slow@.*held for', since=since)
        code = self.daemon.run('held', 'slow@' + DOMAIN).split()[0]
        self.daemon.run('accept', 'slow@' + DOMAIN, code)
        self.assertEqual(self.postfix.wait_mail(before + 1)[before].to, 'dora@example.net')

    def test_refused_recipients_of_the_outlet_are_recorded(self):
        self.daemon.run('create', 'gone@' + DOMAIN)
        self.daemon.run('set', 'gone@' + DOMAIN, 'default_nonmember_action=accept')
        self.daemon.run('addmembers', '-W', '-', 'gone@' + DOMAIN, stdin='gone1@example.net\nfine@example.net\n')
        before = self.post(message('gone'), recipients=['gone@' + DOMAIN])
        self.assertEqual(self.postfix.wait_mail(before + 1)[before].to, 'fine@example.net')
        code = re.search(r'(\w{8,16}) accepted for gone@', self.postfix.wait_log('accepted for gone@')).group(1)
        self.daemon.wait_log(event='copies handed over', post=code)
        ledger = self.daemon.run('ledger', code)
        self.assertRegex(ledger, r'fine@example\.net.*250')
        self.assertRegex(ledger, r'gone1@example\.net.*550 5\.1\.1')


class StoppedAndStarted(Loop):
    def test_outlet_stopped_and_started(self):
        """Accepted while the MTA is away: nothing is lost, and it goes out when the MTA is back."""
        before = len(self.postfix.mail())
        self.postfix.stop()
        with smtplib.LMTP('127.0.0.1', self.daemon.port) as lmtp:
            lmtp.sendmail('ann@example.net', [LIST], message('away'))
        self.daemon.wait_log(event='outlet not reached')
        self.postfix.start()
        self.daemon.run('retry')
        mails = self.postfix.wait_mail(before + 2)[before:]
        self.assertEqual({mail.to for mail in mails}, {'ann@example.net', 'bob@example.net'})

    def test_server_stopped_and_started(self):
        """Postfix keeps what it cannot hand over, and hands it over when the server is back."""
        self.daemon.stop()
        since = len(self.postfix.lines)
        before = self.post(message('down'))
        self.postfix.wait_log('status=deferred', since=since)
        self.postfix.wait_for(lambda: [entry['queue_name'] for entry in self.postfix.queue()] == ['deferred'], what='the message was to be deferred')
        self.daemon.start()
        self.postfix.flush()
        mails = self.postfix.wait_mail(before + 2)[before:]
        self.assertEqual({mail.to for mail in mails}, {'ann@example.net', 'bob@example.net'})
