"""A list server on another host: who may connect, STARTTLS, and certificates of clients. What plays the other host is this machine under its own address."""
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import unittest

from lib import certificates, events, ports
from lib.daemon import Daemon
from lib.lmtp import Client, crlf
from lib.sink import Sink

ANT = 'ant@lists.example.com'
BAT = 'bat@example.net'
NOT_ALLOWED = '421 4.7.1 connections from your address are not allowed here'
TLS_FIRST = '450 4.7.0 STARTTLS and a client certificate are needed first'


def address_beyond():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(('198.51.100.1', 9))  # sends nothing
        except OSError:
            events.skip('address', 'this machine has no address but loopback')
        return asked.getsockname()[0]


def message(number=[0]):
    number[0] += 1
    return crlf(f'From: {BAT}\nTo: {ANT}\nSubject: hello\nMessage-ID: <remote{number[0]}@example.net>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nhello\n')


class Remote(unittest.TestCase):
    def daemon_of(self, lmtp, **sections):
        """Listens on a port of every address too; `lmtp`: more of [lmtp]."""
        self.port = ports.free_port()
        self.sink = Sink()
        self.addCleanup(self.sink.stop)
        daemon = Daemon(self.sink)
        self.addCleanup(daemon.close)
        daemon.configure({'lmtp': {'listen': f'{daemon.settings["lmtp"]["listen"]}, 0.0.0.0:{self.port}', **lmtp}, **sections})
        daemon.run('create', ANT)
        daemon.run('addmembers', '-W', '-', ANT, stdin=BAT + '\n')
        return daemon

    def client_of(self, where, lhlo=True):
        client = Client(where)
        self.addCleanup(client.close)
        if lhlo:
            client.lhlo()
        return client

    def start_tls(self, client, kind=None, name='sink.example.net'):
        """The keywords after it."""
        self.assertEqual(str(client.command('STARTTLS')), '220 2.0.0 begin TLS')
        client.socket = certificates.context(kind).wrap_socket(client.socket, server_hostname=name)
        return client.lhlo()

    def fails_to_start(self, daemon, *parts):
        done = daemon.cli('serve', seconds=30)
        said = [line for line in done.err.splitlines() if line.startswith('listward: ')]
        self.assertEqual((done.code, len(said)), (1, 1), done.err[-500:])
        for part in parts:
            self.assertIn(part, said[0])

    def reload(self, daemon, event='reloaded', **sections):
        """Returns the log line."""
        since = len(daemon.lines)
        daemon.configure(sections)
        daemon.reload()
        return daemon.wait_log(since, event=event)

    def status(self, daemon, name):
        return dict(line.split(None, 1) for line in daemon.run('status').splitlines() if ' ' in line)[name]


class Allowed(Remote):
    def setUp(self):
        self.here = address_beyond()

    def greeting(self):
        with Client((self.here, self.port)) as client:
            self.assertTrue(client.greeting.code == 220 or client.at_end())
            return str(client.greeting)

    def test_an_address_that_others_reach_needs_allow(self):
        for section, key in ('lmtp', 'listen'), ('lmtp', 'callout_listen'), ('smtp', 'listen'), ('milter', 'listen'), ('policy', 'listen'), ('socketmap', 'listen'), ('readsocket', 'listen'):
            for where in '0.0.0.0', '[::]', self.here:
                with self.subTest(section=section, key=key, where=where):
                    daemon = Daemon(config={section: {key: f'{where}:{ports.free_port()}'}})
                    self.addCleanup(daemon.close)
                    self.fails_to_start(daemon, daemon.conf, f'[{section}] {key} = {where}:', f'[{section}] allow')

    def test_allow_is_asked_for_each_newcomer(self):
        daemon = self.daemon_of({'allow': '203.0.113.0/24'}).start()
        self.assertEqual(self.greeting(), NOT_ALLOWED)
        line = daemon.wait_log(event='newcomer may not connect: allow does not name the address')
        self.assertEqual((line['level'], line['listen'], line['turned_away']), ('warning', f'0.0.0.0:{self.port}', '1'))
        self.assertTrue(line['peer'].startswith(self.here + ':'))
        self.assertEqual(self.client_of(self.port).greeting.code, 220)  # loopback is always allowed
        self.assertEqual(self.client_of(daemon.socket).greeting.code, 220)

        self.reload(daemon, lmtp={'allow': f'203.0.113.0/24, {self.here}/31'})
        self.assertEqual(self.greeting()[:4], '220 ')
        self.reload(daemon, lmtp={'allow': '203.0.113.0/24'})
        for _ in range(20):
            self.assertEqual(self.greeting(), NOT_ALLOWED)
        self.assertEqual(len(daemon.log_lines(event='newcomer may not connect: allow does not name the address')), 1)  # one a minute
        self.assertEqual(self.status(daemon, 'sessions_not_allowed'), '21')
        self.assertEqual(self.status(daemon, 'sessions_refused'), '0')

    def test_a_session_goes_on_when_allow_is_gone(self):
        daemon = self.daemon_of({'allow': self.here}).start()
        client = self.client_of((self.here, self.port))
        self.reload(daemon, lmtp={'allow': '203.0.113.1'})
        self.assertEqual(client.deliver(BAT, [ANT], message())[0].code, 250)

    def test_a_reload_that_lacks_allow_changes_nothing(self):
        daemon = self.daemon_of({'allow': self.here}).start()
        line = self.reload(daemon, 'reload refused, nothing changed', lmtp={'allow': ''})
        self.assertIn(f'[lmtp] listen = 0.0.0.0:{self.port}', line['error'])
        self.assertEqual(self.greeting()[:4], '220 ')
        line = self.reload(daemon, 'reload refused, nothing changed', lmtp={'allow': 'mx.example.com'})
        self.assertIn('[lmtp] allow: "mx.example.com"', line['error'])

    def test_services_have_networks_of_their_own(self):
        port = ports.free_port()
        daemon = self.daemon_of({'allow': self.here}, smtp={'listen': f'0.0.0.0:{port}', 'allow': '203.0.113.1'}).start()
        self.assertEqual(self.greeting()[:4], '220 ')
        self.assertEqual(str(self.client_of((self.here, port), lhlo=False).greeting), NOT_ALLOWED)
        self.reload(daemon, smtp={'allow': self.here})
        self.assertIn('ESMTP', str(self.client_of((self.here, port), lhlo=False).greeting))


class TlsBase(Remote):
    def daemon_with_tls(self, kind='server', client_ca='', **sections):
        pair = certificates.of(kind)
        tls = {'tls_certificate': pair.certificate, 'tls_key': pair.key, 'tls_client_ca': client_ca}
        return self.daemon_of({'allow': '0.0.0.0/0', **tls}, **sections)


class Tls(TlsBase):
    def test_a_posting_through_it(self):
        daemon = self.daemon_with_tls().start()
        client = self.client_of(self.port, lhlo=False)
        self.assertIn('STARTTLS', client.lhlo())
        self.assertEqual(client.command('XFORWARD NAME=mx.example.org ADDR=192.0.2.9').code, 250)
        keywords = self.start_tls(client)
        self.assertNotIn('STARTTLS', keywords)
        self.assertIn('XFORWARD', keywords)
        self.assertEqual(str(client.command('STARTTLS')), '503 5.5.1 bad sequence of commands: STARTTLS inside TLS')
        self.assertEqual(client.deliver(BAT, [ANT], message())[0].code, 250)
        large = crlf(message().decode() + 'x' * 70 + '\n') + b''.join(b'%060d\r\n' % number for number in range(20000))
        self.assertEqual(client.deliver(BAT, [ANT], large)[0].code, 250)
        self.sink.wait_messages(2)
        self.assertEqual(daemon.log_lines(level='error'), [])

    def test_smtplib(self):
        self.daemon_with_tls().start()
        with smtplib.LMTP('127.0.0.1', self.port, local_hostname='mta.example.org') as client:
            client.starttls(context=certificates.context())
            self.assertEqual(client.sendmail(BAT, [ANT], message()), {})

    def test_smtp_offers_it_too(self):
        port = ports.free_port()
        self.daemon_with_tls(smtp={'listen': f'127.0.0.1:{port}'}).start()
        with smtplib.SMTP('127.0.0.1', port, local_hostname='mta.example.org') as client:
            client.starttls(context=certificates.context())
            self.assertEqual(client.ehlo()[0], 250)
            self.assertFalse(client.has_extn('starttls'))
            self.assertEqual(client.sendmail(BAT, [ANT], message()), {})

    def test_not_over_unix_sockets_and_not_without_a_certificate(self):
        daemon = self.daemon_with_tls().start()
        client = self.client_of(daemon.socket, lhlo=False)
        self.assertNotIn('STARTTLS', client.lhlo())
        self.assertEqual(client.command('STARTTLS').code, 500)
        self.reload(daemon, lmtp={'tls_certificate': '', 'tls_key': ''})
        client = self.client_of(self.port, lhlo=False)
        self.assertNotIn('STARTTLS', client.lhlo())
        self.assertEqual(client.command('STARTTLS').code, 500)

    def test_what_is_pipelined_past_it_is_not_served(self):
        """RFC 3207 section 6: in the clear and in one segment, as somebody on the way would put it there."""
        self.daemon_with_tls().start()
        client = self.client_of(self.port)
        client.send(f'STARTTLS\r\nLHLO evil.example\r\nMAIL FROM:<{BAT}>\r\nRCPT TO:<{ANT}>\r\n')
        self.assertEqual(str(client.reply()), '501 5.5.4 syntax error: nothing may follow STARTTLS in the clear')
        self.assertTrue(client.at_end())

    def test_a_handshake_that_does_not_come(self):
        daemon = self.daemon_with_tls(limits={'command_timeout': '1s'}).start()
        client = self.client_of(self.port)
        self.assertEqual(client.command('STARTTLS').code, 220)
        self.assertTrue(client.at_end())
        self.assertIn('the peer was too slow', daemon.wait_log(event='session ended')['error'])

    def test_a_client_that_speaks_no_tls(self):
        daemon = self.daemon_with_tls().start()
        client = self.client_of(self.port)
        self.assertEqual(client.command('STARTTLS').code, 220)
        client.send('LHLO mta.example.org\r\n')
        while client.fill():
            pass
        self.assertNotIn(b'250', client.buffer)
        self.assertIn('TLS handshake with the client', daemon.wait_log(event='session ended')['error'])

    def test_drained_in_tls(self):
        daemon = self.daemon_with_tls().start()
        client = self.client_of(self.port)
        self.start_tls(client)
        self.assertEqual(client.envelope(BAT, [ANT])[1].code, 250)
        self.assertEqual(client.command('DATA').code, 354)
        idle = self.client_of(self.port)
        self.assertEqual(idle.command('STARTTLS').code, 220)  # and then nothing: it holds up nobody
        daemon.process.terminate()
        while idle.fill():
            pass
        client.send(message() + b'.\r\n')
        self.assertEqual(client.reply().code, 451)
        self.assertEqual(client.reply().code, 421)
        self.assertEqual(daemon.wait_end(), 0)

    # files

    def test_a_bad_file_is_named(self):
        pair, other = certificates.of('server'), certificates.of('client')
        rows = (
            ({'tls_certificate': '/nonexistent/a.pem'}, 'tls_certificate /nonexistent/a.pem: No such file'),
            ({'tls_certificate': pair.key}, f'tls_certificate {pair.key}: no start line'),
            ({'tls_certificate': pair.certificate}, 'there is no private key in it'),
            ({'tls_certificate': pair.certificate, 'tls_key': other.key}, 'key values mismatch'),
            ({'tls_certificate': pair.certificate, 'tls_key': pair.key, 'tls_client_ca': 'none.pem'}, '/none.pem: No such file'),
            ({'tls_client_ca': pair.certificate}, 'need a tls_certificate'),
        )
        for keys, part in rows:
            with self.subTest(part):
                daemon = Daemon(config={'lmtp': {'listen': f'127.0.0.1:{ports.free_port()}', **keys}})
                self.addCleanup(daemon.close)
                self.fails_to_start(daemon, daemon.conf + ': [lmtp] ', part)

    def test_a_key_that_the_user_cannot_read(self):
        """Root could: but a reload could not."""
        if os.geteuid() != 0:
            events.skip('root', 'only root can become another user')
        daemon = self.daemon_of({'allow': '203.0.113.1'})
        pair = [os.path.join(daemon.state, name) for name in ('a.pem', 'a.key')]
        for path, original in zip(pair, certificates.of('server')):
            shutil.copy(original, path)
        nobody = pwd.getpwnam('nobody')
        for name in os.listdir(daemon.state) + ['.']:
            os.chown(os.path.join(daemon.state, name), nobody.pw_uid, nobody.pw_gid)
        os.chown(pair[1], 0, 0)
        os.chmod(pair[1], 0o600)
        daemon.configure({'server': {'user': 'nobody'}, 'lmtp': {'tls_certificate': 'a.pem', 'tls_key': 'a.key'}})
        self.fails_to_start(daemon, '[lmtp] ', f'tls_key {pair[1]}: Permission denied')
        os.chown(pair[1], nobody.pw_uid, 0)
        daemon.start()
        self.start_tls(self.client_of(self.port))

    def shown(self):
        """The serial number of the certificate that a new session is shown."""
        client = self.client_of(self.port)
        self.assertEqual(client.command('STARTTLS').code, 220)
        context = ssl.create_default_context(cafile=certificates.ca())
        context.check_hostname = False
        client.socket = context.wrap_socket(client.socket)
        return client.socket.getpeercert()['serialNumber']

    def test_a_reload_reads_the_files_again(self):
        daemon = self.daemon_with_tls()
        pair = [os.path.join(daemon.state, name) for name in ('a.pem', 'a.key')]

        def put(kind):
            for path, original in zip(pair, certificates.of(kind)):
                shutil.copy(original, path + '.new')
                os.rename(path + '.new', path)
        put('server')
        daemon.configure({'lmtp': {'tls_certificate': 'a.pem', 'tls_key': 'a.key'}})
        daemon.start()
        first, old = self.shown(), self.client_of(self.port)
        self.start_tls(old)
        put('client')
        self.assertEqual(self.shown(), first)
        self.reload(daemon)
        second = self.shown()
        self.assertNotEqual(second, first)
        self.assertEqual(old.command('NOOP').code, 250)
        with open(pair[1], 'w', encoding='ascii') as file:
            file.write('nonsense\n')
        self.assertIn(f'tls_key {pair[1]}', self.reload(daemon, 'reload refused, nothing changed')['error'])
        self.assertEqual(self.shown(), second)


class ClientCertificates(TlsBase):
    """tls_client_ca: from beyond loopback."""

    def setUp(self):
        self.here = address_beyond()

    def test_nothing_is_served_without_one(self):
        self.daemon_with_tls(client_ca=certificates.ca()).start()
        client = self.client_of((self.here, self.port), lhlo=False)
        self.assertIn('STARTTLS', client.lhlo())
        for command in f'MAIL FROM:<{BAT}>', f'RCPT TO:<{ANT}>', 'DATA', 'RSET', 'VRFY ant', 'XFORWARD NAME=a', 'HELP':
            self.assertEqual(str(client.command(command)), TLS_FIRST, command)
        self.assertEqual(client.command('NOOP').code, 250)
        self.start_tls(client, 'client')
        self.assertEqual(client.deliver(BAT, [ANT], message())[0].code, 250)
        self.assertEqual(client.command('QUIT').code, 221)

    def test_a_certificate_that_is_no_good(self):
        daemon = self.daemon_with_tls(client_ca=certificates.ca()).start()
        for kind, why in (None, 'did not return a certificate'), ('expired', 'certificate has expired'), ('other-signer', 'tls_client_ca'), ('self-signed', 'self-signed'):
            with self.subTest(kind=kind):
                since = len(daemon.lines)
                client = self.client_of((self.here, self.port))
                with self.assertRaises((ssl.SSLError, AssertionError, ConnectionError)):
                    self.start_tls(client, kind)
                self.assertIn(why, daemon.wait_log(since, event='session ended')['error'])

    def test_who_is_here_is_not_asked(self):
        daemon = self.daemon_with_tls(client_ca=certificates.ca()).start()
        for where in self.port, daemon.socket:
            client = self.client_of(where)
            self.assertEqual(client.deliver(BAT, [ANT], message())[0].code, 250)
        client = self.client_of(self.port)
        self.start_tls(client)
        self.assertEqual(client.deliver(BAT, [ANT], message())[0].code, 250)


if __name__ == '__main__':
    unittest.main()
