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


if __name__ == '__main__':
    unittest.main()
