"""Many members in a row whom the next hop refuses. Postfix answers each command a second late after ten refusals and hangs up after twenty, Exim
hangs up at the eleventh RSET that led to nothing: the copies for all others get through at once all the same."""
import collections
import unittest

from lib.fanout import LIST, Fanout, addresses
from lib.sink import KEYWORDS, Do

GONE = addresses(70, name='gone')


class Limits:
    """What both count, for each session: sink.on['REPLY'] = Limits()."""

    def __init__(self):
        self.refusals, self.resets = collections.Counter(), collections.Counter()  # since a message was taken; but for the first one after each message
        self.free = collections.defaultdict(lambda: True)
        self.late = self.hung_up = 0

    def __call__(self, session, reply):
        at = session.number
        self.late += self.refusals[at] >= 10
        if self.refusals[at] >= 20:
            return self.hang_up('421 4.7.0 too many errors')
        if reply[0] in '45':
            self.refusals[at] += 1
        elif session.verb == 'DOT':
            self.refusals[at], self.free[at] = 0, True
        elif session.verb == 'RSET' and self.free[at]:
            self.free[at] = False
        elif session.verb == 'RSET':
            self.resets[at] += 1
        return self.hang_up('554 too many nonmail commands') if self.resets[at] > 10 else None

    def hang_up(self, words):
        self.hung_up += 1
        return Do(words, 'close')


class Refused(Fanout):
    COURIER = {'retry_first': '1h', 'connections': 4}  # nobody has to wait

    def setUp(self):
        super().setUp()
        self.sink.on['RCPT'] = lambda session, path: '550 5.1.1 no such user' if path.address in GONE else None
        self.limits = None

    def check(self, people, shape, late=0, hung_up=0):
        self.limits = self.sink.on['REPLY'] = Limits()
        self.daemon.run('set', LIST, f'personal={shape}')
        since, before = len(self.daemon.lines), len(self.sink.sessions)
        ledger = self.account(self.post(), sent=[one for one in people if one not in GONE], failed=[one for one in people if one in GONE], reason='^550 5.1.1 ')
        self.assertEqual({fate.attempts for fate in ledger.values()}, {1})
        self.assertEqual(self.daemon.log_lines(since, event='outlet not reached'), [])
        self.assertLessEqual(self.limits.late, late)
        self.assertLessEqual(self.limits.hung_up, hung_up)
        return len(self.sink.sessions) - before

    def with_keywords(self, words):
        for session in self.sink.open_sessions:
            session.end()
        self.sink.keywords = words

    def test_personal_copies(self):
        people = self.add_members([*addresses(10), *GONE[:50], *addresses(40, start=11)])
        for words in ['PIPELINING', 'CHUNKING'], ['PIPELINING'], ['CHUNKING'], [], [*KEYWORDS, 'CHUNKING', 'DSN']:
            with self.subTest(words=words):
                self.with_keywords(words)
                self.assertLessEqual(self.check(people, 'always', late=40, hung_up=1), 16)

    def test_nobody_else(self):
        """As a claim may be that holds those who bounced."""
        people = self.add_members(GONE)
        for shape in 'always', 'never':
            with self.subTest(shape=shape):
                self.with_keywords(['PIPELINING', 'CHUNKING'])
                self.assertLessEqual(self.check(people, shape), 18)

    def test_here_and_there(self):
        people = self.add_members([f'{"gone" if number % 3 else "m"}{number:05}@example.net' for number in range(1, 71)])
        for shape in 'always', 'never':
            with self.subTest(shape=shape):
                self.with_keywords(['PIPELINING', 'CHUNKING'])
                self.check(people, shape, late=10, hung_up=1)

    def test_in_a_batch(self):
        people = self.add_members([*addresses(300), *GONE, *addresses(30, start=301)])
        for words in ['PIPELINING', 'CHUNKING'], ['PIPELINING'], []:
            with self.subTest(words=words):
                self.with_keywords(words)
                self.check(people, 'never', late=100, hung_up=4)


if __name__ == '__main__':
    unittest.main()
