"""The five minutes of docs/postfix.md, followed as they stand there: its commands are run, what it says they print is what they print, and a real Postfix runs on it."""
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from lib.daemon import BINARY
from lib.mta.postfix_setup import FRONT, PostfixSetUp
from lib.mta.printed import Part
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def five_minutes():
    """(commands, what the last but one prints): the indented lines of the first section."""
    with open(os.path.join(ROOT, 'docs', 'postfix.md'), encoding='utf-8') as file:
        section = re.search(r'^## In five minutes\n(.*?)^## ', file.read(), re.M | re.S)[1]
    printed = re.search(r'^( +)==== .*?(?=^\S)', section, re.M | re.S)
    strip = len(printed[1])
    commands = [line.strip() for line in section[:printed.start()].splitlines() + section[printed.end():].splitlines() if line.startswith(' ' * strip)]
    return commands, ''.join(line[strip:] + '\n' for line in printed[0].rstrip().splitlines()) + '\n'


class FreshTree(unittest.TestCase):
    """A configuration in which nothing is said about the MTA."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='listward-page-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.conf = os.path.join(self.folder, 'listward.conf')
        with open(self.conf, 'w', encoding='ascii') as file:
            file.write(f'[server]\nstate_dir = {self.folder}\nuser =\n')
        with open(os.path.join(self.folder, 'listward'), 'w', encoding='ascii') as file:
            file.write(f'#!/bin/sh\nexec {BINARY} --config {self.conf} "$@"\n')
        os.chmod(os.path.join(self.folder, 'listward'), 0o755)

    def shell(self, command):
        done = subprocess.run(['sh', '-c', command], env={**os.environ, 'PATH': f'{self.folder}:{os.environ["PATH"]}'}, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_page_says_what_is_printed(self):
        commands, page = five_minutes()
        *makes, prints, doctor = commands
        self.assertEqual((len(makes), doctor), (2, 'listward doctor'))
        for command in makes:
            self.shell(command)
        printed = self.shell(prints).replace(self.conf, '/etc/listward/listward.conf')
        differences = [pair for pair in itertools.zip_longest(printed.rstrip().splitlines(), page.rstrip().splitlines()) if pair[0] != pair[1]]
        self.assertEqual(differences[:1], [])


class Page:
    """The page's text, as lib/mta/printed.py has the command's."""

    def __init__(self, addresses):
        text = five_minutes()[1]
        for default, own in addresses.items():
            assert default in text, default
            text = text.replace(default, own)
        *parts, run = re.split(r'^==== ', text, flags=re.M)[1:]
        heads = [(part.split('\n', 1)[0].split(': ', 1), part.split('\n', 1)[1].rstrip() + '\n') for part in parts]
        self.parts = [Part(os.path.basename(file), place, lines) for (file, place), lines in heads]
        self.commands = [line for line in run.splitlines()[1:] if line and not line.startswith('#')]

    def text(self, file, place=None):
        return ''.join(part.text for part in self.parts if part.file == file and place in (None, part.place))


class Followed(PostfixSetUp, unittest.TestCase):
    """Sockets and ports are the test's; nothing else is changed."""
    SERVICES = ('socketmap', 'milter')
    DIALOGUE = FRONT
    UNKNOWN = SetUpChecks.UNKNOWN

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        service = {name: cls.daemon.settings[name]['listen'].split(',')[0] for name in cls.SERVICES}
        page = Page({'/run/listward/lmtp.sock': cls.daemon.socket, '127.0.0.1:8025': service['socketmap'], '127.0.0.1:8028': service['milter']})
        assert page.commands == ['systemctl restart listward', 'postfix reload'], page.commands
        cls.mta.stop()
        cls.mta.paste(page)
        cls.mta.start()
        cls.mta.run('sh', '-c', page.commands[-1])

    def test_the_replies_on_the_page(self):
        """Those in its table are those that a client gets, word by word."""
        eve = 'eve@outside.example'
        large = self.message('large', eve, body=('x' * 70 + '\r\n') * 3000)
        seen = [self.send(eve, ['nosuch@' + self.DOMAIN], b''), self.send('mallory@outside.example', [self.ant], b''), self.send(eve, [self.ant], self.message('member', eve)),
                self.send(eve, [self.bee], large), self.send(eve, [self.bee], large, options=[f'SIZE={len(large)}'])]
        self.daemon.stop()
        self.addCleanup(self.daemon.start)
        seen.append(self.send(eve, [self.ant], b''))
        with open(os.path.join(ROOT, 'docs', 'postfix.md'), encoding='utf-8') as file:
            table = re.search(r'^## What the author .*?(?=^## )', file.read(), re.M | re.S)[0]
        replies = re.findall(r'`([45]\d\d [^`]*)`', table)
        self.assertEqual(len(replies), len(seen))
        for reply in replies:
            self.assertIn(reply, [text for answer in seen for text in (*answer.rcpt, answer.data)])

    test_a_posting = SetUpChecks.test_a_posting
    test_unknown_addresses = SetUpChecks.test_unknown_addresses
    test_who_is_no_member = SetUpChecks.test_who_is_no_member
    test_who_is_banned = SetUpChecks.test_who_is_banned


if __name__ == '__main__':
    unittest.main()
