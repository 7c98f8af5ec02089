"""`listward mta postfix`, run by a real Postfix on exactly what it prints: smtpd_proxy_filter."""
import unittest

from lib import ports
from lib.mta.postfix_setup import FRONT, PostfixSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class ProxyFilter(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'proxy-filter'
    SERVICES = ('smtp', 'socketmap')
    CONF = {'smtp': {'next_hop': f'127.0.0.1:{ports.free_port()}'}}
    DIALOGUE = FRONT
    OTHERS_PASS = False

    def test_copies_do_not_pass_the_filter(self):
        self.assertEqual(self.daemon.settings['outlet']['port'], self.CONF['smtp']['next_hop'].split(':')[1])


if __name__ == '__main__':
    unittest.main()
