"""Waiting without sleeping: everything a test may wait for (a log line, a caught message, a closed session) announces itself here.

One process runs one test file, so one condition serves them all.
"""
import os
import threading
import time
import unittest

changed = threading.Condition()
SECONDS = float(os.environ.get('LISTWARD_WAIT', 30))  # a wait that takes this long has failed


def announce():
    with changed:
        changed.notify_all()


def wait_for(predicate, seconds=SECONDS, what='what was awaited'):
    """Returns predicate()'s first true value; looks again whenever something is announced. AssertionError when time is up."""
    deadline = time.monotonic() + seconds
    with changed:
        while True:
            value = predicate()
            if value:
                return value
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f'{what}: did not happen within {seconds:.0f} seconds')
            changed.wait(left)


def skip(need, reason):
    """Skips for want of `need` (mta, corpus, …), which LISTWARD_REQUIRE can make a failure."""
    raise unittest.SkipTest(f'{need}: {reason}')
