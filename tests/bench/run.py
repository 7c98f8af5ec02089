#!/usr/bin/python3
"""`make bench`: every figure of docs/performance.md beside the ceiling of the same run.

    tests/bench/run.py [--runs 3] [--json FILE] [GROUP or row …]

LISTWARD_BIN names the program that is measured.
"""
import argparse
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
from bench import table  # noqa: E402
from bench.accept import Accept, Sustained  # noqa: E402
from bench.answers import Answers  # noqa: E402
from bench.delay import Delay  # noqa: E402
from bench.fanout import Fanout  # noqa: E402
from bench.group import Sizes  # noqa: E402
from bench.growth import Growth  # noqa: E402
from bench.lists import Lists, Rest  # noqa: E402
from bench.load import Tools  # noqa: E402
from bench.machine import describe  # noqa: E402
from bench.members import Members  # noqa: E402
from bench.milter import Milter  # noqa: E402
from bench.postfix import Queue  # noqa: E402

GROUPS = (Accept, Sustained, Lists, Answers, Fanout, Queue, Milter, Members, Delay, Rest, Growth)


def wanted(words):
    """The groups that have one of these words in their name or in a row's key; all if there are no words."""
    return [group for group in GROUPS if not words or any(word in name for word in words for name in (group.NAME, *(row.key for row in group.ROWS)))]


def measure(group, runs, say=lambda text: None):
    """Results in the order of the group's rows; none if it lacks what it needs, and that is said."""
    results = {row.key: table.Result(row) for row in group.ROWS}
    try:
        group.start()
        for number in range(1, runs + 1):
            say(f'{group.NAME}: run {number} of {runs}')
            for key, sample in group.round():
                results[key].samples.append(sample)
    except unittest.SkipTest as reason:
        say(f'{group.NAME}: left out: {reason}')
    finally:
        group.stop()
    return [result for result in results.values() if result.samples]


def say(text):
    print(f'  {text}', file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description='measures Listward beside smtp-source and smtp-sink')
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--json', default='bench.json')
    parser.add_argument('words', nargs='*', help='parts of names of groups or rows: ' + ', '.join(group.NAME for group in GROUPS))
    options = parser.parse_args()
    groups = wanted(options.words)
    if not groups:
        parser.error('no group or row has one of these words in its name')
    began = time.monotonic()
    try:
        tools = Tools()
    except unittest.SkipTest as reason:
        sys.exit(f'bench: smtp-source and smtp-sink are needed: {reason}')
    machine = describe()
    results = [result for group in groups for result in measure(group(tools, Sizes()), options.runs, say)]
    results += table.peaks(results)
    for name, text in machine.items():
        print(f'{name}: {text}')
    print('\n'.join(['', *table.render(results)]))
    table.write_json(options.json, machine, results)
    print(f'\nmedians of {options.runs}; {time.monotonic() - began:.0f} seconds in all; the same as JSON: {options.json}')


if __name__ == '__main__':
    main()
