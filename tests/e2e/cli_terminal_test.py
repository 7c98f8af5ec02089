"""What a terminal sees of a command, and what a pipe or a file does."""
import os
import pty
import re
import subprocess
import tempfile
import unittest

from lib.commands import ANT, Commands
from lib.daemon import BINARY, SANITIZER

BAR = re.compile(r'\r\[([# ]{40})\] (\d+) added')


class Terminal(Commands):
    def setUp(self):
        super().setUp()
        self.run_ok('create', ANT)

    def on_a_terminal(self, *words, stdin=subprocess.DEVNULL):
        """(status, stdout, what the terminal on stderr has shown)."""
        ours, theirs = pty.openpty()
        with os.fdopen(ours, 'rb', buffering=0) as screen:
            with subprocess.Popen([BINARY, '--config', self.daemon.conf, *words], stdin=stdin, stdout=subprocess.PIPE, stderr=theirs, env=self.daemon.env) as process:
                os.close(theirs)
                shown = self.read_all(screen)
                out = process.stdout.read().decode()
        self.assertIsNone(SANITIZER.search(shown), shown)
        return process.returncode, out, shown

    def read_all(self, screen):
        parts = []
        try:
            while part := screen.read(4096):
                parts.append(part)
        except OSError:  # EIO: nobody has the other end any more
            pass
        return b''.join(parts).decode()

    def members_file(self, text):
        file = tempfile.NamedTemporaryFile('w', suffix='.txt')
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def test_addmembers_shows_how_far_it_is(self):
        path = self.members_file(''.join(f'member{n:05}@example.net\n' for n in range(10000)))
        code, out, shown = self.on_a_terminal('addmembers', path, ANT)
        self.assertEqual((code, out), (0, '10000 added, 0 were there already, 0 bad lines\n'))
        bars = [(bar.count('#'), int(count)) for bar, count in BAR.findall(shown)]
        self.assertEqual(bars, sorted(bars))
        self.assertGreaterEqual(len(bars), 4)  # 4000 lines are read at a time, and what was committed is shown
        self.assertLess(bars[0][0], 20)
        self.assertEqual(bars[-2:], [(40, 10000)] * 2)
        self.assertEqual(BAR.sub('', shown), '\r\n')  # and nothing else

    def test_a_bar_without_a_length_counts(self):
        ours, theirs = os.pipe()
        os.write(theirs, b'bat@example.net\n')
        os.close(theirs)
        with os.fdopen(ours, 'rb') as stdin:
            code, _, shown = self.on_a_terminal('addmembers', '-', ANT, stdin=stdin)
        self.assertEqual(code, 0)
        self.assertEqual(BAR.findall(shown), [(' ' * 40, '1')] * 2)

    def test_no_bar_where_stderr_is_no_terminal(self):
        path = self.members_file('bat@example.net\ncat@example.net\n')
        self.assertEqual(self.run_ok('addmembers', path, ANT), '2 added, 0 were there already, 0 bad lines\n')  # nothing on stderr

    def test_output_that_cannot_be_written_is_a_failure(self):
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
        self.fails(('members', '-o', '/dev/full', ANT), '/dev/full', 'No space left')
        self.fails(('conf', '--output', '/no/such/folder/file'), '/no/such/folder/file')
        with open('/dev/full', 'w', encoding='utf-8') as full:
            done = subprocess.run([BINARY, '--config', self.daemon.conf, 'lists'], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, env=self.daemon.env,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'standard output: No space left', done.stderr)

    def test_output_to_a_file(self):
        self.run_ok('addmembers', '-', ANT, stdin='Bat <bat@example.net>\n')
        for words in ('members', ANT), ('members', '--json', ANT), ('conf',), ('info', '-v'), ('info', '--json'):
            with self.subTest(words=words), tempfile.NamedTemporaryFile('r') as file:
                want = self.run_ok(*words)
                self.assertEqual(self.run_ok(words[0], '-o', file.name, *words[1:]), '')
                self.assertEqual(file.read(), want)
                self.assertEqual(self.run_ok(words[0], '--output', '-', *words[1:]), want)
        self.usage(('lists', '-o', '/dev/null'), '-o')


if __name__ == '__main__':
    unittest.main()
