"""A list server on another host: Postfix and Exim deliver by LMTP over TLS, with a certificate of their own, as docs/remote.md says. The other host is this machine
under its own address."""
import socket
import unittest
from unittest import mock

from lib import certificates, events, ports
from lib.daemon import Daemon
from lib.mta import Exim, Postfix, exim

TIMEOUT = 300
DOMAIN = 'lists.example.com'
LIST = 'ant@' + DOMAIN
ANN = 'ann@example.net'


def address_beyond():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(('198.51.100.1', 9))  # sends nothing
        except OSError:
            events.skip('address', 'this machine has no address but loopback')
        return asked.getsockname()[0]


def message(subject):
    return (f'From: {ANN}\r\nTo: {LIST}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.net>\r\n'
            'Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n').encode()


class Remote(unittest.TestCase):
    def setUp(self):
        """Listward beyond loopback, with TLS; `self.make` makes the MTA that delivers to it."""
        pair = certificates.of('server')
        self.here, self.there = address_beyond(), ports.free_port()
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.daemon.configure({'lmtp': {'listen': f'{self.here}:{self.there}', 'allow': self.here, 'tls_certificate': pair.certificate, 'tls_key': pair.key}, 'log': {'level': 'debug'}})
        self.mta = self.make()
        self.addCleanup(self.mta.close)
        self.daemon.configure({'outlet': {'port': self.mta.port}})
        self.daemon.run('create', '-o', 'owner@example.net', LIST)
        self.daemon.run('addmembers', '-W', '-', LIST, stdin=ANN + '\n')

    def demand(self):
        self.daemon.configure({'lmtp': {'tls_client_ca': certificates.ca()}})

    def post(self, subject):
        self.mta.send(ANN, [LIST], message(subject))

    def delivered(self, subject):
        self.post(subject)
        self.mta.wait_mail(1)
        self.daemon.wait_log(event='posting accepted', list=LIST)

    def deferred(self, subject, why):
        """It waits, and nobody gets a bounce."""
        since = len(self.daemon.lines)
        self.post(subject)
        self.mta.wait_log(why)
        self.assertEqual(self.daemon.log_lines(since, event='posting accepted'), [])
        self.assertEqual([one for _, one in self.mta.tries if one.status == 'bounced'], [])


class PostfixOverTls(Remote):
    def make(self, **more):
        mta = Postfix(lists={DOMAIN: f'inet:[{self.here}]:{self.there}'}, tls=True)
        self.addCleanup(mta.close)
        certificate, key, ca = mta.keep_certificate('/etc/postfix')
        self.own = {'lmtp_tls_cert_file': certificate, 'lmtp_tls_key_file': key}
        self.main_cf = {'lmtp_tls_security_level': 'secure', 'lmtp_tls_secure_cert_match': 'mta.example.org', 'lmtp_tls_CAfile': ca, 'lmtp_tls_loglevel': '1',
                        'minimal_backoff_time': '1s', 'queue_run_delay': '1s'}
        return mta

    def start(self, **main_cf):
        self.mta.options = {'main_cf': {**self.main_cf, **main_cf}}
        self.mta.configure(**self.mta.options)
        self.daemon.start()
        self.mta.start()

    def test_without_a_certificate_of_its_own(self):
        self.start()
        self.delivered('plain')
        self.mta.wait_log(r'lmtp.*: Verified TLS connection established to .*TLSv1\.3')
        self.assertRegex(self.daemon.wait_log(event='TLS begun')['tls'], r'^TLSv1\.3 \S+ unverified$')

    def test_with_a_certificate_of_its_own(self):
        self.demand()
        self.start(**self.own)
        self.delivered('own')
        self.assertRegex(self.daemon.wait_log(event='TLS begun')['tls'], r'^TLSv1\.3 \S+ verified for .*mta\.example\.org.*, issued by CN=ca$')

    def test_encrypt_is_enough_to_be_served(self):
        self.demand()
        self.start(**self.own, lmtp_tls_security_level='encrypt')
        self.delivered('encrypt')

    def test_a_certificate_is_missing(self):
        self.demand()
        self.start()
        self.deferred('missing', r'lmtp.*status=deferred')
        self.assertIn('did not return a certificate', self.daemon.wait_log(event='session ended')['error'])

    def test_no_tls_where_a_certificate_is_demanded(self):
        self.demand()
        self.start(lmtp_tls_security_level='none')
        self.deferred('clear', r'lmtp.*status=deferred \(.*450 4\.7\.0 STARTTLS and a client certificate are needed first')

    def test_the_address_is_not_allowed(self):
        self.daemon.configure({'lmtp': {'allow': '203.0.113.1'}})
        self.start()
        self.deferred('stranger', r'status=deferred \(.*refused to talk to me: 421 4\.7\.1 connections from your address are not allowed here')


EXIM_TLS = '''
  hosts_require_tls = *
  tls_verify_certificates = {ca}
  tls_verify_hosts = *
  tls_verify_cert_hostnames ={own}'''
EXIM_OWN = '''
  tls_certificate = {certificate}
  tls_privatekey = {key}'''


class EximOverTls(Remote):
    def make(self, own=True):
        mta = Exim(lists={DOMAIN: f'inet:{self.here}:{self.there}'}, tls=True)
        self.addCleanup(mta.close)
        certificate, key, ca = mta.keep_certificate('/etc/exim4', mta.USERS['Debian-exim'])
        shown = EXIM_OWN.format(certificate=certificate, key=key) if own else ''
        with mock.patch.dict(exim.LIST_TRANSPORTS, inet=exim.LIST_TRANSPORTS['inet'] + EXIM_TLS.format(ca=ca, own=shown)):
            mta.configure()
        return mta

    def start(self):
        self.daemon.start()
        self.mta.start()

    def test_with_a_certificate_of_its_own(self):
        self.demand()
        self.start()
        self.delivered('own')
        self.assertRegex(self.daemon.wait_log(event='TLS begun')['tls'], r' verified for ')

    def test_a_certificate_is_missing(self):
        self.demand()
        self.mta = self.make(own=False)
        self.daemon.configure({'outlet': {'port': self.mta.port}})
        self.start()
        self.deferred('missing', r'== ant@lists\.example\.com')

    def test_tls_is_not_offered(self):
        self.daemon.configure({'lmtp': {'tls_certificate': None, 'tls_key': None}})
        self.start()
        self.deferred('clear', r'== ant@lists\.example\.com .*TLS')


if __name__ == '__main__':
    unittest.main()
