"""`make install`: what lies where, and that systemd understands it."""
import configparser
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from lib import events
from lib.daemon import BINARY

BUILD = os.path.dirname(os.path.abspath(BINARY))
PREFIX = 'usr/local'
FILES = {  # path below the prefix: mode
    'bin/listward': 0o755,
    'share/man/man1/listward.1': 0o644,
    'share/man/man5/listward.conf.5': 0o644,
    'share/doc/listward/examples/listward.conf': 0o644,
    'lib/systemd/system/listward.service': 0o644,
    'lib/systemd/system/listward.socket': 0o644,
    'lib/sysusers.d/listward.conf': 0o644,
    'lib/tmpfiles.d/listward.conf': 0o644,
}


def command(*words):
    if not shutil.which(words[0]):
        events.skip('systemd', f'the command {words[0]} is not here')
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.isdir(os.path.join(BUILD, 'meson-info')):
            events.skip('build', f'{BUILD} is no folder of Meson')
        cls.root = tempfile.mkdtemp(prefix='listward-install-')
        cls.addClassCleanup(shutil.rmtree, cls.root)
        done = subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--destdir', cls.root], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-500:]

    def path(self, *parts):
        return os.path.join(self.root, PREFIX, *parts)

    def read(self, *parts):
        with open(self.path(*parts), encoding='utf-8') as file:
            return file.read()

    def test_all_is_there_and_nothing_else(self):
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, os.path.join(self.root, PREFIX))] = os.stat(path).st_mode & 0o777
        self.assertEqual(found, FILES)

    def test_the_program_runs(self):
        self.assertEqual(command(self.path('bin/listward'), 'version')[0], 0)

    def test_the_example_is_a_configuration(self):
        code, said = command(self.path('bin/listward'), '--config', self.path('share/doc/listward/examples/listward.conf'), 'conf')
        self.assertEqual(code, 0, said[-300:])

    def unit(self, name):
        parser = configparser.RawConfigParser(strict=False, comment_prefixes='#', interpolation=None)
        parser.optionxform = str
        parser.read(self.path('lib/systemd/system', name))
        return parser

    def test_the_unit_starts_what_was_installed(self):
        service = self.unit('listward.service')['Service']
        self.assertEqual(service['ExecStart'], f'/{PREFIX}/bin/listward serve')
        self.assertEqual((service['Type'], service['User'], service['StateDirectoryMode']), ('notify', 'listward', '0700'))
        self.assertIn('WatchdogSec', service)
        self.assertGreater(int(service['TimeoutStopSec']), 30 + 80)  # sessions end, and a next hop hangs (docs/smtp.md)

    def test_every_socket_is_a_default(self):
        """Else the server would not start with them."""
        passed = re.findall(r'^ListenStream=(.+)$', self.read('lib/systemd/system/listward.socket'), re.M)
        with tempfile.NamedTemporaryFile() as empty:
            defaults = subprocess.run([BINARY, '--config', empty.name, 'conf'], capture_output=True, text=True, check=True).stdout
        listened = {where for line in re.findall(r'^listen = (.*)$', defaults, re.M) for where in line.split(', ')}
        self.assertTrue(passed)
        self.assertLessEqual(set(passed), listened)

    def test_systemd_understands_the_units(self):
        """With the program where it is now."""
        with tempfile.TemporaryDirectory() as folder:
            for name in 'listward.service', 'listward.socket':
                with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                    file.write(self.read('lib/systemd/system', name).replace(f'/{PREFIX}/bin', self.path('bin')))
            code, said = command('systemd-analyze', 'verify', '--man=no', *(os.path.join(folder, name) for name in os.listdir(folder)))
            ours = [line for line in said.splitlines() if 'listward' in line]
            self.assertEqual((code, ours), (0, []), said[-500:])

    def test_user_and_folders(self):
        if os.geteuid() != 0:
            events.skip('root', 'only root can give files away')
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, 'etc'))
            for name in 'sysusers', 'tmpfiles':
                os.makedirs(os.path.join(root, 'usr/lib', f'{name}.d'))
                shutil.copy(self.path('lib', f'{name}.d', 'listward.conf'), os.path.join(root, 'usr/lib', f'{name}.d'))
            self.assertEqual(command('systemd-sysusers', f'--root={root}')[0], 0)
            code, said = command('systemd-tmpfiles', f'--root={root}', '--create')
            self.assertEqual((code, said), (0, ''))
            with open(os.path.join(root, 'etc/passwd'), encoding='utf-8') as file:
                name, _, uid, gid, _, home, shell = file.read().strip().split(':')
            self.assertEqual((name, home), ('listward', '/var/lib/listward'))
            self.assertRegex(shell, 'nologin$')
            for path, mode, owner in ('run/listward', 0o755, (uid, gid)), ('var/lib/listward-maps', 0o755, (uid, gid)), ('var/lib/listward', 0o700, (uid, gid)), ('etc/listward', 0o755, ('0', '0')):
                status = os.stat(os.path.join(root, path))
                self.assertEqual((status.st_mode & 0o777, (str(status.st_uid), str(status.st_gid))), (mode, owner), path)


if __name__ == '__main__':
    unittest.main()
