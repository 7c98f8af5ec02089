"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: a verdict for each recipient."""
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Prdr(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'prdr'
    SERVICES = ('readsocket',)
    DIALOGUE = FRONT


if __name__ == '__main__':
    unittest.main()
