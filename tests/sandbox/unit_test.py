"""The systemd unit: what systemd itself says of it, and that it leaves the server what the server leaves itself."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from lib import events, plain

UNIT = os.path.join(plain.ROOT, 'packaging', 'systemd', 'listward.service')


def setUpModule():
    if not shutil.which('systemd-analyze'):
        events.skip('systemd', 'systemd-analyze is not here')


def analyze(*words):
    done = subprocess.run(['systemd-analyze', *words], capture_output=True, text=True, check=False, env={**os.environ, 'SYSTEMD_COLORS': '0', 'LC_ALL': 'C'})
    return done.returncode, done.stdout + done.stderr


class Unit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix='listward-unit-')
        self.addCleanup(shutil.rmtree, folder)
        self.unit = os.path.join(folder, 'listward.service')
        with open(UNIT, encoding='utf-8') as file:
            self.text = file.read()
        with open(self.unit, 'w', encoding='utf-8') as file:
            file.write(self.text.replace('/usr/local/bin/listward', '/bin/true').replace('Documentation=man:listward(1)\n', ''))

    def test_it_is_understood(self):
        code, said = analyze('verify', '--man=no', self.unit)
        self.assertEqual((code, said), (0, ''))

    def test_exposure(self):
        code, said = analyze('security', '--offline=true', '--threshold=20', self.unit)
        self.assertEqual(code, 0, said)
        self.assertNotIn('User=root', said)

    def members(self, group):
        """Names of the calls in a group of systemd's, those in its groups included."""
        code, said = analyze('syscall-filter', group)
        self.assertEqual(code, 0, said)
        names = set()
        for word in re.findall(r'^    (@?[\w-]+)', said, re.M):
            names |= self.members(word) if word.startswith('@') else {word}
        return names

    def test_it_leaves_what_the_servers_own_filter_leaves(self):
        groups = re.search(r'^SystemCallFilter=(.*)$', self.text, re.M)[1].split()
        open_to_us = set().union(*(self.members(word) if word.startswith('@') else {word} for word in groups))
        with open(os.path.join(plain.ROOT, 'src', 'server', 'seccomp_filter.c'), encoding='utf-8') as file:
            source = file.read()
        ours = set(re.findall(r'"(\w+)"', re.search(r'allowed\[\] = \{(.*?)\n\};', source, re.S)[1]))
        ours |= set(re.findall(r'\{ "(\w+)", \{', source)) | {'landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self', 'seccomp', 'execve', 'fork'}
        known = self.members('@known')
        self.assertIn('openat', ours & known)
        self.assertEqual((ours & known) - open_to_us, set())


if __name__ == '__main__':
    unittest.main()
