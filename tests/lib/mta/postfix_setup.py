"""Set-ups of Postfix: see setup_checks.py."""
import json

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

    def test_postfix_finds_no_fault(self):
        for command in 'postconf -n', 'postconf -M', 'postfix check':
            self.assertEqual(self.mta.run('sh', '-c', f'{command} 2>&1 >/dev/null'), '', command)

    def test_the_table_of_ways_says_so(self):
        ways = json.loads(self.daemon.run('mta', 'postfix', '--list', '--json'))
        way, = [way for way in ways if way['setup'] == (self.SETUP or 'live')]
        self.assertEqual('Nothing bounces' in way['author'], FRONT <= self.DIALOGUE)
        self.assertEqual('banned senders' in way['refuses'], 'banned' in self.DIALOGUE)
        self.assertEqual('announced size' in way['refuses'], 'SIZE' in self.DIALOGUE)
