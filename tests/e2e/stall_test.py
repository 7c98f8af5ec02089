"""A peer that goes silent at every step does not keep the server from ending, and costs nobody a copy."""
import signal
import time
import unittest

from lib import events
from lib.fanout import Fanout
from lib.sink import Do

STEPS = ('CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'OCTETS', 'DOT')
DRAIN = 30  # seconds that deliveries at work get when the server is told to stop


class Stalls(Fanout):
    COURIER = {'connections': len(STEPS), 'retry_first': '1s'}

    def test_cut_short_by_stop(self):
        """One connection for each step, all of them silent."""
        self.open_window(len(STEPS))
        first = len(self.sink.sessions)
        stalled = set()

        def stall(number):
            def act(session, argument):
                if session.number != first + number:
                    return None
                with events.changed:
                    stalled.add(number)
                    events.changed.notify_all()
                return Do(then='stall')
            return act
        for number, hook in enumerate(STEPS):
            self.sink.on[hook] = stall(number)
        people = self.add_members(500 * len(STEPS))
        code = self.post()
        events.wait_for(lambda: len(stalled) == len(STEPS), what=f'all steps were to be reached (now {stalled})')
        started = time.monotonic()
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait_end(DRAIN + 20), 0)
        self.assertGreater(time.monotonic() - started, DRAIN - 1)
        self.assertEqual(self.number('SELECT count(*) FROM chunk WHERE state = 1'), 0, 'what became of each is recorded')
        self.sink.on.clear()
        self.daemon.start()
        self.account(code, sent=people)


if __name__ == '__main__':
    unittest.main()
