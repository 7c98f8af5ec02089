"""`[alarm] command`, and the helper that runs it."""
import os
import select
import shutil
import signal
import tempfile
import unittest

from lib.daemon import Daemon
from lib.lmtp import Client
from lib.posting import message

ANT, BAT = 'ant@lists.example.com', 'bat@example.net'
# an outlet whose password cannot be read is an alarm
SILENT = {'user': 'x', 'password_file': '/nowhere/password'}


class Alarms(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix='listward-alarm-')
        self.addCleanup(shutil.rmtree, self.scratch)
        self.told = os.path.join(self.scratch, 'told')
        self.script = os.path.join(self.scratch, 'tell me')
        self.write_script(f'cat >>"{self.told}"; echo "args $# $1" >>"{self.told}"')

    def write_script(self, text):
        with open(self.script, 'w', encoding='ascii') as file:
            file.write(f'#!/bin/sh\n{text}\n')
        os.chmod(self.script, 0o755)

    def daemon_of(self, command=None, **sections):
        daemon = Daemon(config={'alarm': {'command': f"'{self.script}' 'an argument'" if command is None else command}, **sections})
        self.addCleanup(daemon.close)
        return daemon

    def text(self):
        with open(self.told, encoding='utf-8') as file:
            return file.read()

    def raise_alarm(self, daemon, number):
        """By a reload that finds another outlet without a password."""
        daemon.configure({f'outlet n{number}': SILENT})
        since = len(daemon.lines)
        daemon.reload()
        daemon.wait_log(since, event='reloaded')

    def test_told_on_standard_input(self):
        daemon = self.daemon_of(outlet=SILENT).start()
        self.assertEqual(daemon.wait_log(event='alarm told')['further'], '0')
        raised, = daemon.log_lines(level='error')
        line, arguments = self.text().splitlines()
        self.assertIn(line, daemon.lines)
        self.assertIn(raised['file'], line)
        self.assertEqual(arguments, 'args 1 an argument')

    def test_once_a_minute_and_none_is_forgotten(self):
        daemon = self.daemon_of(outlet=SILENT).start()
        daemon.wait_log(event='alarm told')
        for number in 1, 2:
            self.raise_alarm(daemon, number)
        raised = len(daemon.log_lines(level='error'))
        self.assertGreater(raised, 3)
        self.assertEqual(len(daemon.log_lines(event='alarm told')), 1)
        daemon.stop()
        self.assertEqual(len(daemon.log_lines(event='alarm told')), 2)
        self.assertIn(f'and {raised - 2} more since then', self.text())

    def test_a_command_that_fails_is_no_alarm(self):
        self.write_script('echo broken >&2; exit 1')
        daemon = self.daemon_of(outlet=SILENT).start()
        self.assertIn('ended with status 1: broken', daemon.wait_log(event='an alarm was not told', level='warning')['error'])
        self.assertIn('\nalarms                   1\n', daemon.run('status'))

    def test_the_helper_is_killed(self):
        """An alarm, which it can no longer tell; everything else goes on."""
        daemon = self.daemon_of()
        daemon.run('create', ANT)
        daemon.run('addmembers', '-', ANT, stdin=BAT + '\n')
        daemon.start()
        os.kill(self.helper_of(daemon), signal.SIGKILL)
        self.assertEqual(daemon.wait_log(event='the helper has ended: commands are not run before a restart')['level'], 'error')
        daemon.wait_log(event='an alarm was not told')
        self.assertIn('helper gone', daemon.run('status'))
        with Client(daemon.port) as client:
            client.lhlo()
            self.assertEqual(client.deliver(BAT, [ANT], message(BAT, to=ANT))[0].code, 250)
        daemon.restart()
        self.assertGreater(self.helper_of(daemon), 0)

    def test_the_helper_ends_with_the_server(self):
        daemon = self.daemon_of().start()
        helper = self.helper_of(daemon)
        self.assertIsNone(daemon.process.poll())
        handle = os.pidfd_open(helper)
        self.addCleanup(os.close, handle)
        daemon.kill()
        self.assertTrue(select.select([handle], [], [], 30)[0], 'the helper was to end')
        daemon.start().stop()

    def helper_of(self, daemon):
        row = next(line for line in daemon.run('status').splitlines() if line.startswith('sandbox'))
        return int(row.rpartition('helper ')[2])

    def test_without_a_command_there_is_no_helper(self):
        daemon = self.daemon_of(command='').start()
        self.assertIn('helper none', daemon.run('status'))
        with open(f'/proc/{daemon.process.pid}/task/{daemon.process.pid}/children', encoding='ascii') as file:
            self.assertEqual(file.read(), '')

    def test_commands_that_cannot_be(self):
        for command, why in ('tell', 'absolute path'), ("/bin/cat 'x", 'quote'), ('/nowhere/tell', 'No such file'), ('./tell', 'absolute path'):
            with self.subTest(command):
                daemon = self.daemon_of(command=command).start(wait=False)
                self.assertEqual(daemon.wait_end(), 1)
                self.assertIn('[alarm] command', daemon.log_text())
                self.assertIn(why, daemon.log_text())

    def test_a_reload_does_not_change_it(self):
        daemon = self.daemon_of().start()
        daemon.configure({'alarm': {'command': '/bin/false'}})
        daemon.reload()
        self.assertEqual(daemon.wait_log(event='change ignored until a restart')['key'], '[alarm] command')


if __name__ == '__main__':
    unittest.main()
