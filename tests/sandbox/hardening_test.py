"""What the compiler and the linker were asked for is in the program: read from its ELF file, in the build that `make` makes."""
import functools
import json
import os
import re
import shutil
import subprocess
import unittest

from lib import events, plain

UNSAFE = {'strcpy', 'strcat', 'sprintf', 'vsprintf', 'gets'}


def setUpModule():
    plain.need()
    if not shutil.which('readelf') or not shutil.which('objdump'):
        events.skip('binutils', 'readelf and objdump are needed')


def readelf(*options):
    return subprocess.run(['readelf', '-W', *options, plain.BINARY], capture_output=True, text=True, check=True, env={**os.environ, 'LC_ALL': 'C'}).stdout


@functools.cache
def code():
    return subprocess.run(['objdump', '-d', '--no-show-raw-insn', '--section=.text', plain.BINARY], capture_output=True, text=True, check=True).stdout


def imported():
    """Names of functions that it takes from libraries."""
    return set(re.findall(r' UND (\w+)(?:@|$)', readelf('--dyn-syms'), re.M))


class Hardening(unittest.TestCase):
    def test_position_independent(self):
        self.assertRegex(readelf('-h'), r'Type:\s+DYN')
        self.assertRegex(readelf('-d'), r'FLAGS_1.*\bPIE\b')

    def test_full_relro(self):
        """What the loader has filled in is read-only from then on, and it fills in all at the start."""
        self.assertRegex(readelf('-l'), r'\bGNU_RELRO\b')
        self.assertRegex(readelf('-d'), r'FLAGS.*\b(BIND_)?NOW\b')
        self.assertNotRegex(readelf('-d'), r'TEXTREL')

    def test_no_page_is_both_written_and_run(self):
        for line in readelf('-l').splitlines():
            row = re.match(r'\s+(LOAD|GNU_STACK)\s.*\s([R ][W ][E ])\s', line)
            if row:
                self.assertNotIn('WE', row[2], line)
        self.assertRegex(readelf('-l'), r'GNU_STACK.*\sRW\s')

    def test_stack_protector(self):
        self.assertIn('__stack_chk_fail', imported())

    def test_fortified(self):
        checked = {name for name in imported() if name.startswith('__') and name.endswith('_chk') and 'stack' not in name}
        self.assertTrue(checked)
        self.assertEqual(imported() & UNSAFE, set())
        self.assertLessEqual(self.arguments({'-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=3'}), {True})

    def test_indirect_branches(self):
        """Each function that can be called through a pointer begins with a landing mark. The mark of the file as a whole is missing where the C library's
        own start files lack it, as Debian 12's do."""
        if ' X86-64' not in readelf('-h'):
            events.skip('x86', 'IBT and SHSTK are of x86')
        ours = set(re.findall(r' FUNC +GLOBAL +(?:DEFAULT|HIDDEN) +\d+ (\w+)$', readelf('-s'), re.M)) - {'_start', '_init', '_fini'}
        marked = set(re.findall(r'<(\w+)>:\n +[0-9a-f]+:\s+endbr64', code()))
        self.assertLessEqual({'main', 'config_load', 'sandbox_enter'}, ours)
        self.assertEqual(ours - marked, set())

    def test_stack_clash(self):
        """A frame of more than a page is touched page by page."""
        self.assertEqual(self.arguments({'-fstack-clash-protection'}), {True})
        if ' X86-64' not in readelf('-h'):
            return
        self.assertRegex(code(), r'sub +\$0x1000,%rsp\n.*\borq? +\$0x0,\(%rsp\)')

    def arguments(self, wanted):
        """Whether each of our sources was compiled with them."""
        path = os.path.join(os.path.dirname(plain.BINARY), 'compile_commands.json')
        if not os.path.exists(path):
            events.skip('compile-commands', 'this program was not built here')
        with open(path, encoding='utf-8') as file:
            return {wanted <= set(entry['command'].split()) for entry in json.load(file)}


if __name__ == '__main__':
    unittest.main()
