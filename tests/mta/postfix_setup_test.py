"""What `listward mta postfix` prints, run by a real Postfix on exactly that: the set-ups that need nothing but files and LMTP."""
import unittest

from lib.mta.postfix_setup import PostfixSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class WholeDomain(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'whole-domain'


if __name__ == '__main__':
    unittest.main()
