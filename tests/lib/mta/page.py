"""The five minutes of a page of docs/: its commands, and what it says that `listward mta` prints."""
import itertools
import os
import re
import shutil
import subprocess
import tempfile

from lib.daemon import BINARY
from lib.mta.printed import Part, Printed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def five_minutes(name):
    """(commands, what the last but one prints): the indented lines of the first section."""
    with open(os.path.join(ROOT, 'docs', name), encoding='utf-8') as file:
        section = re.search(r'^## In five minutes\n(.*?)^## ', file.read(), re.M | re.S)[1]
    printed = re.search(r'^( +)==== .*?(?=^\S)', section, re.M | re.S)
    strip = len(printed[1])
    commands = [line.strip() for line in section[:printed.start()].splitlines() + section[printed.end():].splitlines() if line.startswith(' ' * strip)]
    return commands, ''.join(line[strip:] + '\n' for line in printed[0].rstrip().splitlines()) + '\n'


class Page(Printed):
    """What the page says, as Printed has what the command says; `addresses`: {what stands there: what is put in its place}."""

    def __init__(self, daemon, name, addresses):
        self.daemon = daemon
        text = five_minutes(name)[1]
        for default, own in addresses.items():
            assert default in text, default
            text = text.replace(default, own)
        *parts, run = re.split(r'^==== ', text, flags=re.M)[1:]
        heads = [(part.split('\n', 1)[0].split(': ', 1), part.split('\n', 1)[1].rstrip() + '\n') for part in parts]
        self.parts = [Part(os.path.basename(file), place, lines) for (file, place), lines in heads]
        self.commands = [line for line in run.splitlines()[1:] if line and not line.startswith('#')]


class FreshTree:
    """A test case: in a configuration in which nothing is said about the MTA, the page's commands print what it says. `PAGE`: its file."""
    PAGE = ''

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
        commands, page = five_minutes(self.PAGE)
        *makes, prints, doctor = commands
        self.assertEqual((len(makes), doctor), (2, 'listward doctor'))
        for command in makes:
            self.shell(command)
        printed = self.shell(prints).replace(self.conf, '/etc/listward/listward.conf')
        differences = [pair for pair in itertools.zip_longest(printed.rstrip().splitlines(), page.rstrip().splitlines()) if pair[0] != pair[1]]
        self.assertEqual(differences[:1], [])
