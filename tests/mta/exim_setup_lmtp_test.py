"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: the set-ups over LMTP alone."""
import unittest

from lib import ports
from lib.mta.exim_setup import EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class LmtpSmtpTransport(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'lmtp-smtp-transport'
    DIALOGUE = {'SIZE'}


class Callout(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'callout'
    CONF = {'lmtp': {'callout_listen': f'127.0.0.1:{ports.free_port()}'}}
    DIALOGUE = {'banned', 'SIZE'}


if __name__ == '__main__':
    unittest.main()
