"""What `listward mta sendmail` prints, run by a real Sendmail with Debian's configuration: the list server is another host, with TLS both ways."""
import subprocess
import unittest

from lib import certificates, events, ports
from lib.mta.sendmail_setup import SendmailSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300
NAME = 'sink.example.net'  # of the certificate


def own_address():
    """One that is not loopback: whoever comes to it is, to the server, another host."""
    found = subprocess.run(['hostname', '-I'], capture_output=True, text=True, check=False).stdout.split()
    for address in found:
        if ':' not in address:
            return address
    return events.skip('address', 'this machine has no address but loopback')


class Tls(SendmailSetUp):
    SETUP = 'remote'
    DIALOGUE = {'banned'}
    HOSTNAME = NAME

    @classmethod
    def setUpClass(cls):
        certificate, key = certificates.of('server')
        address = own_address()
        cls.CONF = {'server': {'hostname': cls.HOSTNAME}, 'socketmap': {'listen': f'{address}:{ports.free_port()}', 'allow': address},
                    'lmtp': {'listen': f'{address}:{ports.free_port()}', 'allow': address,
                             'tls_certificate': certificate, 'tls_key': key, 'tls_client_ca': certificates.ca()}}
        super().setUpClass()

    @classmethod
    def make_mta(cls):
        mta = super().make_mta()
        certificate, key = certificates.of('client')
        for path, source in ('ssl/certs/ca-certificates.crt', certificates.ca()), ('mail/tls/listward-client.pem', certificate), ('mail/tls/listward-client.key', key):
            with open(source, encoding='ascii') as file:
                mta.write(f'lower/etc/{path}', file.read(), 0o600 if path.endswith('.key') else 0o644)
        mta.write('lower/etc/hosts', f'127.0.0.1 localhost\n127.0.1.1 {mta.hostname} mta\n{own_address()} {cls.HOSTNAME}')
        return mta


class Remote(Tls, SetUpChecks, unittest.TestCase):
    def test_only_with_tls(self):
        """The server's listener takes nothing in the clear; what came has come through TLS."""
        self.assert_taken(self.patient('ann@example.net', [self.ant], self.message('tls', 'ann@example.net')))
        self.wait_copies('tls', 1)
        self.mta.wait_log(r'STARTTLS=client, relay=sink\.example\.net.*, version=TLSv1\.3, verify=OK')


class AnotherCertificate(Tls, unittest.TestCase):
    """The server's name is not that of its certificate: mail waits."""
    HOSTNAME = 'another.example.net'

    test_8_bit_and_utf8 = None

    def test_mail_waits(self):
        self.assert_taken(self.patient('ann@example.net', [self.ant], self.message('other', 'ann@example.net')))
        self.mta.wait_log(r'to=<ant@.*stat=Deferred: 403 4\.7\.0 the list server has not shown its certificate')


if __name__ == '__main__':
    unittest.main()
