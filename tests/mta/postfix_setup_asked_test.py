"""`listward mta postfix`, run by a real Postfix on exactly what it prints: set-ups in which smtpd asks about recipients."""
import unittest

from lib.mta.postfix_setup import PostfixSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Policy(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'policy'
    SERVICES = ('policy', 'socketmap')
    DIALOGUE = {'banned', 'size', 'SIZE'}


class Access(PostfixSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'access'
    SERVICES = ('socketmap',)


if __name__ == '__main__':
    unittest.main()
