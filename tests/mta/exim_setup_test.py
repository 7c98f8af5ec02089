"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: the recommended set-up."""
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Recommended(EximSetUp, SetUpChecks, unittest.TestCase):
    SERVICES = ('readsocket',)
    DIALOGUE = FRONT


if __name__ == '__main__':
    unittest.main()
