"""What the manual says is what the program does: every command, option, key, default and setting."""
import os
import re
import subprocess
import tempfile
import unittest

from lib.daemon import BINARY, Daemon

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OPTION = re.compile(r'^  (?:-(?P<short>\w), )?--(?P<long>[\w-]+)(?P<value>=\S+)?  ', re.M)


def read(*path):
    with open(os.path.join(TREE, *path), encoding='utf-8') as file:
        return file.read()


def listward(*words):
    env = {**os.environ, 'LISTWARD_CONFIG': os.path.join(TREE, 'packaging', 'listward.conf')}
    return subprocess.run([BINARY, *words], env=env, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout


def commands():
    """{name: summary} of `listward --help`."""
    text = listward('--help').split('Commands:\n', 1)[1].split('\n\n', 1)[0]
    return dict(line.split(None, 1) for line in text.split('\n'))


def entries(page):
    """{command: its lines of mdoc}: from `.It Cm name` (or `.It Xo`, `.Cm name`) to the next."""
    heads = list(re.finditer(r'^\.It (?:Xo\n\.)?Cm (\w+)', page, re.M))
    ends = [head.start() for head in heads[1:]] + [page.index('.Sh ENVIRONMENT')]
    return {head[1]: page[head.start():end] for head, end in zip(heads, ends)}


def described(entry):
    """The options with a paragraph of their own: (short or None, long)."""
    found = set()
    for short, long in re.findall(r'^\.It (?:Fl (\w) , )?Fl -([\w-]+)', entry, re.M):
        found.add((short or None, long))
    return found


def pages_of_docs():
    """Pictures have a folder of their own."""
    return [name for name in os.listdir(os.path.join(TREE, 'docs')) if os.path.isfile(os.path.join(TREE, 'docs', name))]


class Program(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = read('docs', 'listward.1')
        cls.entries = entries(cls.page)
        cls.commands = commands()

    def test_the_help_has_been_understood(self):
        self.assertLessEqual({'serve', 'create', 'addmembers', 'explain', 'conf'}, set(self.commands))

    def test_every_command_and_no_other(self):
        self.assertEqual(set(self.entries), set(self.commands))

    def test_every_option_and_no_other(self):
        for command in self.commands:
            with self.subTest(command=command):
                have = {(match['short'], match['long']) for match in OPTION.finditer(listward(command, '--help'))}
                self.assertIn(('h', 'help'), have)
                shared = {(None, 'json')} & have
                self.assertEqual(described(self.entries[command]), have - shared - {('h', 'help')})
                self.assertEqual('Fl -json' in self.entries[command], bool(shared))

    def test_every_option_stands_in_the_synopsis(self):
        for command, entry in self.entries.items():
            head = entry.split('.Xc', 1)[0] if entry.startswith('.It Xo') else entry.split('\n', 1)[0]
            words = ' '.join(re.findall(r'Fl ([\w-]+)', head) + re.findall(r'\| (\w)\b', head))
            letters = {letter for word in words.split() if not word.startswith('-') for letter in word}
            for short, long in described(entry):
                with self.subTest(command=command, option=long):
                    self.assertTrue(short in letters or f'-{long}' in words.split(), head)

    def test_every_operand(self):
        """`ledger POST [ADDRESS]` has `Ar post` and `Ar address`."""
        for command in self.commands:
            usage = re.search(rf'^  listward {command} (?:\[OPTION…\] )?(.*?)- ', listward(command, '--help'), re.M)[1]
            words = {word.lower() for word in re.findall(r'[A-Z]{2,}', usage)} - {'json'}
            named = set(re.findall(r'[a-z]+', ' '.join(re.findall(r'\bAr .*', self.entries[command]))))
            with self.subTest(command=command):
                self.assertLessEqual(words, named)

    def test_global_options(self):
        have = {(match['short'], match['long']) for match in OPTION.finditer(listward('--help'))}
        section = self.page.split('.Ss Global options', 1)[1].split('.Ss', 1)[0]
        self.assertEqual(described(section), have)

    def test_a_reader_of_help_is_sent_to_this_page(self):
        self.assertIn('listward(1)', listward('--help'))


class Words(unittest.TestCase):
    """What `queue` and `ledger` can print stands in a page."""

    def test_rows_of_queue(self):
        names = re.findall(r'^    \{ "([\w-]+)", "', read('src', 'cli', 'queue.c'), re.M) + re.findall(r'g_strdup_printf\("(\w+):', read('src', 'cli', 'queue.c'))
        names += re.findall(r'\{ "(next-hop)", ', read('src', 'cli', 'queue.c')) + ['outlet']
        self.assertLessEqual({'held', 'set-aside', 'kept', 'next-hop'}, set(names))
        entry = entries(read('docs', 'listward.1'))['queue']
        for name in names:
            with self.subTest(name):
                self.assertRegex(entry, rf'(?m)^\.It Li {name}\b')

    def test_rows_of_status(self):
        with Daemon() as daemon:
            names = {line.split()[0] for line in daemon.run('status').splitlines()}
        self.assertLessEqual({'pid', 'sent', 'next_hop'}, names)
        self.assertEqual(set(re.findall(r'^\.It Li (\w+)$', entries(read('docs', 'listward.1'))['status'], re.M)), names)

    def test_states_and_events_of_the_ledger(self):
        page = read('docs', 'delivery.md').split('## The ledger', 1)[1]
        line, story = read('src', 'courier', 'ledger_line.c'), read('src', 'courier', 'ledger_story.c')
        states = re.findall(r'\] = "([a-z ]+)"|return "([a-z ]+)"', line) + re.findall(r'ledger_line_new\([^"]*"([a-z ]+)", NULL, NULL\).*"([a-z ]+)"', story)
        events = re.findall(r'"([a-z ]+)"', re.search(r'const char \*what;(.*?)Static', read('src', 'courier', 'ledger_story.h'), re.S)[1])
        self.assertLessEqual({'received', 'given up', 'returned'}, set(events))
        states = {word for words in states for word in words if word}
        self.assertLessEqual({'sent', 'deferred', 'left', 'passed over'}, states)
        for word in states | set(events):
            with self.subTest(word):
                self.assertRegex(page, rf'(?m)^\|.*`{word}`.*\|')


class Configuration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = read('docs', 'listward.conf.5')

    def written(self):
        """[(section, key, default)] of the page."""
        section, rows = None, []
        for line in self.page.split('\n'):
            head = re.match(r'\.Ss \[(\w+)\]', line)
            key = re.match(r'\.It Li (\w+) =(?: (.*))?$', line)
            if head:
                section = head[1]
            elif key:
                rows.append((section, key[1], key[2] or ''))
        return rows

    def real(self):
        """The same of `conf`, with a configuration that sets nothing; and which keys need a restart."""
        rows, restart, section, mark = [], set(), None, False
        with tempfile.NamedTemporaryFile() as empty:
            text = listward('--config', empty.name, 'conf')
        for line in text.split('\n'):
            if line.startswith('['):
                section = line[1:-1]
            elif line.startswith('#'):
                mark = line.endswith('(a change needs a restart)')
            elif line:
                key, _, value = line.partition(' = ')
                rows.append((section, key, '' if key == 'hostname' else value))
                restart |= {(section, key)} if mark else set()
        return rows, restart

    def test_every_key_with_its_default_in_order(self):
        rows, _ = self.real()
        self.assertGreater(len(rows), 20)
        self.assertEqual(self.written(), rows)

    def test_keys_that_need_a_restart(self):
        _, restart = self.real()
        marked, section = set(), None
        for part in re.split(r'^(?=\.Ss |\.It Li )', self.page, flags=re.M):
            head = re.match(r'\.Ss \[(\w+)\]', part)
            section = head[1] if head else section
            key = re.match(r'\.It Li (\w+) =', part)
            if key and '.Em Restart' in part:
                marked.add((section, key[1]))
        self.assertEqual(marked, restart)

    def test_the_example_is_accepted(self):
        listward('--config', os.path.join(TREE, 'packaging', 'listward.conf'), 'conf')


class Settings(unittest.TestCase):
    """docs/settings.md is what the table says: src/list/setting_test.c compares it word for word. Here: the program that runs has the same table."""

    def test_every_setting(self):
        daemon = Daemon()
        try:
            daemon.run('create', 'ant@example.com')
            shown = {line.split(' = ', 1)[0] for line in daemon.run('show', 'ant@example.com').split('\n') if line}
        finally:
            daemon.close()
        rows = set(re.findall(r'^\| (\w+) \|', read('docs', 'settings.md'), re.M)) - {'setting', 'name'}
        self.assertEqual(shown, rows)


class Dependencies(unittest.TestCase):
    def test_the_readme_names_every_package(self):
        packages = re.findall(r'^    (\S+) +(?:build|check|coverage|fresh) ', read('tools', 'install-deps'), re.M)
        self.assertGreater(len(packages), 10)
        table = read('README.md').split('## Dependencies', 1)[1].split('\n\n## ', 1)[0]
        named = set(re.findall(r'[\w.+-]+', ' '.join(line.split('|')[1] for line in table.split('\n') if line.startswith('| '))))
        self.assertLessEqual(set(packages), named)

    def test_the_pages_that_the_index_names_exist(self):
        links = re.findall(r'\]\(([\w.-]+)\)', read('docs', 'README.md'))
        self.assertEqual(set(links) | {'README.md'}, set(pages_of_docs()))

    def test_the_files_that_pages_name_exist(self):
        pages = [('docs', name) for name in pages_of_docs()] + [('README.md',)]
        pages += [('src', name, 'README.md') for name in os.listdir(os.path.join(TREE, 'src')) if not name.endswith('.build')]
        found = 0
        for page in pages:
            for name in re.findall(r'`(\w+/\w+\.[ch])`', read(*page)):
                found += 1
                with self.subTest(page=page, name=name):
                    self.assertTrue(os.path.exists(os.path.join(TREE, 'src', name)))
        self.assertGreater(found, 30)

    def test_every_folder_has_a_readme_that_names_its_files(self):
        """Those that a reader is sent to: each `x.c` or `x.h` of a README stands in its folder."""
        for folder in os.listdir(os.path.join(TREE, 'src')):
            if folder.endswith('.build'):
                continue
            for name in re.findall(r'`(\w+\.[ch])`', read('src', folder, 'README.md')):
                with self.subTest(folder=folder, name=name):
                    self.assertTrue(os.path.exists(os.path.join(TREE, 'src', folder, name)))


class Replies(unittest.TestCase):
    """Every reply an MTA can see stands in docs/replies.md, with its code."""
    polite = {'REPLY_GREETING', 'REPLY_OK', 'REPLY_SENDER_OK', 'REPLY_CHUNK_OK', 'REPLY_SEND_DATA', 'REPLY_BYE', 'REPLY_HELLO'}
    not_given = {'REPLY_LATER', 'REPLY_NO_CONVERSION'}  # rate valves do not exist yet; the other is the ledger's

    def test_every_row(self):
        rows = re.findall(r'X\((REPLY_\w+), (\d+), "([\d.]*)", "(.*)"\)', read('src', 'base', 'reply.h'))
        self.assertGreater(len(rows), 30)
        page = read('docs', 'replies.md')
        for name, code, enhanced, text in rows:
            if name in self.polite | self.not_given:
                continue
            with self.subTest(reply=name):
                self.assertIn(f'{code} {enhanced} '.replace('  ', ' ').strip(), page)
                words = re.sub(r'\{\w+\}', '', text).strip(' ,:;').split('  ')[0]
                if name not in ('REPLY_ALREADY_HELD', 'REPLY_VRFY', 'REPLY_HELP', 'REPLY_BAD_SENDER', 'REPLY_LOOP', 'REPLY_LIST_BUSY'):
                    self.assertIn(words, page)


if __name__ == '__main__':
    unittest.main()
