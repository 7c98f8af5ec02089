"""The five minutes of docs/exim.md, followed as they stand there: its commands are run, what it says they print is what they print, and a real Exim runs on it."""
import os
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp
from lib.mta.page import FreshTree, Page
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300
PAGE = 'exim.md'


class Printed(FreshTree, unittest.TestCase):
    PAGE = PAGE


class Followed(EximSetUp, unittest.TestCase):
    """Sockets and ports are the test's; nothing else is changed."""
    SERVICES = ('readsocket',)
    DIALOGUE = FRONT
    UNKNOWN = SetUpChecks.UNKNOWN

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        socket = os.path.join(cls.daemon.state, 'readsocket.sock')
        page = Page(cls.daemon, PAGE, {'/run/listward/readsocket.sock': socket, 'port = 8024': f'port = {cls.daemon.port}'})
        assert page.commands == ['systemctl restart listward', 'update-exim4.conf', 'systemctl reload exim4'], page.commands
        cls.mta.stop()
        cls.mta.configure(**cls.mta.options)
        cls.mta.paste(page)
        cls.mta.start()
        page.run_commands(cls.mta)

    test_a_posting = SetUpChecks.test_a_posting
    test_unknown_addresses = SetUpChecks.test_unknown_addresses
    test_who_is_no_member = SetUpChecks.test_who_is_no_member
    test_who_is_banned = SetUpChecks.test_who_is_banned


if __name__ == '__main__':
    unittest.main()
