"""tools/install-deps: installs what is missing, nothing else, and says what it cannot do."""
import os
import re
import subprocess
import tempfile
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(TREE, 'tools', 'install-deps')


def table():
    """{package: mode}"""
    with open(SCRIPT, encoding='utf-8') as file:
        rows = re.search(r"^packages='\n(.*?)^'", file.read(), re.M | re.S)[1].splitlines()
    return {row.split()[0]: row.split()[1] for row in rows}


class Packages(unittest.TestCase):
    def run_with(self, installed, root=False, sudo=False):
        """The script with a dpkg-query that knows only `installed`, and an apt-get that notes what it is asked for."""
        with tempfile.TemporaryDirectory() as folder:
            def program(name, text):
                path = os.path.join(folder, name)
                with open(path, 'w', encoding='utf-8') as file:
                    file.write('#!/bin/sh\n' + text)
                os.chmod(path, 0o755)
            for name in 'sh', 'env', 'mktemp', 'rm', 'cat':
                os.symlink(f'/usr/bin/{name}', os.path.join(folder, name))
            program('dpkg-query', f'case " {" ".join(installed)} " in *" $3 "*) printf installed;; *) exit 1;; esac\n')
            program('apt-get', f'echo "$@" >>{folder}/asked\n')
            program('id', f'echo {0 if root else 1000}\n')
            if sudo:
                program('sudo', f'echo sudo >>{folder}/asked; exec "$@"\n')
            done = subprocess.run(['/bin/sh', SCRIPT, 'build'], env={'PATH': folder}, capture_output=True, text=True, check=False)
            asked = ''
            if os.path.exists(os.path.join(folder, 'asked')):
                with open(os.path.join(folder, 'asked'), encoding='utf-8') as file:
                    asked = file.read()
        return done, asked

    build = [name for name, mode in table().items() if mode == 'build']

    def test_says_nothing_when_all_is_there(self):
        done, asked = self.run_with(self.build)
        self.assertEqual((done.returncode, done.stdout, done.stderr, asked), (0, '', '', ''))

    def test_installs_only_what_is_missing(self):
        done, asked = self.run_with([name for name in self.build if name != 'meson'], root=True)
        self.assertEqual((done.returncode, done.stdout), (0, 'installing: meson\n'))
        self.assertEqual(asked.splitlines()[-1], '-q -y --no-install-recommends install meson')

    def test_uses_sudo(self):
        done, asked = self.run_with([], sudo=True)
        self.assertEqual((done.returncode, asked.splitlines().count('sudo')), (0, 2))

    def test_says_what_only_root_can_do(self):
        done, asked = self.run_with([])
        self.assertEqual((done.returncode, asked), (1, ''))
        self.assertIn('only root can install them', done.stderr)

    def test_unknown_mode(self):
        self.assertEqual(subprocess.run([SCRIPT, 'everything'], capture_output=True, check=False).returncode, 2)


if __name__ == '__main__':
    unittest.main()
