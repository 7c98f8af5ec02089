"""The MTA's map files: kept up to date by the server, written by `mta --write` and `aliases`."""
import fcntl
import json
import os
import pwd
import shutil
import sqlite3
import stat
import tempfile
import unittest

from lib import events, namespaces
from lib.daemon import Daemon
from lib.lmtp import Client

FILES = {
    'postfix': {'postfix_lmtp', 'postfix_postmaster', 'postfix_domains', 'postfix_own_domains', 'postfix_vmap'},
    'exim': {'exim_aliases', 'exim_postmaster', 'exim_domains', 'exim_lists'},
    'sendmail': {'sendmail_access', 'sendmail_mailertable'},
}
ALL = set.union(*FILES.values())
TROUBLE = "the MTA's maps are not as they should be"


class Maps(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix='listward-maps-')
        self.addCleanup(shutil.rmtree, self.scratch)
        self.folder = os.path.join(self.scratch, 'maps')
        self.ran = os.path.join(self.scratch, 'ran')
        self.script = os.path.join(self.scratch, 'postmap')
        self.write_script('true')

    def write_script(self, text):
        """What the command does, after it has noted how many lines the map has that it is given."""
        with open(self.script, 'w', encoding='ascii') as file:
            file.write(f'#!/bin/sh\ngrep -c . "$1" >>"{self.ran}"\n{text}\n')
        os.chmod(self.script, 0o755)

    def runs(self):
        """How often the command ran."""
        if not os.path.exists(self.ran):
            return 0
        with open(self.ran, encoding='ascii') as file:
            return len(file.readlines())

    def daemon_of(self, command=True, **sections):
        mta = {'maps': self.folder, 'lmtp': '127.0.0.1:8024'}
        if command:
            mta['command'] = f"'{self.script}' {self.folder}/postfix_lmtp"
        daemon = Daemon(config={'mta': mta, **sections})
        self.addCleanup(daemon.close)
        return daemon

    def text(self, name, folder=None):
        with open(os.path.join(folder or self.folder, name), encoding='utf-8') as file:
            return file.read()

    def addresses(self):
        return {line.split('\t')[0] for line in self.text('postfix_lmtp').splitlines() if '@' in line}

    # by the server

    def test_as_the_database_when_the_command_has_ended(self):
        daemon = self.daemon_of().start()
        daemon.run('create', 'ant@example.com')
        self.assertIn('ant-owner@example.com', self.addresses())
        self.assertTrue(os.path.isfile(f'{self.folder}/exim_lists/ant@example.com'))
        daemon.run('adddomain', 'example.net', '--alias', 'example.org')
        self.assertIn('example.org\texample.org\n', self.text('postfix_vmap'))
        daemon.run('create', 'bee@example.net')
        self.assertIn('bee-join@example.org', self.addresses())
        daemon.run('remove', 'bee@example.net')
        self.assertNotIn('bee-join@example.org', self.addresses())
        self.assertFalse(os.path.exists(f'{self.folder}/exim_lists/bee@example.org'))
        daemon.run('deldomain', 'example.net')
        self.assertNotIn('example.net', self.text('postfix_domains'))
        self.assertIn('ant@example.com', self.addresses())

    def test_who_may_read_cannot_stop_the_writer(self):
        daemon = self.daemon_of().start()
        daemon.run('create', 'ant@example.com')
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.folder, '.lock')).st_mode), 0o600)
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        daemon.run('create', 'bee@example.com')
        self.assertIn('bee-owner@example.com', self.addresses())

    def test_readable_for_all(self):
        self.daemon_of().start().run('create', 'ant@example.com')
        self.assertEqual(set(os.listdir(self.folder)), ALL | {'.lock'})
        for name in ALL:
            mode = stat.S_IMODE(os.stat(os.path.join(self.folder, name)).st_mode)
            self.assertEqual(oct(mode), '0o755' if name == 'exim_lists' else '0o644', name)

    def test_command_runs_once_for_each_change_and_after_it(self):
        daemon = self.daemon_of().start()
        daemon.run('create', 'ant@example.com')
        daemon.run('create', 'bee@example.com')
        with open(self.ran, encoding='ascii') as file:
            lines = [int(line) for line in file]
        self.assertEqual(lines[-2:], [12, 22])  # a comment, the doctor, ten addresses of each list
        before = self.runs()
        daemon.run('set', 'ant@example.com', 'description=of ants')
        daemon.run('addmembers', '-', 'ant@example.com', stdin='ann@example.net\n')
        daemon.restart()
        daemon.run('create', 'cow@example.com')
        self.assertEqual(self.runs(), before + 1)

    def test_written_at_the_start(self):
        daemon = self.daemon_of()
        daemon.run('create', 'ant@example.com')
        daemon.start()
        daemon.wait_log(event='maps written')
        self.assertIn('ant@example.com', self.addresses())

    def test_noticed_by_a_recipient(self):
        """Whoever changes the database and tells nobody."""
        daemon = self.daemon_of().start()
        daemon.run('create', 'ant@example.com')
        since = len(daemon.lines)
        with sqlite3.connect(os.path.join(daemon.state, 'listward.db')) as database:
            database.execute("UPDATE meta SET number = number + 1 WHERE name = 'list_generation'")
            database.execute("UPDATE list SET removed_at = 1, generation = (SELECT number FROM meta WHERE name = 'list_generation')")
        database.close()
        with Client(daemon.port) as client:
            client.lhlo()
            client.command('MAIL FROM:<ann@example.net>')
            self.assertEqual(client.command('RCPT TO:<ant@example.com>').code, 550)
        daemon.wait_log(since, event='maps written')
        self.assertNotIn('ant@example.com', self.addresses())

    def test_other_address_after_a_reload(self):
        daemon = self.daemon_of().start()
        daemon.run('create', 'ant@example.com')
        since = len(daemon.lines)
        daemon.configure({'mta': {'lmtp': '127.0.0.1:24', 'postfix_service': 'lists'}})
        daemon.reload()
        daemon.wait_log(since, event='maps written')
        self.assertIn('ant@example.com\tlists:inet:127.0.0.1:24\n', self.text('postfix_lmtp'))

    def test_bad_address_refused(self):
        daemon = self.daemon_of()
        daemon.configure({'mta': {'lmtp': 'nonsense'}})
        daemon.start(wait=False)
        self.assertEqual(daemon.wait_end(), 1)
        self.assertIn('[mta] lmtp', daemon.log_text())

    def test_bad_command_refused(self):
        daemon = self.daemon_of()
        daemon.configure({'mta': {'command': 'postmap x'}})
        daemon.start(wait=False)
        self.assertEqual(daemon.wait_end(), 1)
        self.assertIn('[mta] command', daemon.log_text())

    # trouble

    def test_failing_command_is_an_alarm_and_owed(self):
        self.write_script('echo no room for ants; exit 3')
        daemon = self.daemon_of().start()
        done = daemon.cli('create', 'ant@example.com')
        self.assertEqual(done.code, 0)
        self.assertIn('no room for ants', done.err)
        self.assertIn('no room for ants', daemon.wait_log(event=TROUBLE, level='error')['error'])
        self.assertIn('ant@example.com', self.addresses())
        self.write_script('true')
        before = self.runs()
        daemon.restart()  # nothing has changed, but the command is owed
        daemon.wait_log(event='[mta] command has run')
        self.assertFalse(os.path.exists(f'{self.folder}/.command-owed'))
        self.assertEqual(self.runs(), before + 1)
        self.assertEqual(daemon.cli('create', 'bee@example.com').err, '')
        self.assertEqual(self.runs(), before + 2)

    def test_failing_command_runs_again_with_the_next_change(self):
        self.write_script('false')
        daemon = self.daemon_of().start()
        daemon.cli('create', 'ant@example.com')
        self.write_script('true')
        self.assertEqual(daemon.cli('create', 'bee@example.com').err, '')
        self.assertFalse(os.path.exists(f'{self.folder}/.command-owed'))

    def test_slow_command_is_not_waited_for(self):
        fifo = os.path.join(self.scratch, 'fifo')
        os.mkfifo(fifo)
        self.write_script(f'read x <"{fifo}"')
        daemon = self.daemon_of().start()
        done = daemon.cli('create', 'ant@example.com')
        self.assertEqual(done.code, 0)
        self.assertIn('still being written, or [mta] command has not ended', done.err)
        self.write_script('true')
        with open(fifo, 'w', encoding='ascii') as file:
            file.write('go on\n')
        daemon.wait_log(event='[mta] command has run')
        self.assertFalse(os.path.exists(f'{self.folder}/.command-owed'))

    def test_unwritable_map_is_an_alarm_that_names_it(self):
        os.makedirs(f'{self.folder}/exim_aliases')
        daemon = self.daemon_of().start()
        self.assertIn('exim_aliases', daemon.wait_log(event=TROUBLE)['error'])
        self.assertIn('exim_aliases', daemon.cli('create', 'ant@example.com').err)
        os.rmdir(f'{self.folder}/exim_aliases')
        self.assertEqual(daemon.cli('aliases').code, 0)
        self.assertIn('ant@example.com: ant\n', self.text('exim_aliases'))

    def test_no_room_leaves_the_old_files(self):
        namespaces.need('--mount')
        os.makedirs(self.folder)
        self.assertEqual(os.system(f'mount -t tmpfs -o size=64k tmpfs {self.folder}'), 0)
        self.addCleanup(os.system, f'umount {self.folder}')
        daemon = self.daemon_of(command=False).start()
        daemon.run('create', 'ant@example.com')
        before = self.text('postfix_lmtp')
        for number in range(40):
            done = daemon.cli('create', f'a-list-with-a-name-that-takes-some-room-{number}@example.com')
            self.assertEqual(done.code, 0)
            if done.err:
                break
        self.assertIn(self.folder, done.err)
        self.assertIn('No space left', done.err)
        self.assertIn(before.splitlines()[-1], self.text('postfix_lmtp'))
        for name in ALL - {'exim_lists'}:
            self.assertTrue(self.text(name).endswith('\n'), name)

    # without maps

    def test_nothing_without_the_key(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        done = daemon.cli('create', 'ant@example.com')
        self.assertEqual((done.code, done.err), (0, ''))
        done = daemon.cli('aliases')
        self.assertEqual(done.code, 2)
        self.assertIn('[mta] maps', done.err)

    # by commands

    def test_aliases_asks_the_server(self):
        daemon = self.daemon_of().start()
        daemon.run('create', 'ant@example.com')
        os.unlink(f'{self.folder}/exim_aliases')
        before = self.runs()
        self.assertEqual(daemon.run('aliases'), '')
        self.assertIn('ant@example.com: ant\n', self.text('exim_aliases'))
        self.assertEqual(self.runs(), before + 1)
        daemon.run('aliases')
        self.assertEqual(self.runs(), before + 2)

    def test_aliases_tells_of_trouble(self):
        daemon = self.daemon_of().start()
        daemon.run('create', 'ant@example.com')
        self.write_script('echo no room; exit 1')
        done = daemon.cli('aliases')
        self.assertEqual(done.code, 1)
        self.assertIn('no room', done.err)

    def test_aliases_without_a_server(self):
        daemon = self.daemon_of()
        daemon.run('create', 'ant@example.com')
        out = daemon.run('aliases')
        self.assertIn(f'{self.folder}/postfix_lmtp: written\n', out)
        self.assertIn('ant@example.com', self.addresses())
        self.assertEqual(self.runs(), 1)
        self.assertIn(f'{self.folder}/postfix_lmtp: unchanged\n', daemon.run('aliases'))
        self.assertEqual(self.runs(), 2)
        self.write_script('exit 1')
        self.assertEqual(daemon.cli('aliases').code, 1)

    def test_aliases_elsewhere(self):
        daemon = self.daemon_of()
        daemon.run('create', 'ant@example.com')
        other = os.path.join(self.scratch, 'other')
        rows = json.loads(daemon.run('aliases', '-d', other, '--json'))
        self.assertEqual({row['map'] for row in rows}, ALL)
        self.assertTrue(all(row['changed'] for row in rows))
        self.assertEqual(set(os.listdir(other)), ALL | {'.lock'})
        self.assertFalse(os.path.exists(self.folder))
        self.assertEqual(self.runs(), 0)

    def test_maps_of_one_mta(self):
        daemon = self.daemon_of()
        daemon.run('create', 'ant@example.com')
        for mta, names in FILES.items():
            with self.subTest(mta):
                other = os.path.join(self.scratch, mta)
                out = daemon.run('mta', mta, '--write', other)
                self.assertEqual(set(os.listdir(other)), names | {'.lock'})
                self.assertEqual({line.split(': ')[0] for line in out.splitlines()}, {f'{other}/{name}' for name in names})
                self.assertIn('unchanged', daemon.run('mta', mta, '--write', other))

    def test_relative_folder(self):
        daemon = self.daemon_of()
        daemon.run('mta', 'exim', '--write', 'here')
        self.assertTrue(os.path.isdir(os.path.join(daemon.scratch, 'here', 'exim_lists')))

    def test_root_makes_the_folder_for_the_servers_user(self):
        if os.geteuid() != 0:
            events.skip('root', 'only root becomes another user')
        user = pwd.getpwnam('nobody')
        daemon = self.daemon_of(command=False, server={'user': 'nobody'})
        os.chmod(self.scratch, 0o755)
        os.chown(daemon.state, user.pw_uid, user.pw_gid)
        daemon.run('mta', 'postfix', '--write', self.folder)
        self.assertEqual(os.stat(self.folder).st_uid, user.pw_uid)
        self.assertEqual(os.stat(f'{self.folder}/postfix_lmtp').st_uid, user.pw_uid)
        shutil.rmtree(self.folder)
        daemon.start().run('create', 'ant@example.com')
        self.assertIn('ant@example.com', self.addresses())
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o755)
        beside = f'{daemon.state}-maps'  # a name that begins as the state directory's
        daemon.run('mta', 'postfix', '--write', beside)
        self.assertEqual(os.stat(beside).st_uid, user.pw_uid)
        other = os.path.join(self.scratch, 'roots')
        os.mkdir(other)
        done = daemon.cli('mta', 'exim', '--write', other)
        self.assertEqual(done.code, 1)
        self.assertIn(f'user nobody, as a server does it: {other}', done.err)

    def test_unwritable_folder(self):
        daemon = self.daemon_of()
        blocked = os.path.join(self.scratch, 'blocked')
        with open(blocked, 'w', encoding='ascii'):
            pass
        done = daemon.cli('mta', 'postfix', '--write', f'{blocked}/maps')
        self.assertEqual(done.code, 1)
        self.assertIn(blocked, done.err)


if __name__ == '__main__':
    unittest.main()
