"""The harness of `make bench`, with tiny sizes: each row gives a figure. No speed is asserted here."""
import json
import os
import tempfile
import unittest

from bench import run, table
from bench.group import TINY
from bench.load import Tools
from bench.machine import describe
from bench.meter import Meter, context_switches, memory
from bench.table import Limit, Result, Row, Sample
from lib.mta import packages


class Groups(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        packages.need()
        cls.tools = Tools()

    def check(self, group):
        results = run.measure(group(self.tools, TINY), 1)
        self.assertEqual([result.row.key for result in results], [row.key for row in group.ROWS])
        for result in results:
            with self.subTest(result.row.key):
                self.assertGreaterEqual(result.figure, 0)
                self.assertEqual(result.reference is None, not result.row.reference)
                self.assertFalse([limit for limit in result.row.limits if result.value_of(limit) is None])
                self.assertLess(result.others, 1.5)
        text = '\n'.join(table.render(results))
        for row in group.ROWS:
            self.assertIn(row.measure, text)


def add_tests():
    for group in run.GROUPS:
        setattr(Groups, f'test_{group.NAME}', lambda self, group=group: self.check(group))


add_tests()


class Choice(unittest.TestCase):
    def test_groups_by_word(self):
        self.assertEqual(run.wanted([]), list(run.GROUPS))
        self.assertEqual([group.NAME for group in run.wanted(['rcpt'])], ['lists'])
        self.assertEqual(run.wanted(['nothing']), [])

    def test_keys_are_unique(self):
        keys = [row.key for group in run.GROUPS for row in group.ROWS]
        self.assertEqual(len(keys), len(set(keys)))


class Table(unittest.TestCase):
    ROW = Row('x', 'a measure', '/s', (Limit('ratio', '>=', 0.5), Limit('figure', '<=', 30)), 'what it is beside', 'another program 2/s')

    def test_medians(self):
        result = Result(self.ROW, [Sample(10, 100, 3.0, 0.1), Sample(20, 25, 5.0, 0.4), Sample(30, 40, None, 0.2)])
        self.assertEqual((result.figure, result.reference, result.ratio, result.peak, result.others), (20, 40, 0.75, 5.0, 0.4))
        self.assertTrue(result.is_met)

    def test_one_missed_target_is_a_miss(self):
        self.assertFalse(Result(self.ROW, [Sample(31, 40)]).is_met)
        self.assertFalse(Result(self.ROW, [Sample(10, 40)]).is_met)
        self.assertEqual(table.verdict(Result(self.ROW, [Sample(10, 40)])), 'MISSED')

    def test_printed_and_kept(self):
        results = [Result(self.ROW, [Sample(20, 25, 5.0, 0.4, 'a note')]), Result(Row('y', 'no target', 'MB'), [Sample(1234.5, peak=7.0)])]
        results += table.peaks(results)
        text = '\n'.join(table.render(results))
        for words in '20 /s', '0.8', '>= 0.5 ×, <= 30 /s', 'met', 'what it is beside', 'a note', 'another program', '1,234 MB', 'in "no target"':
            self.assertIn(words, text)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'bench.json')
            table.write_json(path, describe(), results)
            with open(path, encoding='utf-8') as file:
                kept = json.load(file)
        self.assertEqual([row['met'] for row in kept['rows']], [True, True, True])
        self.assertEqual(kept['rows'][0]['samples'][0]['reference'], 25)


class Meters(unittest.TestCase):
    def test_this_process(self):
        with Meter(os.getpid()) as meter:
            sum(range(2_000_000))
        self.assertGreater(meter.cpu, 0)
        self.assertGreater(meter.seconds, 0)
        self.assertGreater(meter.peak, 1)
        self.assertGreater(memory(os.getpid())['Rss'], memory(os.getpid())['Pss'])
        self.assertGreater(context_switches(os.getpid()), 0)


if __name__ == '__main__':
    unittest.main()
