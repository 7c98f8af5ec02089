"""The runner can fail: what it does with results, crashes, missing results, hanging tests and their children."""
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from lib import tap

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load_runner():
    loader = importlib.machinery.SourceFileLoader('check', os.path.join(TESTS, 'check'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('check', loader))
    loader.exec_module(module)
    return module


check = load_runner()


class ReadingTap(unittest.TestCase):
    rows = [  # name, text, exit code, passed, failed, skipped
        ('all well', '1..2\nok 1 /a\nok 2 /b\n', 0, 2, 0, 0),
        ('one fails', '1..2\nok 1 /a\nnot ok 2 /b\n', 1, 1, 1, 0),
        ('plan at the end', 'ok 1 /a\n1..1\n', 0, 1, 0, 0),
        ('skip with reason', '1..1\nok 1 /a # SKIP mta: no root\n', 0, 0, 0, 1),
        ('crash after a result', '1..2\nok 1 /a\n', -6, 1, 1, 0),
        ('bail out', '1..2\nok 1 /a\nnot ok /b - assertion\nBail out!\n', -6, 1, 2, 0),
        ('status alone', '1..1\nok 1 /a\n', 1, 1, 1, 0),
        ('fewer than planned', '1..3\nok 1 /a\n', 0, 1, 1, 0),
        ('nothing at all', '', 0, 0, 1, 0),
        ('chatter is no result', '1..1\n# ok 7 no\nokay\nok 1 /a\n', 0, 1, 0, 0),
    ]

    def test_rows(self):
        for name, text, status, passed, failed, skipped in self.rows:
            with self.subTest(name):
                outcome = tap.read(text, status)
                self.assertEqual((len(outcome.passed), len(outcome.failed), len(outcome.skipped)), (passed, failed, skipped))

    def test_required_skip_fails(self):
        outcome = tap.read('1..2\nok 1 /a # SKIP mta: no root\nok 2 /b # SKIP corpus: not here\n', 0)
        tap.require(outcome, ['mta'])
        self.assertEqual(outcome.failed, ['/a: required, but skipped: mta: no root'])
        self.assertEqual(outcome.skipped, [('/b', 'corpus: not here')])


class RunningModules(unittest.TestCase):
    def run_module(self, body):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'made_up_test.py')
            with open(path, 'w', encoding='utf-8') as file:
                file.write('import unittest\n' + textwrap.dedent(body))
            done = subprocess.run([sys.executable, '-B', os.path.join(TESTS, 'lib/run_module.py'), path], capture_output=True, text=True, check=False)
        return tap.read(done.stdout, done.returncode)

    def assert_counts(self, body, passed, failed, skipped):
        outcome = self.run_module(body)
        self.assertEqual((len(outcome.passed), len(outcome.failed), len(outcome.skipped)), (passed, failed, skipped), outcome)

    def test_counts_methods(self):
        self.assert_counts('''
            class T(unittest.TestCase):
              def test_a(self): pass
              def test_b(self): self.fail('no')
              def test_c(self): raise ValueError
              def test_d(self): self.skipTest('mta: not here')
            ''', 1, 2, 1)

    def test_method_with_failing_subtests_fails_once(self):
        self.assert_counts('''
            class T(unittest.TestCase):
              def test_a(self):
                for i in range(3):
                  with self.subTest(i): self.assertEqual(i, 1)
            ''', 0, 1, 0)

    def test_fixture_failure_fails(self):
        self.assert_counts('''
            class T(unittest.TestCase):
              @classmethod
              def setUpClass(cls): raise ValueError
              def test_a(self): pass
            ''', 0, 1, 0)

    def test_module_skips(self):
        self.assert_counts('raise unittest.SkipTest("corpus: not here")', 0, 0, 1)

    def test_broken_module_fails(self):
        self.assertTrue(self.run_module('import no_such_module').failed)

    def test_empty_module_fails(self):
        self.assertTrue(self.run_module('').failed)

    def test_early_exit_fails(self):
        self.assertTrue(self.run_module('''
            import os
            class T(unittest.TestCase):
              def test_a(self): pass
              def test_b(self): os._exit(0)
            ''').failed)


class RunningProcesses(unittest.TestCase):
    def test_hanging_group_is_killed_whole(self):
        """The grandchild holds the pipe open while it lives; its end of file says that it is dead."""
        with tempfile.TemporaryDirectory() as folder:
            pipe = os.path.join(folder, 'pipe')
            os.mkfifo(pipe)
            reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            status, output = check.run(['sh', '-c', f'(echo alive; exec sleep 600) >{pipe} & wait'], 1)
            os.set_blocking(reader, True)
            self.assertEqual(os.read(reader, 100), b'alive\n')
            self.assertEqual(os.read(reader, 100), b'')
            os.close(reader)
        self.assertEqual(status, 124)
        self.assertIn('killed', output)


if __name__ == '__main__':
    unittest.main()
