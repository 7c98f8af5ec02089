"""The real Postfix of these tests by itself."""
import unittest

from lib.mta import Postfix
from lib.mta.self_test_base import MESSAGE, SelfTest


class ByItself(SelfTest, unittest.TestCase):
    MTA = Postfix
    OFFERS = {'PIPELINING', 'CHUNKING', '8BITMIME', 'SMTPUTF8', 'DSN'}
    CAN_LACK = OFFERS

    def test_takes_utf8_addresses(self):
        mta = self.mta()
        mta.send('änt@example.org', ['bät@example.net'], MESSAGE, mail_options=['SMTPUTF8'])
        self.assertEqual(mta.wait_mail(1)[0].to, 'bät@example.net')

    def test_runs_commands_inside(self):
        self.assertIn('mta.example.org', self.mta().run('postconf', '-h', 'myhostname'))

    def test_xverp(self):
        """Each copy has an envelope sender of its own."""
        mta = self.mta(xverp=True)
        self.assertIn('XVERP', mta.keywords())
        mta.send('ant-bounces@lists.example.com', ['bat@example.net', 'cat@example.net'], MESSAGE, mail_options=['XVERP=+='])
        self.assertEqual({mail.sender for mail in mta.wait_mail(2)},
                         {'ant-bounces+bat=example.net@lists.example.com', 'ant-bounces+cat=example.net@lists.example.com'})


if __name__ == '__main__':
    unittest.main()
