"""Runs one file of unittest test cases and prints TAP: python3 tests/lib/run_module.py tests/e2e/x_test.py [METHOD…]"""
import importlib.util
import os
import sys
import time
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.blamed = set()

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def line(self, verdict, test, note=''):
        self.number += 1
        print(f'{verdict} {self.number} {name_of(test)}{note}', flush=True)

    def blame(self, test, error):
        """A method fails once, however many of its sub-tests do."""
        print('\n'.join('# ' + line for line in self._exc_info_to_string(error, test).splitlines()), flush=True)
        if name_of(test) not in self.blamed:
            self.blamed.add(name_of(test))
            self.line('not ok', test)

    def addSuccess(self, test):
        self.line('ok', test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.blame(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.blame(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            print(f'# in {subtest}')
            self.blame(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line('ok', test, f' # SKIP {reason}')

    def addExpectedFailure(self, test, error):
        self.blame(test, error)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line('not ok', test)


def name_of(test):
    return test.id() if test.id().startswith(('setUp', 'tearDown')) else test.id().split('.', 1)[-1]


def load(path):
    """The module gets the name of its file, so that a test is called test_x.Class.method."""
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def chosen(suite, words):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, words)
        elif not words or any(word in test.id() for word in words):
            yield test


def main(path, words):
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path.insert(1, os.path.dirname(os.path.abspath(path)))
    result = TapResult()
    try:
        suite = unittest.defaultTestLoader.loadTestsFromModule(load(path))
    except unittest.SkipTest as skip:
        print(f'1..1\nok 1 {path} # SKIP {skip}')
        return 0
    tests = list(chosen(suite, words))
    # TestSuite runs the fixtures of classes and modules, too.
    unittest.TestSuite(tests).run(result)
    print(f'1..{result.number}')
    if not tests:
        print('Bail out! no test in this file')
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
