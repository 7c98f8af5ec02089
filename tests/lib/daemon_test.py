"""That the harness of the daemon sees what goes wrong, with small programs in the daemon's place."""
import os
import signal
import tempfile
import unittest
from unittest import mock

from lib import daemon
from lib.daemon import Daemon

READY = 'echo "ts=1 level=info event=ready" >&2; '
WAIT = 'sleep 600 & wait'


class MadeUpPrograms(unittest.TestCase):
    def made_up(self, script):
        """A daemon whose `serve` is this shell script and whose other commands echo their words."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = os.path.join(folder.name, 'program')
        with open(program, 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/bash\nif [ "$3" = serve ]; then\n{script}\nelse shift 2; echo "$@"; cat; fi\n')
        os.chmod(program, 0o755)
        patch = mock.patch.object(daemon, 'BINARY', program)
        patch.start()
        self.addCleanup(patch.stop)
        made = Daemon()
        self.addCleanup(made.close)
        return made

    def test_good_life(self):
        made = self.made_up('trap "kill %1; exit 0" TERM; ' + READY + WAIT)
        with made:
            self.assertEqual(made.run('create', 'ant@example.com'), 'create ant@example.com\n')
            self.assertEqual(made.run('addmembers', '-', 'x', stdin='a\n'), 'addmembers - x\na\n')
            made.restart()
            self.assertEqual(len(made.log_lines(event='ready')), 2)
        self.assertFalse(os.path.exists(made.scratch))

    def test_end_before_ready(self):
        with self.assertRaisesRegex(AssertionError, 'status 3 before it was ready'):
            self.made_up('exit 3').start()

    def test_wrong_status_at_the_end(self):
        made = self.made_up('trap "kill %1; exit 1" TERM; ' + READY + WAIT).start()
        with self.assertRaisesRegex(AssertionError, 'status 1, not 0'):
            made.stop()

    def test_sanitizer_speaks(self):
        ends = {'ERROR: LeakSanitizer: detected memory leaks': lambda made: made.stop(code=-signal.SIGTERM),
                'WARNING: ThreadSanitizer: data race (pid=1)': lambda made: made.kill()}
        for said, end in ends.items():
            made = self.made_up(f'echo "==1=={said}" >&2; ' + READY + 'exec sleep 600').start()
            with self.subTest(said), self.assertRaisesRegex(AssertionError, 'a sanitizer spoke'):
                end(made)

    def test_deaf_to_sigterm(self):
        made = self.made_up('trap "" TERM; ' + READY + 'exec sleep 600').start()
        with self.assertRaisesRegex(AssertionError, 'did not end within'):
            made.stop(seconds=0.1)

    def test_killed(self):
        made = self.made_up(READY + 'exec sleep 600').start()
        made.kill()
        self.assertIsNone(made.process)

    def test_waits_for_log_lines(self):
        made = self.made_up('echo "ts=1 level=info event=posted list=a" >&2; ' + READY + 'exec sleep 600').start()
        self.assertEqual(made.wait_log(event='posted')['list'], 'a')
        with self.assertRaisesRegex(AssertionError, 'did not happen'):
            made.wait_log(event='posted', list='b', seconds=0.05)
        made.kill()

    def test_command_that_crashes(self):
        made = self.made_up('true')
        with mock.patch.object(daemon, 'BINARY', '/bin/false'), self.assertRaisesRegex(AssertionError, 'status 1'):
            made.run('lists')

    def test_configuration(self):
        made = self.made_up('true')
        made.configure({'limits': {'max_sessions': 5}, 'server': {'user': None}})
        with open(made.conf, encoding='utf-8') as file:
            text = file.read()
        self.assertIn('[limits]\nmax_sessions = 5\n', text)
        self.assertNotIn('user', text)
        self.assertIn(f'listen = 127.0.0.1:{made.port}, {made.socket}\n', text)


if __name__ == '__main__':
    unittest.main()
