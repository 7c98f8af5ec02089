"""Set-ups of Exim: see setup_checks.py."""
from lib.mta.exim_debian import DebianExim
from lib.mta.setup_checks import SetUp

FRONT = frozenset({'banned', 'refused', 'size', 'SIZE'})  # the whole verdict in the dialogue

BOXES = ('example.net', 'outside.example')


class EximSetUp(SetUp):
    MTA = 'exim'
    SPLIT = False

    @classmethod
    def make_mta(cls):
        return DebianExim(mailboxes=BOXES, own_domains=';'.join(BOXES), split=cls.SPLIT)
