"""Set-ups of Postfix: see setup_checks.py."""
from lib.mta.postfix import Postfix
from lib.mta.setup_checks import SetUp

FRONT = frozenset({'banned', 'refused', 'size', 'SIZE'})  # the whole verdict in the dialogue


class PostfixSetUp(SetUp):
    MTA = 'postfix'
    MAIN_CF = {}  # what stood in main.cf before

    @classmethod
    def make_mta(cls):
        return Postfix(mailboxes=('example.net', 'outside.example'), main_cf=dict(cls.MAIN_CF))

    @classmethod
    def adapted(cls, conf):
        if 'command' in conf.get('mta', {}):
            conf['mta']['command'] = conf['mta']['command'].replace('/usr/sbin/postmap', cls.mta.postmap())
        return conf
