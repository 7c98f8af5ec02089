"""A next hop that goes wrong at one step of one dialogue, whatever it can do: each member has one copy in the end, or failed for what was said.

    class Some(Matrix):
        SHAPE = 'always'
        def test_it(self):
            self.check_all(WORDS['all'])
"""
from lib import events
from lib.fanout import LIST, Fanout, addresses
from lib.sink import Do

ALL = ['PIPELINING', 'CHUNKING', '8BITMIME', 'SMTPUTF8', 'SIZE 0', 'DSN', 'XVERP', 'ENHANCEDSTATUSCODES']
WORDS = {  # what it offers; None: it knows HELO only
    'HELO': None,
    'PIPELINING': ['PIPELINING'],
    'CHUNKING': ['CHUNKING'],
    'both': ['PIPELINING', 'CHUNKING'],
    'all': ALL,
}
STEPS = ('CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT', 'RSET')
ACTIONS = {
    '4xx': '451 4.3.0 not now',
    '5xx': '554 5.7.1 never',
    '421': '421 4.3.2 going down',
    '421 and gone': Do('421 4.3.2 going down', 'close'),
    'cut': Do(then='close'),
    'reset': Do(then='reset'),
    'garbage': Do(b'what?\r\n'),
}
AT_WHAT_IS_SAID = ('MAIL', 'RCPT', 'DATA', 'DOT')  # a refusal there is somebody's
DONE_SO_FAR = ('copies handed over', 'outlet not reached')


class Matrix(Fanout):
    SHAPE = 'never'
    COURIER = {'retry_first': '1h', 'connections': 1}  # but for `listward retry`
    COUNT = 4

    def setUp(self):
        super().setUp()
        self.people = self.add_members(addresses(self.COUNT))
        self.daemon.run('set', LIST, f'personal={self.SHAPE}')

    def offer(self, words):
        self.sink.on = {}
        if words is None:
            self.sink.on['EHLO'] = lambda session, line: '502 5.5.1 what?'
        self.sink.keywords = words or []

    def once(self, step, action):
        """The hook of this step does this once, also beside what offer() has put there."""
        usual, calls = self.sink.on.get(step), []

        def act(session, argument):
            calls.append(session.number)
            return action if len(calls) == 1 else usual(session, argument) if usual else None
        self.sink.on[step] = act
        return calls

    def news(self, since):
        return sum(len(self.daemon.log_lines(since, event=event)) for event in DONE_SO_FAR)

    def deliver(self):
        """Posts, and retries at once until nothing is left to be done."""
        since, seen = len(self.daemon.lines), 0
        code = self.post()
        while True:
            self.daemon.wait_for(lambda: self.news(since) > seen or self.open_deliveries() == 0, what='something was to be done')
            seen = self.news(since)
            if self.open_deliveries() == 0:
                return code
            self.assertLess(seen, 10, self.daemon.log_text())
            self.daemon.run('retry')

    def check(self, step, action):
        """`action`: a key of ACTIONS."""
        calls = self.once(step, ACTIONS[action])
        code = self.deliver()
        refused = action == '5xx' and step in AT_WHAT_IS_SAID and bool(calls)
        count = 0 if not refused else 1 if self.SHAPE == 'always' or step == 'RCPT' else self.COUNT
        ledger, copies = self.ledger(code), self.copies(code)
        failed = sorted(address for address, fate in ledger.items() if fate.state == 'failed')
        self.assertEqual(len(failed), count, (ledger, self.daemon.log_text(20)))
        self.assertEqual({ledger[address].reply for address in failed}, {'554 5.7.1 never'} if failed else set())
        self.assertEqual(sorted(copies), sorted(set(self.people) - set(failed)))
        self.check_twice(code, copies, allowed=action == 'garbage')
        self.assertEqual({fate.state for address, fate in ledger.items() if address not in failed} - {'sent'}, set())
        self.assertEqual(sorted(ledger), self.people)
        self.assertEqual(self.number('SELECT count(*) FROM bounce'), self.bounced(failed if step == 'RCPT' else []))
        self.assertEqual(self.sink.violations, [])

    def check_twice(self, code, copies, allowed):
        """Who got it twice is told so by the ledger."""
        twice = [address for address, count in copies.items() if count > 1]
        self.assertTrue(allowed or not twice, twice)
        for address in twice:
            self.assertEqual(copies[address], 2)
            self.assertRegex(str(self.story(code, address)), 'may arrive twice')

    def bounced(self, failed):
        """How many bounces there are by now."""
        self.bounce_count = getattr(self, 'bounce_count', 0) + len(failed)
        return self.bounce_count

    def check_all(self, words, steps=STEPS, actions=tuple(ACTIONS)):
        for step in steps:
            if step == 'DATA' and words and 'CHUNKING' in words:
                continue
            for action in actions:
                with self.subTest(step=step, action=action):
                    self.hang_up()
                    self.offer(words)
                    self.check(step, action)

    def check_manners(self):
        """Odd ways to speak and to listen, with more copies than go in one flight."""
        self.people += self.add_members(addresses(56, start=self.COUNT + 1))
        for name, words in WORDS.items():
            for manner in {'trickle': True}, {'slow': 500}, {'eager': True, 'pad': 2000}:
                with self.subTest(words=name, manner=manner):
                    self.hang_up()
                    self.offer(words)
                    self.sink.trickle, self.sink.slow, self.sink.eager, self.sink.pad = False, 0, False, 0
                    vars(self.sink).update(manner)
                    self.account(self.post(), sent=self.people)

    def hang_up(self):
        """An idle connection would let greeting and EHLO pass by."""
        for session in self.sink.open_sessions:
            session.end()
        events.wait_for(lambda: not self.sink.open_sessions, what='the sink was to have no sessions')
