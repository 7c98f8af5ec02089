"""`listward mta`: the set-ups as text and JSON, and the table of ways."""
import json
import os
import re
import unittest

from lib import ways
from lib.daemon import BINARY, Daemon

HEAD = re.compile(r'^==== (.+)$')


class Mta(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(config={'server': {'hostname': 'mx.example.net'}, 'lmtp': {'listen': '127.0.0.1:8024, /run/listward/lmtp.sock'}})
        self.addCleanup(self.daemon.close)
        self.daemon.run('adddomain', 'lists.example.net', '--alias', 'virt.example.net')

    def names(self, mta):
        return [row['setup'] for row in json.loads(self.daemon.run('mta', mta, '--list', '--json'))]

    def every(self):
        for mta in ways.MTAS:
            for name in self.names(mta):
                with self.subTest(f'{mta} {name}'):
                    yield mta, name

    def test_there_are_set_ups(self):
        for mta in ('postfix', 'exim'):
            self.assertGreater(len(self.names(mta)), 3, mta)

    def test_names_are_unique_and_lines_are_lines(self):
        for mta in ways.MTAS:
            rows = json.loads(self.daemon.run('mta', mta, '--list', '--json'))
            self.assertEqual(len({row['setup'] for row in rows}), len(rows))
            self.assertEqual([row['recommended'] for row in rows], [True] + [False] * (len(rows) - 1) if rows else [])
            for row in rows:
                for key in ('doc', 'sees', 'refuses', 'author'):
                    self.assertRegex(row[key], r'^[^\n|]+$', f'{mta} {row["setup"]} {key}')

    def test_list_as_text(self):
        text = self.daemon.run('mta', 'postfix', '--list')
        rows = json.loads(self.daemon.run('mta', 'postfix', '--list', '--json'))
        self.assertTrue(text.startswith(f'{rows[0]["setup"]}: recommended: '))
        for row in rows:
            self.assertIn(row['author'], text)

    def test_recommended_is_the_first(self):
        for mta in ('postfix', 'exim'):
            first = self.names(mta)[0]
            self.assertEqual(self.daemon.run('mta', mta), self.daemon.run('mta', mta, '--setup', first))

    def test_text_and_json_say_the_same(self):
        for mta, name in self.every():
            text = self.daemon.cli('mta', mta, '--setup', name, check=True)
            data = json.loads(self.daemon.run('mta', mta, '--setup', name, '--json'))
            self.assertEqual((data['mta'], data['setup']), (mta, name))
            parts = ''.join(f'==== {part["file"]}: {part["place"]}\n{part["text"]}\n' for part in data['parts'])
            runs = ''.join(f'# {run["why"]}\n{run["command"]}\n' for run in data['run'])
            self.assertEqual(text.out, parts + ('==== then run\n' + runs if runs else ''))
            self.assertTrue(data['parts'])
            for part in data['parts']:
                self.assertTrue(part['text'].endswith('\n'))
                self.assertNotRegex(part['text'], r'(?m)^==== ')

    def test_domains_are_filled_in(self):
        for mta, name in self.every():
            done = self.daemon.cli('mta', mta, '--setup', name)
            self.assertNotRegex(done.out, r'lists\.example\.(org|com)')
            self.assertNotIn('there is no domain', done.err)

    def test_example_while_there_is_no_domain(self):
        self.daemon.run('deldomain', 'lists.example.net')
        done = self.daemon.cli('mta', 'postfix')
        self.assertEqual(done.code, 0)
        self.assertIn('there is no domain yet', done.err)
        self.assertRegex(done.out, r'lists\.example\.(org|com)')

    def test_missing_service_is_a_part_for_the_configuration(self):
        """On stderr, and in front; what has been added is not asked for again."""
        first = self.daemon.cli('mta', 'postfix')
        self.assertIn('this set-up needs [', first.err)
        data = json.loads(self.daemon.run('mta', 'postfix', '--json'))
        wanted = [part for part in data['parts'] if part['file'] == self.daemon.conf]
        self.assertEqual(wanted, data['parts'][:len(wanted)])
        self.assertEqual(data['run'][0]['command'], 'systemctl restart listward')
        changes = {}
        for part in wanted:
            section = part['place'].strip('[]')
            lines = [line for line in part['text'].splitlines() if not line.startswith('#')]
            changes[section] = dict(line.split(' = ', 1) for line in lines)
        self.daemon.configure(changes)
        second = self.daemon.cli('mta', 'postfix')
        self.assertEqual(second.err, '')
        self.assertNotIn(self.daemon.conf, second.out)

    def test_into_a_file(self):
        target = os.path.join(self.daemon.scratch, 'setup')
        self.daemon.run('mta', 'exim', '-o', target)
        with open(target, encoding='utf-8') as file:
            self.assertEqual(file.read(), self.daemon.run('mta', 'exim'))

    def test_mistakes(self):
        for words, code, says in ((('mta',), 2, 'usage'), (('mta', 'qmail'), 2, 'postfix, exim and sendmail'), (('mta', 'exim', '--setup', 'none'), 2, '--list')):
            with self.subTest(words):
                done = self.daemon.cli(*words)
                self.assertEqual(done.code, code)
                self.assertIn(says, done.err)

    def test_help(self):
        text = self.daemon.run('mta', '--help')
        for option in ('--setup', '--list', '--write', '--json'):
            self.assertIn(option, text)


class Page(unittest.TestCase):
    def test_table_of_ways_is_what_the_set_ups_say(self):
        self.assertEqual(ways.in_page(), ways.table(BINARY), 'docs/mta.md: python3 tests/lib/ways.py BINARY writes its table anew')


if __name__ == '__main__':
    unittest.main()
