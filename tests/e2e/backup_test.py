"""`backup` and `restore`: whole or nothing, under load, interrupted, without room; and a restore drill."""
import contextlib
import json
import os
import pwd
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import unittest

from lib import events
from lib.commands import ANT, Commands
from lib.daemon import BINARY, Daemon
from lib.fanout import LIST, Fanout, Gate, message
from lib.lmtp import Client

TIMEOUT = 240
POSTERS = 4


def query(path, sql):
    """By SQLite alone, which makes no files beside a backup."""
    database = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


class Files(Commands):
    """What becomes of FILE."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix='listward-backup-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = os.path.join(self.folder, 'a.db')
        self.run_ok('create', ANT)

    def files(self):
        return sorted(os.listdir(self.folder))

    def test_without_a_server(self):
        old = os.umask(0)
        try:
            out = self.run_ok('backup', self.file)
        finally:
            os.umask(old)
        self.assertRegex(out, rf'^{self.file}: \d+\.\d MiB in \d+\.\d seconds, schema \d+, 1 lists, 0 postings\n$')
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assertEqual(query(self.file, 'PRAGMA integrity_check'), [('ok',)])
        self.assertEqual(query(self.file, 'SELECT local FROM list'), [('ant',)])
        self.assertEqual(self.files(), ['a.db'])

    def test_json(self):
        said = self.json('backup', '--json', self.file)
        self.assertEqual(set(said), {'file', 'octets', 'milliseconds', 'schema', 'lists', 'postings'})
        self.assertEqual((said['file'], said['octets'], said['lists']), (self.file, os.path.getsize(self.file), 1))

    def test_relative_name(self):
        self.run_ok('backup', 'here.db')  # commands run in the scratch folder
        self.assertTrue(os.path.exists(os.path.join(self.daemon.scratch, 'here.db')))

    def test_overwrites_only_when_told(self):
        with open(self.file, 'w', encoding='utf-8') as file:
            file.write('precious')
        self.fails(['backup', self.file], self.file, 'exists already', '--force')
        self.assertEqual(open(self.file, encoding='utf-8').read(), 'precious')
        self.run_ok('backup', '--force', self.file)
        self.assertEqual(query(self.file, 'SELECT count(*) FROM list'), [(1,)])
        self.assertEqual(self.files(), ['a.db'])

    def test_names_that_will_not_do(self):
        self.usage(['backup', '-'], 'needs a file')
        self.usage(['backup'])
        link = os.path.join(self.folder, 'link')
        os.symlink('/nowhere', link)
        for name, part in ((self.folder, 'is a directory'), (self.folder + '/', 'no name of a file'), (link, 'no regular file'), ('/dev/null', 'no regular file'),
                           (os.path.join(self.folder, 'no', 'where'), 'No such file or directory')):
            self.fails(['backup', '--force', name], part)
        database = os.path.join(self.daemon.state, 'listward.db')
        self.fails(['backup', '--force', database], 'the database itself')
        self.assertEqual(self.files(), ['link'])

    def test_a_damaged_database_is_no_backup(self):
        self.run_ok('backup', self.file)
        before = open(self.file, 'rb').read()
        database = os.path.join(self.daemon.state, 'listward.db')
        page = query(database, "SELECT rootpage FROM sqlite_schema WHERE name = 'list_setting'")[0][0]
        with open(database, 'r+b') as file:
            file.seek((page - 1) * 4096)
            file.write(b'\xff' * 4096)
        self.assertEqual(self.daemon.cli('backup', '--force', self.file).code, 1)
        self.assertEqual(open(self.file, 'rb').read(), before)
        self.assertEqual(self.files(), ['a.db'])

    @unittest.skipIf(os.geteuid() != 0, 'only root can become another user')
    def test_root_keeps_it_where_the_user_cannot(self):
        nobody = pwd.getpwnam('nobody')
        for folder, names, _ in os.walk(self.daemon.state):
            for name in ['', *os.listdir(folder)]:
                os.chown(os.path.join(folder, name), nobody.pw_uid, nobody.pw_gid)
        self.daemon.configure({'server': {'user': 'nobody'}})
        os.chmod(self.folder, 0o700)
        self.run_ok('backup', self.file)
        self.assertEqual((os.stat(self.file).st_uid, stat.S_IMODE(os.stat(self.file).st_mode)), (0, 0o600))
        self.run_ok('restore', self.file)
        self.assertEqual({os.stat(os.path.join(self.daemon.state, name)).st_uid for name in os.listdir(self.daemon.state)}, {nobody.pw_uid})
        self.assertEqual(self.lines('lists'), [ANT])

    @unittest.skipIf(os.geteuid() != 0, 'only root can become another user')
    def test_a_place_the_caller_cannot_write(self):
        os.chmod(self.folder, 0o755)
        shutil.chown(self.daemon.state, 'nobody')
        done = subprocess.run([BINARY, '--config', self.daemon.conf, 'backup', self.file], user='nobody', capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, f'listward: {self.file}: making it: Permission denied\n'))

    # no room

    def fill(self):
        self.daemon.start()
        self.run_ok('set', ANT, 'default_nonmember_action=hold', 'max_message_size=0')
        with Client(self.daemon.port) as client:
            client.lhlo()
            big = message('big', body=('x' * 70 + '\n') * 60000).replace(LIST.encode(), ANT.encode())
            self.assertEqual(client.deliver('a@example.org', [ANT], big)[0].code, 250)
        self.daemon.stop()

    def test_limit_on_the_size_of_files(self):
        self.fill()
        done = subprocess.run([BINARY, '--config', self.daemon.conf, 'backup', self.file], capture_output=True, text=True, check=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20)))
        self.assertEqual((done.returncode, done.stdout), (1, ''), done.stderr)
        self.assertIn('full', done.stderr)
        self.assertEqual(self.files(), [])

    def test_full_disk(self):
        self.fill()
        disk = os.path.join(self.folder, 'disk')
        os.mkdir(disk)
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], capture_output=True, check=False).returncode:
            self.skipTest('no small file system can be mounted here')
        self.addCleanup(subprocess.run, ['umount', disk], check=True)
        self.fails(['backup', os.path.join(disk, 'a.db')], 'no room on the disk', 'MiB are needed')
        self.assertEqual(os.listdir(disk), [])


class Interrupted(Fanout):
    def test_killed(self):
        """FILE stays what it was, and nothing else stays."""
        self.daemon.run('set', LIST, 'default_nonmember_action=hold')
        for number in range(3):
            with Client(self.daemon.port) as client:
                client.lhlo()
                client.deliver('a@example.org', [LIST], message(f'big {number}', body=('x' * 70 + '\n') * 100000))
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, 'a.db')
            with open(file, 'w', encoding='utf-8') as old:
                old.write('precious')
            for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
                command = subprocess.Popen([BINARY, '--config', self.daemon.conf, 'backup', '--force', file], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.wait_begun(command)
                command.send_signal(number)
                out, _ = command.communicate()
                self.assertEqual((command.returncode, out), (-number, b''))
                self.assertEqual((os.listdir(folder), open(file, encoding='utf-8').read()), (['a.db'], 'precious'))

    def wait_begun(self, command):
        """Until its file has some octets: it is in the middle then, since there are pauses."""
        def size():
            sizes = [0]
            for link in os.listdir(f'/proc/{command.pid}/fd'):
                path = f'/proc/{command.pid}/fd/{link}'
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    if '(deleted)' in os.readlink(path):
                        sizes.append(os.stat(path).st_size)
            return max(sizes)
        with Client(self.daemon.port) as other:  # nothing announces it: another session's commands take their turn meanwhile
            other.lhlo()
            while size() == 0:
                self.assertIsNone(command.poll(), 'it ended before it could be stopped')
                other.command('NOOP')


class Drill(Fanout):
    """Load, a backup, a crash; the backup is put into another state_dir and the server started there."""

    def setUp(self):
        super().setUp()
        self.people = self.add_members(60)
        self.codes = []
        self.file = os.path.join(self.daemon.scratch, 'backup.db')

    def keep_posting(self, name, stop):
        number = 0
        with Client(self.daemon.port) as client:
            client.lhlo()
            while not stop.is_set():
                number += 1
                reply = client.deliver('author@example.org', [LIST], message(f'load {name} {number}', body='word\n' * 2000))[0]
                self.assertEqual(reply.code, 250)
                with events.changed:
                    self.codes.append(reply.text.split()[1])
                    events.changed.notify_all()

    def load(self):
        stop = threading.Event()
        posters = [threading.Thread(target=self.keep_posting, args=(name, stop)) for name in range(POSTERS)]
        for poster in posters:
            poster.start()
        return stop, posters

    def test_under_load(self):
        stop, posters = self.load()
        events.wait_for(lambda: len(self.codes) >= 40, what='postings')
        confirmed = list(self.codes)
        said = json.loads(self.daemon.run('backup', '--json', self.file))
        after = len(self.codes)
        events.wait_for(lambda: len(self.codes) >= after + 20, what='more postings')
        stop.set()
        for poster in posters:
            poster.join()
        self.assertGreaterEqual(said['postings'], len(confirmed))
        self.assertLess(said['postings'], len(self.codes))
        self.assertEqual(query(self.file, 'PRAGMA integrity_check'), [('ok',)])
        self.daemon.kill()

        restored = Daemon(self.sink)
        self.addCleanup(restored.close)
        first, self.daemon = self.daemon, restored
        self.addCleanup(first.close)
        restored.run('restore', self.file)
        restored.start()
        open_then = int(query(self.file, 'SELECT count(*) FROM delivery WHERE state <> 2')[0][0])
        self.assertEqual(self.number('SELECT count(*) FROM delivery WHERE state = 1'), open_then)
        restored.run('retry')
        self.wait_done()
        known = {code for code, in self.rows('SELECT code FROM posting')}
        self.assertLessEqual(set(confirmed), known)
        for code in confirmed:
            self.assertEqual(set(self.copies(code)), set(self.people), code)
        self.assertEqual(self.rows('PRAGMA integrity_check'), [('ok',)])
        self.post()
        self.wait_done()


class Restored(Fanout):
    """What was on its way when the backup was made."""

    def setUp(self):
        super().setUp()
        self.people = self.add_members(3)
        self.file = os.path.join(self.daemon.scratch, 'backup.db')

    def in_the_middle(self):
        """A backup with a delivery on its way; then it arrives, and the server ends."""
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait()
        self.daemon.run('backup', self.file)
        gate.open()
        self.wait_done()
        self.daemon.stop()
        self.assertEqual(sum(self.copies(code).values()), 3)
        return code

    def test_is_set_aside(self):
        code = self.in_the_middle()
        out = self.daemon.run('restore', self.file)
        self.assertIn('1 postings were on their way', out)
        self.assertIn('set aside', out)
        self.daemon.start()
        self.assertRegex(self.daemon.run('queue'), r'(?m)^set-aside\s.*\b1\b')
        later = self.post()
        events.wait_for(lambda: sum(self.copies(later).values()) == 3)
        self.assertEqual(sum(self.copies(code).values()), 3, 'nobody got it twice')
        self.daemon.run('retry')
        self.wait_done()
        self.assertEqual(sum(self.copies(code).values()), 6)

    def test_send_again(self):
        code = self.in_the_middle()
        self.assertIn('when the server starts', self.daemon.run('restore', '--send-again', self.file))
        self.daemon.start()
        self.wait_done()
        self.assertEqual(sum(self.copies(code).values()), 6)

    def test_not_beside_a_server(self):
        self.daemon.run('backup', self.file)
        done = self.daemon.cli('restore', self.file)
        self.assertEqual(done.code, 1)
        self.assertIn('another server is running', done.err)

    def test_what_was_there_is_kept(self):
        self.daemon.run('backup', self.file)
        code = self.post()
        self.wait_done()
        self.daemon.kill()
        self.assertGreater(os.path.getsize(os.path.join(self.daemon.state, 'listward.db-wal')), 0)
        out = self.daemon.run('restore', self.file)
        kept = out.split('the database that was there: ')[1].splitlines()[0]
        self.assertEqual(query(kept, 'SELECT code FROM posting'), [(code,)])  # with what was in its log
        self.daemon.start()
        self.assertEqual(self.number('SELECT count(*) FROM posting'), 0)

    def test_files_that_are_no_backup(self):
        self.daemon.run('backup', self.file)
        self.daemon.stop()
        database = os.path.join(self.daemon.state, 'listward.db')
        before = open(database, 'rb').read()
        with open(self.file, 'r+b') as file:
            file.truncate(os.path.getsize(self.file) // 2)
        foreign = os.path.join(self.daemon.scratch, 'foreign.db')
        other = sqlite3.connect(foreign)
        other.execute('CREATE TABLE t (x)')
        other.close()
        for name in (self.file, foreign, '/etc/passwd', '/dev/null', self.daemon.scratch, '/nowhere'):
            with self.subTest(name):
                done = self.daemon.cli('restore', name)
                self.assertEqual((done.code, done.out), (1, ''))
                self.assertIn(name, done.err)
        self.assertEqual([name for name in os.listdir(self.daemon.state) if name.startswith('listward.db')], ['listward.db'])
        self.assertEqual(open(database, 'rb').read(), before)

    def test_by_hand_beside_the_log_of_another(self):
        """SQLite would apply the log of the database that was there before; Listward refuses."""
        self.daemon.run('backup', self.file)
        self.post()
        self.wait_done()
        self.daemon.kill()
        database = os.path.join(self.daemon.state, 'listward.db')
        plain = os.path.join(self.daemon.scratch, 'plain.db')
        shutil.copy(self.file, plain)
        shutil.copy(database + '-wal', plain + '-wal')
        self.assertEqual(query(plain, 'SELECT count(*) FROM posting'), [(1,)], 'what is not in the backup: from the log')

        shutil.copy(self.file, database)
        for words in (['lists'], ['serve']):
            done = self.daemon.cli(*words)
            self.assertEqual(done.code, 1)
            self.assertIn(f'take away {database}-wal and {database}-shm', done.err)
        os.unlink(database + '-wal')
        os.unlink(database + '-shm')
        self.daemon.start()
        self.assertEqual(self.number('SELECT count(*) FROM posting'), 0)
        self.assertEqual(self.rows('PRAGMA integrity_check'), [('ok',)])


if __name__ == '__main__':
    unittest.main()
