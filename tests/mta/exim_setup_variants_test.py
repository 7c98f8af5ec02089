"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: the recommended set-up where users live in the same domain, and in Debian's split configuration."""
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class SharedDomain(EximSetUp, SetUpChecks, unittest.TestCase):
    """Users live in the domain of the lists."""
    SERVICES = ('readsocket',)
    DIALOGUE = FRONT
    OWN = 'lists.example.com'
    UNKNOWN = r'^550 '
    POSTMASTER = False

    def test_users_have_their_mail(self):
        self.assert_taken(self.patient('eve@outside.example', [f'root@{self.DOMAIN}', self.bee], self.message('user', 'eve@outside.example')))
        self.assertEqual(sorted(mail.to for mail in self.wait_copies('user', 2)), ['bob@example.net', 'root@example.net'])


class SplitConfiguration(EximSetUp, SetUpChecks, unittest.TestCase):
    """Parts in files of their own, where that goes."""
    SERVICES = ('readsocket',)
    DIALOGUE = FRONT
    SPLIT = True


if __name__ == '__main__':
    unittest.main()
