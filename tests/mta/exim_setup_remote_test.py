"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: the list server is another host, with TLS both ways."""
import subprocess
import unittest

from lib import certificates, events, ports
from lib.mta.exim_setup import EximSetUp
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


class Remote(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'remote'
    DIALOGUE = {'banned', 'SIZE'}

    @classmethod
    def setUpClass(cls):
        certificate, key = certificates.of('server')
        address = own_address()
        cls.CONF = {'server': {'hostname': NAME},
                    'lmtp': {'listen': f'{address}:{ports.free_port()}', 'callout_listen': f'{address}:{ports.free_port()}', 'allow': address,
                             'tls_certificate': certificate, 'tls_key': key, 'tls_client_ca': certificates.ca()}}
        super().setUpClass()

    @classmethod
    def make_mta(cls):
        mta = super().make_mta()
        certificate, key = certificates.of('client')
        for path, sources in ('etc/ssl/certs/ca-certificates.crt', [certificates.ca()]), ('etc/exim4/listward-client.pem', [certificate, key]):
            mta.write(f'lower/{path}', [line for source in sources for line in open(source, encoding='ascii').read().splitlines()])
        mta.write('lower/etc/hosts', f'127.0.0.1 localhost\n{own_address()} {NAME}')
        return mta

    def test_only_with_tls(self):
        """The server's listener takes nothing in the clear; what came has come through TLS."""
        self.assertIn(f'  hosts = {NAME}\n', self.printed.text('exim4.conf.template', 'transports'))
        self.assert_taken(self.patient('ann@example.net', [self.ant], self.message('tls', 'ann@example.net')))
        self.mta.wait_log(r'=> ant.* X=TLS1\.3:.* CV=yes')


if __name__ == '__main__':
    unittest.main()
