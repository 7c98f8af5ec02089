"""A disk that is nearly full, and one that is full."""
import os
import shutil
import subprocess

from lib.posting import MEMBER, Served, accepted, message

NO_ROOM = r'^452 4\.3\.1 no room for the message now, nothing was kept; please try again$'
ALARM = 'the disk is nearly full: no mail is taken until there is room'
OVER = 'the disk has room again: mail is taken'


class NearlyFull(Served):
    """The limit is moved, not the disk."""

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')

    def limit(self, size):
        since = len(self.daemon.lines)
        self.daemon.configure({'limits': {'min_free_space': size}})
        self.daemon.reload()
        self.daemon.wait_log(since, event='reloaded')

    def test_refused_before_data_and_taken_again(self):
        client, since = self.client(), len(self.daemon.lines)
        before = self.post(self.ant)
        self.limit('1000000G')
        for sender in (MEMBER, MEMBER, ''):
            self.assertRegex(str(client.command(f'MAIL FROM:<{sender}>')), NO_ROOM)
        self.assertEqual(client.command('NOOP').code, 250)  # the connection stays
        self.assertEqual(len(self.daemon.log_lines(since, event=ALARM)), 1)
        self.copy_of(before)  # what was taken goes on
        for command in 'addmembers', 'syncmembers':
            refused = self.daemon.cli(command, '-', self.ant, stdin='new@example.org\n')
            self.assertEqual((refused.code, refused.out), (1, ''))
            self.assertIn('make room on the disk', refused.err)
        self.limit('1M')
        self.assertRegex(str(client.deliver(MEMBER, [self.ant], message())[0]), accepted(self.ant))
        self.assertEqual(len(self.daemon.log_lines(since, event=OVER)), 1)


class Full(Served):
    """A file system of its own, which the test fills."""
    config = {'limits': {'min_free_space': '0'}}

    @classmethod
    def prepare(cls):
        mounted = os.geteuid() == 0 and subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4M,mode=0755', 'none', cls.daemon.state], check=False,
                                                       capture_output=True).returncode == 0
        cls.mounted = mounted
        if mounted:
            cls.addClassCleanup(subprocess.run, ['umount', '-l', cls.daemon.state], check=True)

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')

    def fill(self, path):
        with open(path, 'wb', buffering=0) as filler, open('/dev/zero', 'rb') as zeroes:
            try:
                shutil.copyfileobj(zeroes, filler, 4096)
            except OSError:
                return

    def setUp(self):
        if not self.mounted:
            self.skipTest('no small file system can be mounted here')

    def test_announced_size_counts(self):
        """A disk without room for one message is not full for others, and nothing is an alarm."""
        client, since = self.client(), len(self.daemon.lines)
        self.assertRegex(str(client.command(f'MAIL FROM:<{MEMBER}> SIZE=20000000')), NO_ROOM)
        self.assertEqual(client.command(f'MAIL FROM:<{MEMBER}> SIZE=1000').code, 250)
        self.assertEqual(self.daemon.log_lines(since, event=ALARM), [])

    def test_goes_on_when_there_is_room(self):
        filler = os.path.join(self.daemon.state, 'filler')
        self.assertRegex(self.post(self.ant), accepted(self.ant))
        self.fill(filler)
        replies = {}
        for number in range(60):  # what the log of the database has room for is taken
            subject = f'full {number}'
            replies[subject] = self.post(self.ant, message(subject=subject, body='x' * 60 + '\n' + 'another line\n' * 3000))
        self.assertRegex(replies['full 59'], NO_ROOM)
        self.assertNotIn('451', {reply[:3] for reply in replies.values()})
        os.unlink(filler)
        self.assertRegex(self.post(self.ant, message(subject='after')), accepted(self.ant))
        self.assertEqual(self.rows('PRAGMA integrity_check'), [('ok',)])
        kept = {subject for subject, in self.rows('SELECT subject FROM posting')}
        self.assertEqual(kept & set(replies), {subject for subject, reply in replies.items() if reply.startswith('250 ')})
        self.daemon.wait_for(lambda: len(self.sink.messages) == len(kept), what='what was taken reached the sink')
