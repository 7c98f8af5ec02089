"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: addresses asked for live, delivery over TCP and over the unix socket."""
import unittest

from lib.mta.exim_setup import EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Live(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'live'
    SERVICES = ('readsocket',)


class LmtpSocket(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'lmtp-socket'
    SERVICES = ('readsocket',)

    def test_8_bit_and_utf8(self):
        self.assert_taken(self.patient('eve@outside.example', [self.bee], self.message('eight', 'eve@outside.example', body='grüße\r\n'), options=['BODY=8BITMIME']))
        self.assertEqual(self.wait_copies('eight', 1)[0].body, 'grüße\n'.encode())
        answer = self.send('änn@outside.example', [self.bee], self.message('utf8', 'änn@outside.example'), options=['SMTPUTF8', 'BODY=8BITMIME'], utf8=True)
        self.assertRegex(answer.rcpt[0], r'^553 5\.6\.7 ')


if __name__ == '__main__':
    unittest.main()
