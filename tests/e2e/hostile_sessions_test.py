"""Crowds of sessions, slow ones and silent ones: memory stays bounded, the log tells, and who behaves well is served."""
import os
import re
import resource
import socket
import unittest

from lib import events
from lib.daemon import Daemon
from lib.hostile import LIST, MEMBER, Outlives, cpu_seconds, descriptors, frugal, message, post, prepare, try_to_post
from lib.lmtp import Client
from lib.sink import Do, Sink

BUSY = r'^421 4\.3\.2 too many sessions, please try again$'
SLOW = r'^421 4\.4\.2 too slow; closing$'


class Crowd(Outlives):
    """A thousand connections where 500 are allowed."""
    sessions = 1000  # as many may be leaving as may be there

    @classmethod
    def setUpClass(cls):
        descriptors(3000)
        super().setUpClass()

    def crowd(self, octets, count=1000):
        crowd = []
        self.addCleanup(lambda: [one.close() for one in crowd])
        for _ in range(count):
            one = socket.create_connection(('127.0.0.1', self.daemon.port), 30)
            crowd.append(one)
            one.send(octets)
        return crowd

    def served_meanwhile(self):
        self.assertEqual(self.daemon.wait_for(lambda: try_to_post(self.daemon), what='a newcomer was to be let in'), 250)

    def test_slowloris(self):
        """Half a command from each. The oldest make room, each with a word."""
        crowd = self.crowd(b'LHL')
        self.served_meanwhile()
        crowd[0].settimeout(30)
        said = b''
        while more := crowd[0].recv(1000):
            said += more
        self.assertRegex(said.decode(), r'^220 .*\r\n421 4\.3\.2 too many sessions')

    def test_nothing_sent(self):
        self.crowd(b'')
        self.served_meanwhile()

    def test_reset_in_the_middle(self):
        """What was begun is forgotten."""
        for octets in b'', b'LHLO x\r\nMAIL FR', b'LHLO x\r\nMAIL FROM:<bat@example.net>\r\nRCPT TO:<ant@lists.example.com>\r\nDATA\r\nFrom: x\r\n':
            for one in self.crowd(octets, 200):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
                one.close()
        self.served_meanwhile()
        self.daemon.wait_for(lambda: self.status('open_sessions') == 0, what='no session')
        self.assertEqual(self.status('message_memory_octets'), 0)

    def status(self, key):
        return int(re.search(rf'^{key}\W+(\d+)', self.daemon.run('status'), re.M)[1])

    def test_unix_socket(self):
        """Clients that only connect, more than the backlog holds."""
        crowd = []
        self.addCleanup(lambda: [one.close() for one in crowd])
        for _ in range(1000):
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            crowd.append(one)
            try:
                one.connect(self.daemon.socket)
            except BlockingIOError:
                break
        self.served_meanwhile()


class AtWork(Outlives):
    CONFIG = {'limits': {'max_sessions': 10}}
    sessions = 20

    def test_newcomers_when_all_are_at_work(self):
        """421 for each, one line in the log for all, and one when it is over."""
        workers = [self.in_transaction() for _ in range(10)]
        for _ in range(500):
            with Client(self.daemon.port) as newcomer:
                self.assertRegex(str(newcomer.greeting), BUSY)
        for worker in workers:
            self.assertEqual(worker.command('DATA').code, 354)
            worker.send(message() + b'.\r\nQUIT\r\n')
            self.assertEqual(worker.codes(2), [250, 221])
        over = self.wait_log(event='newcomers are let in again')
        self.assertEqual((over['after'], over['turned_away']), ('too many sessions', '500'))
        self.assertEqual(len(self.events('too many sessions')), 1)


class Slow(Outlives):
    """Bodies that drip, all that there may be. `data_timeout` is all that is forgiven here."""
    CONFIG = {'limits': {'max_sessions': 10, 'data_timeout': '2s', 'minimum_rate': 1000, 'command_timeout': '20s'}}
    sessions = 20

    def drip(self, begin):
        """From all sessions, until somebody else has been served."""
        crowd = [self.in_transaction() for _ in range(10)]
        for one in crowd:
            one.send(begin)

        def served():
            for one in crowd:
                try:
                    one.send('x')
                except OSError:
                    continue
            return try_to_post(self.daemon)
        self.assertEqual(self.daemon.wait_for(served, what='a newcomer was to be let in'), 250)
        self.daemon.wait_for(lambda: [line for line in self.events('connection lost inside a message') if re.match(r'only \d+ octets in \d+ s of waiting$', line['error'])],
                             what='a line in the log')

    def test_data(self):
        self.drip('DATA\r\n')

    def test_chunks(self):
        self.drip('BDAT 1000000 LAST\r\n')

    def test_transactions_without_a_message(self):
        """They may take their time, until somebody else wants their place: the slowest gives way."""
        crowd = [self.in_transaction() for _ in range(10)]
        self.assertEqual(self.daemon.wait_for(lambda: try_to_post(self.daemon), what='a newcomer was to be let in'), 250)
        self.assertIn(4, {int(one.reply().code / 100) for one in crowd[:1]})

    def test_short_deadlines(self):
        """Above four fifths of max_sessions a command is waited for only a twentieth as long: a second."""
        crowd = [self.in_transaction() for _ in range(9)]
        for one in crowd:
            one.send('NOOP\r\n')
            one.socket.settimeout(15)
        for one in crowd[-3:]:
            self.assertEqual(one.reply().code, 250)
            self.assertRegex(str(one.reply()), SLOW)

    def test_a_rate_that_will_do(self):
        client = self.in_data()
        for _ in range(30):
            client.send(b'X: ' + b'y' * 900 + b'\r\n')
            client.socket.settimeout(0.1)
            self.assertRaises(TimeoutError, client.fill)
        client.socket.settimeout(30)
        client.send(b'\r\n' + message() + b'.\r\n')
        self.assertEqual(client.reply().code, 250)


class Descriptors(unittest.TestCase):
    def open(self, daemon):
        return len(os.listdir(f'/proc/{daemon.process.pid}/fd'))

    def limit(self, daemon, number):
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (number, resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)[1]))

    def test_a_crowd_leaves_some_to_the_others(self):
        with Sink() as sink, Daemon(sink) as daemon:
            prepare(daemon)
            self.limit(daemon, 100)
            worker = Client(daemon.port)
            worker.lhlo()
            worker.envelope(MEMBER, [LIST])
            crowd = [socket.create_connection(('127.0.0.1', daemon.port), 30) for _ in range(200)]
            daemon.wait_log(event='no descriptor for a session')
            self.assertEqual(worker.command('DATA').code, 354)
            worker.send(message() + b'.\r\n')
            self.assertEqual(worker.reply().code, 250)
            sink.wait_messages(1)
            daemon.run('status')
            crowd[-1].settimeout(30)
            self.assertRegex(crowd[-1].recv(1000).decode(), r'^(421 4\.3\.2|220) ')
            for client in crowd:
                client.close()
            daemon.wait_log(event='newcomers are let in again', after='no descriptor for a session')
            self.assertEqual(len(daemon.log_lines(event='no descriptor for a session')), 1)
            self.assertEqual(post(daemon).code, 250)

    def test_none_at_all(self):
        """Nothing can be accepted: the processor has a rest, and clients wait."""
        with Sink() as sink, Daemon(sink) as daemon:
            prepare(daemon)
            post(daemon)
            sink.wait_messages(1)
            self.limit(daemon, 3)
            client = Client(daemon.port, greeting=False)
            daemon.wait_log(event='no descriptor for a session')
            spent = cpu_seconds(daemon)
            client.socket.settimeout(3)
            self.assertRaises(TimeoutError, client.fill)
            self.assertLess(cpu_seconds(daemon) - spent, 0.5)
            self.assertEqual(len(daemon.log_lines(event='no descriptor for a session')), 1)
            self.limit(daemon, 1000)
            client.socket.settimeout(30)
            self.assertEqual(client.reply().code, 220)
            daemon.wait_log(event='newcomers are let in again', after='no descriptor for a session')
            self.assertEqual(post(daemon).code, 250)

    def test_more_sessions_than_the_system_allows(self):
        """It is said at the start, and the limit is raised as far as it goes."""
        with Daemon(config={'limits': {'max_sessions': 10000}}) as daemon:
            soft, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
            self.assertGreaterEqual(soft, min(hard, 10064))
            warned = daemon.log_lines(event='[limits] max_sessions is more than the system\'s limit of descriptors allows')
            self.assertEqual(len(warned), 1 if hard < 10064 else 0)


class Threads(unittest.TestCase):
    @staticmethod
    def stranger():
        """A user whose processes are ours alone: the system counts them together."""
        busy = {os.stat(f'/proc/{number}').st_uid for number in os.listdir('/proc') if number.isdigit() and os.path.exists(f'/proc/{number}')}
        for name, uid in (('games', 5), ('uucp', 10), ('irc', 39), ('news', 9)):
            if uid not in busy:
                return name, uid
        raise unittest.SkipTest('no user without processes')

    @staticmethod
    def restart_with_few_threads(daemon):
        """As many as it has now, and a few."""
        tasks = len(os.listdir(f'/proc/{daemon.process.pid}/task'))
        before = resource.getrlimit(resource.RLIMIT_NPROC)
        daemon.stop()
        resource.setrlimit(resource.RLIMIT_NPROC, (tasks + 6, before[1]))
        try:
            daemon.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NPROC, before)

    @unittest.skipIf(os.geteuid() != 0, 'needs another user')
    def test_no_thread_for_a_session(self):
        name, uid = self.stranger()
        with Sink() as sink:
            daemon = Daemon(sink, {'server': {'user': name}}, env=frugal())
            self.addCleanup(daemon.close)
            os.chown(daemon.state, uid, uid)
            prepare(daemon.start())
            self.assertEqual(post(daemon).code, 250)
            sink.wait_messages(1)
            self.restart_with_few_threads(daemon)
            worker = Client(daemon.port)
            worker.lhlo()
            worker.envelope(MEMBER, [LIST])
            crowd = [Client(daemon.port) for _ in range(20)]
            daemon.wait_log(event='no thread for a session')
            self.assertIn(421, {client.greeting.code for client in crowd})
            self.assertEqual(worker.command('DATA').code, 354)
            worker.send(message() + b'.\r\n')
            self.assertEqual(worker.reply().code, 250)
            for client in crowd:
                client.close()
            self.assertEqual(daemon.wait_for(lambda: try_to_post(daemon), what='a newcomer was to be let in'), 250)
            self.assertEqual(len(daemon.log_lines(event='no thread for a session')), 1)


class Control(Outlives):
    """The socket is the server's own user's and root's alone; what they send by mistake does no harm."""

    def connect(self):
        control = socket.socket(socket.AF_UNIX)
        self.addCleanup(control.close)
        control.settimeout(30)
        control.connect(os.path.join(self.daemon.state, 'control.sock'))
        return control

    def test_who_may(self):
        self.assertEqual(os.stat(os.path.join(self.daemon.state, 'control.sock')).st_mode & 0o777, 0o600)

    def test_garbage(self):
        for octets in b'\0\1\2\r\n', b'x' * 100000 + b'\r\n', b'status\n', b'what\r\n' * 1000, b'status\r\n' * 1000, b'stat':
            with self.subTest(octets[:20]):
                control = self.connect()
                try:
                    control.sendall(octets)
                    control.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                control.close()
                self.daemon.run('status')

    def test_many(self):
        crowd = [self.connect() for _ in range(100)]
        for one in crowd:
            one.close()
        self.daemon.run('status')


class Reload(unittest.TestCase):
    def test_beside_a_silent_outlet(self):
        """The reload waits for the courier; nobody waits for the reload."""
        with Sink() as sink, Daemon(sink) as daemon:
            silent = set()
            sink.on['CONNECT'] = lambda session, _: silent.add(session) or Do(b'', 'stall')
            prepare(daemon)
            post(daemon)
            events.wait_for(lambda: silent)
            daemon.configure({'courier': {'connections': 3}})
            daemon.reload()
            for _ in range(20):
                self.assertEqual(post(daemon).code, 250)
            daemon.run('set', LIST, 'subject_prefix=[ant] ')
            sink.stop()
            daemon.wait_log(event='reloaded')


if __name__ == '__main__':
    unittest.main()
