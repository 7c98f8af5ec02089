"""Reads what a test program printed in the Test Anything Protocol."""
import re
from dataclasses import dataclass, field

LINE = re.compile(r'^(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$')
PLAN = re.compile(r'^1\.\.(\d+)')
SKIP = re.compile(r'^(.*?)\s*#\s*(?:SKIP|skip)\S*\s*(.*)$')


@dataclass
class Outcome:
    """What one test file did. A crash, a timeout or a missing result is a failure with a name of its own."""
    passed: list = field(default_factory=list)
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)  # (name, reason)

    def fail(self, name):
        self.failed.append(name)


def read(text, exit_code):
    outcome = Outcome()
    planned = None
    for line in text.splitlines():
        plan = PLAN.match(line)
        result = LINE.match(line)
        if plan:
            planned = int(plan.group(1))
        elif line.startswith('Bail out!'):
            outcome.fail(line)
        elif result:
            add_result(outcome, failed=bool(result.group(1)), rest=result.group(3))
    count = len(outcome.passed) + len(outcome.failed) + len(outcome.skipped)
    if exit_code != 0 and not outcome.failed:
        outcome.fail(f'ended with status {exit_code}')
    elif planned is None and not outcome.failed:
        outcome.fail('printed no plan')
    elif planned is not None and count < planned and not outcome.failed:
        outcome.fail(f'{planned - count} of {planned} tests gave no result')
    return outcome


def add_result(outcome, failed, rest):
    skip = SKIP.match(rest)
    if failed:
        outcome.fail(rest)
    elif skip:
        outcome.skipped.append((skip.group(1), skip.group(2)))
    else:
        outcome.passed.append(rest)


def require(outcome, required):
    """A skip whose reason starts with a word of `required` and a colon becomes a failure."""
    kept = []
    for name, reason in outcome.skipped:
        if reason.split(':')[0] in required:
            outcome.fail(f'{name}: required, but skipped: {reason}')
        else:
            kept.append((name, reason))
    outcome.skipped = kept
