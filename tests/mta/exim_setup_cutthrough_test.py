"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: cutthrough delivery."""
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Cutthrough(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'cutthrough'
    SERVICES = ('smtp',)
    DIALOGUE = FRONT


if __name__ == '__main__':
    unittest.main()
