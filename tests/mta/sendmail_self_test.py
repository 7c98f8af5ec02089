"""The real Sendmail of these tests by itself."""
import unittest

from lib.mta import Sendmail
from lib.mta.self_test_base import SelfTest


class ByItself(SelfTest, unittest.TestCase):
    MTA = Sendmail
    OFFERS = {'PIPELINING', '8BITMIME', 'DSN'}
    CAN_LACK = {'PIPELINING', 'DSN'}


if __name__ == '__main__':
    unittest.main()
