"""The server is killed at random moments under load, and its next hop is killed, hung and unreasonable beside it: nothing promised is lost, nothing refused is sent, nothing is posted
twice, and what comes twice was in hand.

LISTWARD_KILLS says how often (`make crash`: 200), LISTWARD_SEED repeats a run's choices.
"""
import os
import time
import unittest

from lib import crash_run

TIMEOUT = 900
KILLS = int(os.environ.get('LISTWARD_KILLS', 10))
LONGEST = 0.8  # seconds from start to kill
FULL = int(os.environ.get('LISTWARD_FULL', 100))  # kills, from which on it dies at each mark, too, under load
# Marks that a posting passes on its way.
EVERY = {'judged', 'accept-written', 'accept-committed', 'reply-written', 'command-read', 'batch-written', 'batch-committed', 'claim-roster-written', 'claim-committed',
         'parcel-made', 'transaction-begun', 'dot-sent', 'dot-answered', 'sent-not-recorded', 'record-written', 'record-committed', 'takeback-written', 'takeback-committed'}


class Killed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        crash_run.need_crash_points()

    def kill_at_marks(self, run):
        """Those that a load of postings comes by; steps_test.py goes to all of them."""
        run.calm()
        reached = {mark for mark in crash_run.marks() if run.kill_at(mark, run.chance.randint(1, 3), LONGEST)}
        for mark in EVERY - reached:  # the load may have paused
            if any(run.kill_at(mark, 1, 3 * LONGEST) for _ in range(5)):
                reached.add(mark)
        print(f'#: died at {len(reached)} of the {len(crash_run.marks())} marks under load')
        self.assertEqual(EVERY - reached, set())

    def test_at_random(self):
        run = crash_run.Run(crash_run.seed_of())
        self.addCleanup(run.close)
        print(f'#: seed {run.seed}', flush=True)
        run.make_lists()
        run.begin_load()
        run.pause.wait(0.5)
        run.server.kill()
        run.crash()
        started = time.monotonic()
        while run.counts['kills'] < KILLS:
            run.kill_at_random(LONGEST)
        if KILLS >= FULL:
            self.kill_at_marks(run)
        killing = time.monotonic() - started
        run.finish(300)
        wrong = run.account()
        for line in run.figures():
            print('#: ' + line)
        print(f'#: {killing:.0f} seconds of killing, {time.monotonic() - started:.0f} in all', flush=True)
        self.assertEqual(wrong, [])
        self.assertEqual(run.counts['set aside'], 0)
        self.assertGreater(len(run.told.sure), KILLS)
        self.assertGreater(run.counts['recipients in hand'], 0, 'a run in which no kill met anything shows nothing')


if __name__ == '__main__':
    unittest.main()
