"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: the set-ups with files, and the database as one."""
import unittest

from lib.mta.exim_setup import EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class AliasesFile(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'aliases-file'


class Files(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'files'


class Sqlite(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'sqlite'


if __name__ == '__main__':
    unittest.main()
