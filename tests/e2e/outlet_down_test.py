"""An outlet that refuses to talk, or is not there: it costs the members nothing, and nothing is lost."""
import unittest

from lib import events
from lib.fanout import Breaking
from lib.sink import Do


class Refused(Breaking):
    """Greetings and EHLO that refuse us cost the members nothing."""

    def test_for_now_or_for_good(self):
        people = self.add_members(3)
        for hook in 'CONNECT', 'EHLO':
            for reply in '421 4.3.2 too busy', '554 5.3.2 go away', '450 4.3.2 hm':
                with self.subTest(hook=hook, reply=reply):
                    since = len(self.daemon.lines)
                    self.check_steps(hook, Do(reply), people)
                    if reply.startswith('5') and hook == 'CONNECT':
                        self.daemon.wait_log(since, event='the outlet refuses us')

    def test_helo_refused_too(self):
        people = self.add_members(3)
        refusing = [True]
        self.sink.on['EHLO'] = self.sink.on['HELO'] = lambda session, line: '550 5.7.1 not you' if refusing[0] else None
        code = self.post()
        self.daemon.wait_log(event='the outlet refuses us')
        refusing[0] = False
        ledger = self.account(code, sent=people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {1})


class Down(Breaking):
    COURIER = {'connections': 4, 'retry_lifetime': '1s'}  # an outlet that is down costs nobody any of it

    def test_nothing_is_lost(self):
        people = self.add_members(1200)
        self.sink.stop()
        codes = [self.post() for _ in range(3)]
        pauses = [int(self.daemon.wait_log(event='outlet not reached', count=count)['again_after_s']) for count in (1, 2)]
        self.assertEqual(pauses, [1, 2])
        self.assertEqual(self.number('SELECT count(*) FROM recipient'), 0)
        self.sink.start()
        for code in codes:
            ledger = self.account(code, sent=people)
            self.assertEqual({fate.attempts for fate in ledger.values()}, {1})
        self.daemon.wait_log(event='outlet reached again')

    def test_one_at_a_time_tries(self):
        """While it is down there is one attempt a pause, however many connections there may be."""
        self.add_members(2500)
        self.sink.on['CONNECT'] = lambda session, argument: Do('421 4.3.2 closed', 'close')
        self.post()
        self.daemon.wait_log(event='outlet not reached', count=3)
        self.assertLessEqual(len(self.sink.sessions), 4 + 2)

    def test_retry_is_at_once(self):
        people = self.add_members(2)
        self.sink.stop()
        code = self.post()
        self.daemon.wait_log(event='outlet not reached', count=3)  # 1, 2, 4 seconds
        self.sink.start()
        since = len(self.daemon.lines)
        self.daemon.run('retry')
        self.daemon.wait_log(since, event='outlet reached again', seconds=3)
        self.account(code, sent=people)

    def test_down_across_a_restart(self):
        people = self.add_members(700)
        self.sink.stop()
        code = self.post()
        self.daemon.wait_log(event='outlet not reached')
        self.daemon.stop()
        self.sink.start()
        self.daemon.start()
        self.account(code, sent=people)

    def test_goes_down_in_the_middle(self):
        people = self.add_members(2500)
        stopped = []

        def stop(session, mail):
            with events.changed:
                first = not stopped
                stopped.append(1)
            if first:
                self.sink.stop()
            return Do(then='close')
        self.sink.on['DOT'] = stop
        code = self.post()
        self.daemon.wait_log(event='outlet not reached')
        self.sink.on.clear()
        self.daemon.configure({'courier': {'retry_lifetime': '1d', 'retry_first': '1s'}})
        self.sink.start()
        self.account(code, sent=people)


if __name__ == '__main__':
    unittest.main()
