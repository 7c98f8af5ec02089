"""The sink as a peer: TLS, AUTH, CHUNKING, limits, and how slowly it may behave."""
import base64
import smtplib
import socket
import ssl
import unittest

from lib import certificates, events
from lib.lmtp import Client
from lib.sink import KEYWORDS, Do, Sink

MESSAGE = b'Subject: one\r\n\r\nend\r\n'


def plain(*words):
    return 'AUTH PLAIN ' + base64.b64encode('\0'.join(words).encode()).decode()


class Peer(unittest.TestCase):
    def sink(self, *words, **options):
        sink = Sink(*words, **options)
        self.addCleanup(sink.stop)
        return sink

    def client(self, sink, ehlo=True):
        client = Client(sink.port)
        self.addCleanup(client.close)
        if ehlo:
            client.lhlo(verb='EHLO')
        return client


class Tls(Peer):
    def deliver(self, client):
        client.sendmail('a@b.example', ['c@d.example'], MESSAGE)

    def test_starttls(self):
        sink = self.sink(tls='starttls', users={'ant': 'secret'})
        with smtplib.SMTP('127.0.0.1', sink.port) as client:
            client.ehlo()
            self.assertTrue(client.has_extn('starttls') and not client.has_extn('auth'))
            client.starttls(context=certificates.context())
            client.ehlo()
            self.assertTrue(client.has_extn('auth') and not client.has_extn('starttls'))
            client.login('ant', 'secret')
            self.deliver(client)
        session = sink.sessions[0]
        self.assertEqual((session.tls['version'], session.tls['client'], session.auth, sink.violations), ('TLSv1.3', None, ('PLAIN', 'ant'), []))
        self.assertEqual(sink.messages[0].octets, MESSAGE)

    def test_implicit(self):
        sink = self.sink(tls='implicit')
        with smtplib.SMTP_SSL('localhost', sink.port, context=certificates.context('client')) as client:
            self.deliver(client)
        self.assertEqual((sink.sessions[0].tls['name'], sink.sessions[0].tls['client']), ('localhost', None))

    def test_clients_certificate(self):
        sink = self.sink(tls='implicit', client_ca=certificates.ca())
        with smtplib.SMTP_SSL('localhost', sink.port, context=certificates.context('client')) as client:
            self.deliver(client)
        self.assertEqual(sink.sessions[0].tls['client'], 'lists.example.com')
        with self.assertRaises((OSError, smtplib.SMTPServerDisconnected)):
            smtplib.SMTP_SSL('localhost', sink.port, context=certificates.context())
        events.wait_for(lambda: sink.sessions[1].tls_error)

    def test_certificates_that_nobody_trusts(self):
        for kind, reason in {'expired': 'expired', 'wrong-name': 'mismatch', 'self-signed': 'self-signed', 'other-signer': 'unable to get local issuer'}.items():
            with self.subTest(kind), self.assertRaisesRegex(ssl.SSLCertVerificationError, reason):
                sink = self.sink(tls='implicit', certificate=certificates.of(kind).certificate, key=certificates.of(kind).key)
                smtplib.SMTP_SSL('localhost', sink.port, context=certificates.context())

    def test_octets_behind_starttls(self):
        sink = self.sink(tls='starttls')
        client = self.client(sink)
        client.send('STARTTLS\r\nRSET\r\n')
        self.assertEqual(client.reply().code, 220)
        self.assertIn('sent behind STARTTLS', sink.violations[0])

    def test_ehlo_is_due_after_starttls(self):
        sink = self.sink(tls='starttls')
        with smtplib.SMTP('127.0.0.1', sink.port) as client:
            client.starttls(context=certificates.context())
            self.assertEqual(client.docmd('MAIL FROM:<a@b.example>')[0], 503)
        self.assertIn('out of order', sink.violations[0])

    def test_refused_and_injected(self):
        sink = self.sink(tls='starttls')
        sink.on['STARTTLS'] = lambda session, line: '454 4.7.0 not now'
        client = self.client(sink)
        self.assertEqual(client.command('STARTTLS').code, 454)
        self.assertEqual(client.command('MAIL FROM:<>').code, 250)
        sink.on['STARTTLS'] = lambda session, line: Do(b'220 go\r\n250 injected\r\n')
        self.assertEqual(client.command('RSET').code, 250)
        client.send('STARTTLS\r\n')
        self.assertEqual(client.codes(2), [220, 250])

    def test_reset_and_stop_under_tls(self):
        sink = self.sink(tls='implicit')
        sink.on['MAIL'] = lambda session, path: Do(then='reset')
        with self.assertRaises((OSError, smtplib.SMTPServerDisconnected)), smtplib.SMTP_SSL('localhost', sink.port, context=certificates.context()) as client:
            self.deliver(client)
        with self.assertRaises((OSError, smtplib.SMTPServerDisconnected)), smtplib.SMTP_SSL('localhost', sink.port, context=certificates.context()) as client:
            sink.stop()
            client.noop()
        events.wait_for(lambda: not sink.open_sessions)


class Auth(Peer):
    def setUp(self):
        self.sink = self.sink(users={'ant': 'secret'}, required=True)

    def test_smtplib_with_both(self):
        for mechanism in 'PLAIN', 'LOGIN':
            self.sink.mechanisms = (mechanism,)
            with smtplib.SMTP('127.0.0.1', self.sink.port) as client:
                client.login('ant', 'secret')
                client.sendmail('a@b.example', ['c@d.example'], MESSAGE)
            self.assertEqual(self.sink.sessions[-1].auth, (mechanism, 'ant'))
            self.assertEqual(self.sink.sessions[-1].attempts, [(mechanism, 'ant', 'secret')])
        self.assertEqual(self.sink.violations, [])

    def test_without_and_with_an_initial_response(self):
        client = self.client(self.sink)
        self.assertEqual(client.command('MAIL FROM:<>').code, 530)
        self.assertEqual(client.command('AUTH PLAIN').lines, [''])
        self.assertEqual(client.command(plain('', 'ant', 'wrong').split(' ')[2]).code, 535)
        self.assertEqual(client.command(plain('x', 'ant', 'secret')).code, 235)
        self.assertEqual(client.command('MAIL FROM:<>').code, 250)
        self.assertEqual(self.sink.violations, [])

    def test_wrong_ways(self):
        client = self.client(self.sink)
        for line in plain('ant', 'secret'), plain(''), 'AUTH PLAIN =', 'AUTH PLAIN !':
            self.assertEqual(client.command(line).code, 501, line)
        self.assertEqual(len(self.sink.violations), 4)
        client.command('AUTH LOGIN')
        client.command('*')
        self.assertEqual(client.command('*').code, 535)
        self.assertEqual(client.command(plain('', 'ant', 'secret')).code, 235)
        self.assertEqual(client.command(plain('', 'ant', 'secret')).code, 503)

    def test_scripted(self):
        self.sink.on['AUTH'] = lambda session, line: '454 4.7.0 later'
        self.assertEqual(self.client(self.sink).command(plain('', 'ant', 'secret')).code, 454)


class Chunking(Peer):
    FIRST = 'MAIL FROM:<a@b.example>\r\nRCPT TO:<{}@d.example>\r\n'

    def test_several_transactions_in_one_flight(self):
        sink = self.sink([*KEYWORDS, 'CHUNKING'])
        client = self.client(sink)
        client.send(''.join(self.FIRST.format(name) + f'BDAT 2\r\n{name}\rBDAT 1 LAST\r\n\n' for name in 'xyz') +
                    self.FIRST.format('w') + 'BDAT 1\r\nwRSET\r\n' + self.FIRST.format('v') + 'BDAT 1 LAST\r\nvQUIT\r\n')
        self.assertEqual(client.codes(20), [250] * 19 + [221])
        self.assertEqual([(mail.addresses[0][0], mail.octets, mail.chunks) for mail in sink.messages],
                         [(name, name.encode() + b'\r\n', [2, 1]) for name in 'xyz'] + [('v', b'v', [1])])
        self.assertEqual(sink.violations, [])

    def test_swallowed_without_a_recipient(self):
        sink = self.sink([*KEYWORDS, 'CHUNKING'])
        sink.on['RCPT'] = lambda session, path: '550 5.1.1 no' if path.address.startswith('x') else None
        client = self.client(sink)
        client.send(self.FIRST.format('x') + 'BDAT 6\r\nNOOP\r\nBDAT 2 LAST\r\n\r\nRSET\r\n' + self.FIRST.format('y') + 'BDAT 2 LAST\r\ny\n')
        self.assertEqual(client.codes(8), [250, 550, 503, 503, 250, 250, 250, 250])
        self.assertEqual([mail.addresses for mail in sink.messages], [['y@d.example']])

    def test_swallowed_when_mail_was_refused(self):
        sink = self.sink([*KEYWORDS, 'CHUNKING'])
        sink.on['MAIL'] = lambda session, path: '450 4.7.1 later'
        client = self.client(sink)
        client.send(self.FIRST.format('x') + 'BDAT 1 LAST\r\n\n' + self.FIRST.format('x') + 'BDAT 1 LAST\r\n\n')
        self.assertEqual(client.codes(6), [450, 503, 503] * 2)
        self.assertEqual(sink.violations, [])


class Limits(Peer):
    def test_size(self):
        sink = self.sink(['PIPELINING', 'SIZE 10'])
        client = self.client(sink)
        self.assertEqual(client.command('MAIL FROM:<> SIZE=11').code, 552)
        self.assertEqual(client.deliver('', ['c@d.example'], 'x' * 9)[0].code, 552)
        self.assertEqual(client.deliver('', ['c@d.example'], 'x' * 8, ' SIZE=10')[0].code, 250)

    def test_parameters_are_kept(self):
        sink = self.sink(['PIPELINING', 'DSN', 'XVERP'])
        client = self.client(sink)
        client.send('MAIL FROM:<a@b.example> RET=HDRS ENVID=x XVERP=+=\r\nRCPT TO:<c@d.example> NOTIFY=NEVER ORCPT=rfc822;c@d.example\r\nDATA\r\n')
        client.replies(3)
        client.send('.\r\n')
        client.reply()
        self.assertEqual(sink.messages[0].params, {'RET': 'HDRS', 'ENVID': 'x', 'XVERP': '+='})
        self.assertEqual(sink.messages[0].recipients[0].params, {'NOTIFY': 'NEVER', 'ORCPT': 'rfc822;c@d.example'})


class Manners(Peer):
    GROUP = 'MAIL FROM:<a@b.example>\r\n' + 'RCPT TO:<c@d.example>\r\n' * 9

    def test_an_octet_a_packet(self):
        client = self.client(self.sink(trickle=True), ehlo=False)
        client.reads.clear()
        for _ in range(20):
            client.command('NOOP')
        self.assertGreater(len(client.reads), 25)

    def test_reads_slowly(self):
        sink = self.sink(slow=3)
        client = self.client(sink)
        client.send(self.GROUP)
        client.replies(10)
        self.assertLessEqual(max(sink.sessions[0].reads), 3)

    def test_longer_replies(self):
        client = self.client(self.sink(pad=2000))
        self.assertGreater(len(client.command('NOOP').text), 2000)

    def test_reads_no_more_before_it_has_written(self):
        """A client that only writes is stuck with it sooner or later."""
        client = self.client(self.sink(eager=True, pad=50000))
        client.socket.settimeout(0.2)
        with self.assertRaises(socket.timeout):
            for _ in range(10000):
                client.send(self.GROUP[self.GROUP.index('RCPT'):] * 50)

    def test_keeps_replies_back(self):
        sink = self.sink(hold=5)
        client = self.client(sink)
        client.send(self.GROUP)
        client.replies(10)
        client.send('RCPT TO:<c@d.example>\r\n' * 4)
        with self.assertRaises(socket.timeout):
            client.socket.settimeout(0.05)
            client.reply()
        sink.release()
        client.socket.settimeout(30)
        self.assertEqual(client.codes(4), [250] * 4)

    def test_what_the_client_must_wait_for_is_not_kept_back(self):
        sink = self.sink(hold=500)
        client = self.client(sink)
        client.send(self.GROUP + 'DATA\r\n')
        self.assertEqual(client.codes(11), [250] * 10 + [354])


if __name__ == '__main__':
    unittest.main()
