"""The courier and a real Sendmail."""
import unittest

from lib.mta import Sendmail
from lib.next_hop import EveryNextHop, NextHop

TIMEOUT = 300


class Behind(EveryNextHop, NextHop):
    MTA = Sendmail
    CAN_LACK = ('PIPELINING', 'DSN')
    TLS = 'STARTTLS=server'


if __name__ == '__main__':
    unittest.main()
