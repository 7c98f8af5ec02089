"""The five minutes of docs/sendmail.md, followed as they stand there: its commands are run, what it says they print is what they print, and a real Sendmail runs on it."""
import os
import unittest

from lib.mta.page import FreshTree, Page
from lib.mta.sendmail_setup import FRONT, SendmailSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300
PAGE = 'sendmail.md'


class Printed(FreshTree, unittest.TestCase):
    PAGE = PAGE


class Followed(SendmailSetUp, unittest.TestCase):
    """Sockets are the test's; nothing else is changed."""
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT
    UNKNOWN = SetUpChecks.UNKNOWN

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        page = Page(cls.daemon, PAGE, {f'/run/listward/{name}.sock': os.path.join(cls.daemon.state, f'{name}.sock') for name in ('lmtp', *cls.SERVICES)})
        assert page.commands == ['make -C /etc/mail', 'systemctl reload sendmail'], page.commands
        cls.mta.stop()
        since = len(cls.mta.lines)
        cls.mta.configure(**cls.mta.options)
        cls.mta.paste(page)
        cls.mta.start()
        page.run_commands(cls.mta)
        cls.reloaded(since)

    test_a_posting = SetUpChecks.test_a_posting
    test_unknown_addresses = SetUpChecks.test_unknown_addresses
    test_who_is_no_member = SetUpChecks.test_who_is_no_member
    test_who_is_banned = SetUpChecks.test_who_is_banned


if __name__ == '__main__':
    unittest.main()
