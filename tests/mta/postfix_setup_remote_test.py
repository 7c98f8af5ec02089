"""`listward mta postfix`, run by a real Postfix on exactly what it prints: the list server is another host, with TLS both ways."""
import subprocess
import unittest

from lib import certificates, events, ports
from lib.mta.postfix_setup import PostfixSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


def own_address():
    """One that is not loopback: whoever comes to it is, to the server, another host."""
    found = subprocess.run(['hostname', '-I'], capture_output=True, text=True, check=False).stdout.split()
    for address in found:
        if ':' not in address:
            return address
    return events.skip('address', 'this machine has no address but loopback')


class Remote(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'remote'

    @classmethod
    def setUpClass(cls):
        certificate, key = certificates.of('server')
        address = own_address()
        cls.CONF = {'server': {'hostname': 'sink.example.net'},
                    'lmtp': {'listen': f'{address}:{ports.free_port()}', 'allow': address, 'tls_certificate': certificate, 'tls_key': key, 'tls_client_ca': certificates.ca()}}
        super().setUpClass()

    @classmethod
    def adapted(cls, conf):
        """Postfix listens on loopback alone, for copies as for the world."""
        assert list(conf) == ['outlet'], conf
        return {}

    @classmethod
    def make_mta(cls):
        mta = super().make_mta()
        certificate, key = certificates.of('client')
        for path, sources in ('etc/ssl/certs/ca-certificates.crt', [certificates.ca()]), ('etc/postfix/listward-client.pem', [certificate, key]):
            mta.write(f'lower/{path}', [line for source in sources for line in open(source, encoding='ascii').read().splitlines()])
        return mta

    def test_only_with_tls(self):
        """The server's listener takes nothing in the clear; what came has come through TLS."""
        self.assertNotIn('127.0.0.1', self.CONF['lmtp']['listen'])
        self.assertIn('lmtp_tls_security_level=secure', self.printed.text('master.cf'))


if __name__ == '__main__':
    unittest.main()
