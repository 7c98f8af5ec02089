"""Somebody sets the clock: nothing waits longer than its interval, nobody is given up for that alone, nothing is sent twice."""
import os
import struct
import tempfile
import time

from lib.fanout import Fanout, Gate

HOUR = 3600
DAY = 24 * HOUR


class Clock(Fanout):
    """A server whose clock is wrong by `error` seconds."""

    def environment(self):
        descriptor, self.clock = tempfile.mkstemp(prefix='listward-clock-')
        os.close(descriptor)
        self.addCleanup(os.unlink, self.clock)
        self.error = 0
        self.set_clock(0)
        return {'LISTWARD_CLOCK_FILE': self.clock}

    def set_clock(self, error):
        self.error = error
        with open(self.clock, 'r+b') as file:
            file.write(struct.pack('=q', error * 1000000))

    def now(self):
        """As the server's clock shows it."""
        return time.time() + self.error

    def refuse(self, times):
        """The next recipients, so many times."""
        left = [times]

        def answer(_session, _argument):
            left[0] -= 1
            return '451 4.2.1 later' if left[0] >= 0 else None
        self.sink.on['RCPT'] = answer

    def refused(self):
        """One member was refused, and waits; returns the posting's id."""
        self.people = self.add_members(1)
        self.refuse(1)
        code = self.post()
        self.daemon.wait_log(event='copies handed over', deferred='1')
        return code

    def waits(self):
        """Seconds until the next attempt, by the server's clock."""
        return self.number('SELECT next_at FROM recipient') / 1e6 - self.now()

    def stir(self):
        """Another posting, to a list of its own: the courier looks for work."""
        self.make_list('bee@lists.example.com')
        self.add_members(['other@example.net'], to='bee@lists.example.com')
        self.post(to='bee@lists.example.com')


class Seconds(Clock):
    COURIER = {'retry_first': '2s', 'retry_max': '2s'}

    def test_a_day_back(self):
        """Nothing else happens: it is seen when the courier wakes."""
        code = self.refused()
        self.set_clock(-DAY)
        self.account(code, sent=self.people)
        self.assertAlmostEqual(int(self.daemon.wait_log(event='the clock was set')['seconds']), -DAY, delta=1)

    def test_a_day_back_while_it_is_down(self):
        code = self.refused()
        self.daemon.stop()
        self.set_clock(-DAY)
        self.daemon.start()
        self.account(code, sent=self.people)

    def test_a_day_back_while_copies_are_under_way(self):
        people = self.add_members(1200)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait(2)
        self.set_clock(-DAY)
        second = self.post()
        gate.open()
        self.account(code, sent=people)
        self.account(second, sent=people)

    def test_forward_and_back(self):
        """Also while it is refused again and again."""
        self.people = self.add_members(1)
        self.refuse(4)
        code = self.post()
        for attempt, error in enumerate((DAY, -DAY, 0), 1):
            self.daemon.wait_log(event='copies handed over', deferred='1', count=attempt)
            self.set_clock(error)
        self.account(code, sent=self.people)


class Hours(Clock):
    COURIER = {'retry_first': '1h', 'retry_max': '4h', 'retry_lifetime': '5d'}

    def test_a_day_back(self):
        """It is clamped to what its one attempt asks for, not to the longest interval."""
        code = self.refused()
        self.set_clock(-DAY)
        self.assertGreater(self.waits(), DAY)
        self.stir()
        self.daemon.wait_log(event='what waited longer than its interval, by the clock as it is now, was put right')
        self.assertLessEqual(self.waits(), HOUR)
        self.daemon.run('retry')
        self.account(code, sent=self.people)

    def test_a_day_forward(self):
        """It is tried at once; who is refused again waits again, since the lifetime is not over."""
        code = self.refused()
        self.refuse(1)
        self.set_clock(DAY)
        self.stir()
        self.daemon.wait_log(event='copies handed over', deferred='1', count=2)
        self.assertEqual(self.number('SELECT count(*) FROM recipient WHERE state = 0 AND attempts = 2'), 1)
        self.assertGreater(self.waits(), HOUR)
        self.daemon.run('retry')
        self.account(code, sent=self.people)

    def test_a_year_forward(self):
        """Nobody is given up without a last try."""
        code = self.refused()
        self.set_clock(365 * DAY)
        self.stir()
        self.account(code, sent=self.people)
