"""The real Exim of these tests by itself."""
import smtplib
import unittest

from lib.mta import Exim
from lib.mta.self_test_base import SelfTest


class ByItself(SelfTest, unittest.TestCase):
    MTA = Exim
    OFFERS = {'PIPELINING', 'CHUNKING', '8BITMIME', 'SMTPUTF8', 'DSN'}
    CAN_LACK = OFFERS

    def test_auth(self):
        mta = self.mta(tls=True, users={'ant': 'secret'})
        client = self.session(mta)
        self.assertFalse(client.has_extn('auth'))
        client.starttls()
        client.login('ant', 'secret')
        client.close()
        client = self.session(mta)
        client.starttls()
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            client.login('ant', 'wrong')


if __name__ == '__main__':
    unittest.main()
