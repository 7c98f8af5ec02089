"""`listward mta postfix`, run by a real Postfix on exactly what it prints: the recommended set-up."""
import unittest

from lib.mta.postfix_setup import FRONT, PostfixSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Live(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT


if __name__ == '__main__':
    unittest.main()
