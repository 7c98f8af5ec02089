"""Peers that mean ill, and a machine that runs short: the others are served, memory stays bounded, the log says what is wrong."""
import os
import resource
import socket
import unittest

from lib import events
from lib.daemon import Daemon
from lib.lmtp import Client
from lib.sink import Do, Sink

LIST = 'ant@lists.example.com'
MEBI = 1 << 20
GROWTH = 400 * MEBI  # AddressSanitizer keeps what was freed, up to 256 MiB
serial = iter(range(1, 1 << 30))


def message(body=b'hello\r\n', header=b''):
    return b'From: bat@example.net\r\nTo: ant@lists.example.com\r\nMessage-ID: <%d@example.net>\r\n%s\r\n%s' % (next(serial), header, body)


def post(daemon, octets=None):
    with Client(daemon.port) as client:
        client.lhlo()
        return client.deliver('bat@example.net', [LIST], octets or message())[0]


def peak(daemon):
    with open(f'/proc/{daemon.process.pid}/status', encoding='ascii') as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith('VmHWM'))


def cpu_seconds(daemon):
    with open(f'/proc/{daemon.process.pid}/stat', encoding='ascii') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def pour(client, octets, times):
    """As much of it as the server takes."""
    try:
        for _ in range(times):
            client.send(octets)
    except OSError:
        pass


def prepare(daemon):
    daemon.run('create', LIST)
    daemon.run('addmembers', '-W', '-', LIST, stdin='bat@example.net\n')
    return daemon


class Outlives:
    """One server for a class: it must outlive each test."""

    @classmethod
    def setUpClass(cls):
        cls.sink = Sink()
        cls.daemon = prepare(Daemon(cls.sink).start())

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()
        cls.sink.stop()

    def setUp(self):
        self.before = peak(self.daemon)

    def tearDown(self):
        self.assertLess(peak(self.daemon) - self.before, GROWTH)
        self.assertEqual(post(self.daemon).code, 250)


class Octets(Outlives, unittest.TestCase):
    def test_an_octet_at_a_time(self):
        with Client(self.daemon.port) as client:
            for octet in b'LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<ant@lists.example.com>\r\nDATA\r\n' + message() + b'.\r\nQUIT\r\n':
                client.send(bytes([octet]))
            self.assertEqual(client.codes(6), [250, 250, 250, 354, 250, 221])

    def test_a_command_without_end(self):
        with Client(self.daemon.port) as client:
            pour(client, b'A' * MEBI, 50)
            self.assertEqual(client.command('').code, 500)
            self.assertEqual(client.command('NOOP').code, 250)

    def test_a_header_without_end(self):
        with Client(self.daemon.port) as client:
            client.lhlo()
            client.envelope('bat@example.net', [LIST])
            client.command('DATA')
            pour(client, (b'X: ' + b'y' * 73 + b'\r\n') * 10000, 100)
            self.assertEqual(client.command('\r\n.').code, 552)

    def test_replies_that_nobody_reads(self):
        clients = [Client(self.daemon.port, greeting=False) for _ in range(20)]
        for client in clients:
            client.socket.setblocking(False)
            pour(client, b'HELP\r\nNOOP\r\n' * 20000, 10)
        self.assertEqual(post(self.daemon).code, 250)
        for client in clients:
            client.reset()

    def test_more_recipients_than_there_are(self):
        with Client(self.daemon.port) as client:
            client.lhlo()
            client.command('MAIL FROM:<bat@example.net>')
            codes = []
            for at in range(0, 20000, 1000):
                client.send(''.join(f'RCPT TO:<ant+{at + i}@lists.example.com>\r\n' for i in range(1000)))
                codes += client.codes(1000)
        self.assertEqual(codes, [250] * 1000 + [452] * 19000)

    def test_chunks_of_any_size(self):
        for size, envelope, codes in (('999999999999999999', True, []), ('999999999999999999', False, []), ('99999999999999999999', True, [501]),
                                      ('-1', True, [501]), ('9223372036854775808 LAST', False, [501])):
            with self.subTest(size=size, envelope=envelope), Client(self.daemon.port) as client:
                client.lhlo()
                if envelope:
                    client.envelope('bat@example.net', [LIST])
                client.send(f'BDAT {size}\r\n')
                if not codes:
                    pour(client, b'z' * MEBI, 40)
                    client.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(client.codes(len(codes)), codes)
                self.assertTrue(client.at_end())


class Messages(Outlives, unittest.TestCase):
    """What no mail program writes gets one answer, and soon."""
    header = {
        'a hundred thousand fields': b''.join(b'X-%d: a\r\n' % n for n in range(100000)),
        'To a thousand times': b'To: a@example.com\r\n' * 1000,
        'Received without end': b'Received: from a by b; now\r\n' * 4000,
        'comments in comments': b'Cc: ' + b'(' * 200000 + b'\r\n',
        'quotes and brackets': b'Reply-To: ' + b'"' * 100000 + b'<' * 100000 + b'\r\n',
        'encoded words': b'Subject: ' + b'\r\n '.join([b'=?utf-8?q?=41=42?='] * 9000) + b'\r\n',
        'a line of 20 MiB': b'X: ' + b'y' * 20 * MEBI + b'\r\n',
        'NUL': b'X: a\0b\r\n',
        'multipart in multipart': b''.join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(5000)),
    }

    def test_one_answer(self):
        for name, octets in self.header.items():
            with self.subTest(name):
                self.assertIn(post(self.daemon, message(header=octets)).code, (250, 550))

    def test_bodies(self):
        for name, octets in {'NUL': b'\0' * 300000 + b'\r\n', 'lines of 1 MiB': (b'x' * MEBI + b'\r\n') * 5, 'parts without end': b'--b\r\n\r\n' * 300000}.items():
            with self.subTest(name):
                self.assertEqual(post(self.daemon, message(octets, b'Content-Type: multipart/mixed; boundary="b"\r\n')).code, 250)



class Crowds(unittest.TestCase):
    def test_newcomers_when_all_are_at_work(self):
        with Sink() as sink, Daemon(sink, {'limits': {'max_sessions': 10}}) as daemon:
            prepare(daemon)
            workers = [Client(daemon.port) for _ in range(10)]
            for worker in workers:
                worker.lhlo()
                worker.envelope('bat@example.net', [LIST])
            for _ in range(500):
                with Client(daemon.port) as newcomer:
                    self.assertEqual(newcomer.greeting.code, 421)
            for worker in workers:
                self.assertEqual(worker.command('DATA').code, 354)
                worker.send(message() + b'.\r\n')
                self.assertEqual(worker.reply().code, 250)
                worker.close()

    @staticmethod
    def try_to_post(daemon):
        """False: turned away, which the log tells."""
        with Client(daemon.port) as client:
            if client.greeting.code == 421:
                return False
            client.lhlo()
            return client.deliver('bat@example.net', [LIST], message())[0].code

    def test_idlers_make_room(self):
        with Sink() as sink, Daemon(sink, {'limits': {'max_sessions': 10}}) as daemon:
            prepare(daemon)
            idlers = [socket.create_connection(('127.0.0.1', daemon.port)) for _ in range(500)]
            # 421 as long as so many are about to leave
            self.assertEqual(daemon.wait_for(lambda: self.try_to_post(daemon), what='a newcomer was to be let in'), 250)
            for idler in idlers:
                idler.close()

    def test_no_descriptor_left(self):
        with Sink() as sink, Daemon(sink) as daemon:
            prepare(daemon)
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (40, 40))
            crowd = [socket.create_connection(('127.0.0.1', daemon.port)) for _ in range(60)]
            daemon.wait_log(event='cannot accept a connection')
            control = socket.socket(socket.AF_UNIX)
            control.connect(os.path.join(daemon.state, 'control.sock'))  # it cannot be accepted either
            spent = cpu_seconds(daemon)
            daemon.wait_log(event='cannot accept a connection', count=3)  # one a second
            self.assertLess(cpu_seconds(daemon) - spent, 0.5)
            for client in crowd:
                client.close()
            self.assertEqual(post(daemon).code, 250)
            control.close()
            daemon.run('status')

    def test_reload_beside_a_silent_outlet(self):
        with Sink() as sink, Daemon(sink) as daemon:
            silent = set()
            sink.on['CONNECT'] = lambda session, _: silent.add(session) or Do(b'', 'stall')
            prepare(daemon)
            post(daemon)
            events.wait_for(lambda: silent)
            daemon.configure({'courier': {'connections': 3}})
            daemon.reload()
            for _ in range(20):  # the reload waits for the courier; nobody waits for the reload
                self.assertEqual(post(daemon).code, 250)
            daemon.run('set', LIST, 'subject_prefix=[ant] ')
            sink.stop()
            daemon.wait_log(event='reloaded')
