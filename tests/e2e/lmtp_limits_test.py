"""Deadlines, the number of sessions, reload, and the end of the server in the middle of things."""
import os
import signal

from lib import ports
from lib.daemon import Daemon
from lib.lmtp import Client, Closed
from lib.posting import MEMBER, Served, accepted, message

SLOW = r'^421 4\.4\.2 too slow; closing$'
BUSY = r'^421 4\.3\.2 too many sessions, please try again$'
STOPPING = r'^421 4\.3\.2 the server is stopping, please try again$'


class Limits(Served):
    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')

    def in_data(self, where=None):
        client = self.client(where)
        client.send(f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nDATA\r\n')
        self.assertEqual(client.codes(3), [250, 250, 354])
        return client

    def postings(self):
        return self.rows('SELECT count(*) FROM posting')


class CommandDeadline(Limits):
    config = {'limits': {'command_timeout': '1s'}}

    def test_too_slow(self):
        """Before LHLO, between commands, in a transaction, and in the middle of a line: 421 and the end."""
        fresh, between, inside, half = Client(self.daemon.port), self.client(), self.client(), self.client()
        self.addCleanup(fresh.close)
        inside.envelope(MEMBER, [self.ant])
        half.send('NOO')
        for name, client in (('fresh', fresh), ('between', between), ('inside', inside), ('half', half)):
            with self.subTest(name):
                self.assertRegex(str(client.reply()), SLOW)
                self.assertTrue(client.at_end())

    def test_a_line_that_drips_is_too_slow(self):
        """The deadline is the line's, not the octet's."""
        client = self.client()
        client.socket.settimeout(0.1)
        for _ in range(100):
            try:
                client.send('x')
                client.fill()
                break
            except TimeoutError:
                continue
        client.socket.settimeout(30)
        self.assertRegex(str(client.reply()), SLOW)

    def test_it_does_not_hold_for_messages(self):
        client = self.in_data()
        client.socket.settimeout(1.5)
        self.assertRaises(TimeoutError, client.fill)
        client.socket.settimeout(30)
        client.send(message() + b'.\r\n')
        self.assertRegex(str(client.reply()), accepted(self.ant))


class MessageDeadlines(Limits):
    config = {'limits': {'data_timeout': '2s', 'message_timeout': '3s', 'minimum_rate': 0}}

    def test_silence_inside_a_message(self):
        before = self.postings()
        client = self.in_data()
        client.send(b'From: x\r\n')
        self.assertRaises(Closed, client.reply)
        self.daemon.wait_log(event='connection lost inside a message', octets=9, error='read: the peer was too slow')
        self.assertEqual(self.postings(), before)

    def drip(self, client, line):
        """Sends a line again and again until the server has had enough. True if it closed."""
        client.socket.settimeout(0.3)
        for _ in range(30):
            try:
                client.send(line)
                if not client.fill():
                    return True
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                return True
        return False

    def test_a_message_that_drips(self):
        """Each block comes in time, the whole does not."""
        before = self.postings()
        self.assertTrue(self.drip(self.in_data(), b'X-A: x\r\n'))
        self.assertEqual(self.postings(), before)

    def test_a_chunk_that_drips(self):
        client = self.client()
        client.envelope(MEMBER, [self.ant])
        client.send(b'BDAT 1000000 LAST\r\n')
        self.assertTrue(self.drip(client, b'X-A: x\r\n'))

    def test_the_next_message_has_its_own_time(self):
        client = self.client()
        for _ in range(2):
            client.envelope(MEMBER, [self.ant])
            client.command('DATA')
            client.socket.settimeout(0.9)
            client.send(b'X-A: x\r\n')
            self.assertRaises(TimeoutError, client.fill)
            client.send(b'X-B: x\r\n')
            self.assertRaises(TimeoutError, client.fill)
            client.socket.settimeout(30)
            client.send(message() + b'.\r\n')
            self.assertRegex(str(client.reply()), accepted(self.ant))


class Sessions(Limits):
    config = {'limits': {'max_sessions': 3}}

    def test_all_at_work(self):
        """The newcomer is told 421 as a greeting; who works is not disturbed."""
        workers = [self.in_data() for _ in range(3)]
        newcomer = Client(self.daemon.port)
        self.addCleanup(newcomer.close)
        self.assertRegex(str(newcomer.greeting), BUSY)
        self.assertTrue(newcomer.at_end())
        self.daemon.wait_log(event='too many sessions')
        for worker in workers:
            worker.send(message() + b'.\r\nQUIT\r\n')
            self.assertRegex(str(worker.reply()), accepted(self.ant))
            self.assertEqual(worker.reply().code, 221)
            self.assertTrue(worker.at_end())

    def test_the_longest_idle_one_makes_room(self):
        """Not the one inside a transaction, though it waits longer."""
        worker = self.in_data()
        first, second = self.client(), self.client()
        first.command('NOOP')  # now the second has been idle longer
        newcomer = self.client()
        self.assertRegex(str(second.reply()), BUSY)
        self.assertTrue(second.at_end())
        self.assertEqual(first.command('NOOP').code, 250)
        another = self.client()
        self.assertRegex(str(newcomer.reply()), BUSY)
        for client in (first, another):
            self.assertEqual(client.command('QUIT').code, 221)
        worker.send(message() + b'.\r\nQUIT\r\n')
        self.assertRegex(str(worker.reply()), accepted(self.ant))


class Stop(Limits):
    def setUp(self):
        if not self.daemon.process:
            self.daemon.start()

    def terminate(self):
        """Returns when the server has begun to stop: an idle session has been told."""
        idle = self.client()
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertRegex(str(idle.reply()), STOPPING)
        self.assertTrue(idle.at_end())

    def test_inside_a_message(self):
        """After the dot 451 for each recipient, never 421; then 421 between commands. Nothing is kept."""
        before = self.postings()
        client, other = self.in_data(), self.client()
        other.envelope(MEMBER, [self.ant, self.ant])
        other.send('BDAT 10\r\n0123456789')
        self.assertEqual(other.reply().code, 250)
        client.send(b'From: x\r\n')
        self.terminate()
        self.assertRegex(str(other.reply()), STOPPING)
        client.send(b'\r\n.\r\nMAIL FROM:<x@example.org>\r\n')
        self.assertRegex(str(client.reply()), r'^451 4\.3\.2 the server is stopping, nothing was kept; please try again$')
        self.assertRegex(str(client.reply()), STOPPING)
        self.assertTrue(client.at_end())
        self.assertEqual(self.daemon.wait_end(), 0)
        self.assertEqual(self.postings(), before)

    def test_a_posting_accepted_before_it_goes_out_after_the_start(self):
        self.sink.stop()
        reply = self.post(self.ant)
        self.assertRegex(reply, accepted(self.ant))
        self.daemon.stop()
        self.sink.start()
        self.daemon.start()
        self.copy_of(reply)

    def test_the_sockets_are_gone(self):
        self.assertTrue(os.path.exists(self.daemon.socket))
        self.daemon.stop()
        self.assertFalse(os.path.exists(self.daemon.socket))
        self.assertRaises(ConnectionRefusedError, Client, self.daemon.port)


class Reload(Limits):
    def reload(self, changes, event):
        since = len(self.daemon.lines)
        self.daemon.configure(changes)
        self.daemon.reload()
        self.daemon.wait_log(since, event=event)
        return since

    def test_limits_change_at_once(self):
        client = self.client()
        self.reload({'limits': {'max_message_size': '2K'}}, 'reloaded')
        self.assertEqual(client.lhlo()['SIZE'], '2048')
        self.reload({'limits': {'max_message_size': None}}, 'reloaded')
        self.assertEqual(client.lhlo()['SIZE'], str(25 << 20))

    def test_a_bad_file_changes_nothing(self):
        self.reload({'limits': {'max_message_size': 'lots'}}, 'reload refused, nothing changed')
        self.assertEqual(self.client().lhlo()['SIZE'], str(25 << 20))
        self.reload({'limits': {'max_message_size': None}}, 'reloaded')

    def test_what_needs_a_restart_is_named(self):
        since = self.reload({'lmtp': {'listen': f'127.0.0.1:{ports.free_port()}'}}, 'reloaded')
        self.assertEqual(self.daemon.log_lines(since, event='change ignored until a restart')[0]['key'], '[lmtp] listen')
        self.assertRegex(self.post(self.ant), accepted(self.ant))
        self.reload({'lmtp': {'listen': f'127.0.0.1:{self.daemon.port}, {self.daemon.socket}'}}, 'reloaded')


class Listen(Limits):
    def test_socket_mode_and_bad_addresses(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.configure({'lmtp': {'socket_mode': '0600'}})
        daemon.start()
        self.assertEqual(os.stat(daemon.socket).st_mode & 0o777, 0o600)
        daemon.stop()
        daemon.configure({'lmtp': {'listen': '192.0.2.1:24'}})
        with self.assertRaisesRegex(AssertionError, r'\[lmtp\] listen = 192\.0\.2\.1:24'):
            daemon.start()
