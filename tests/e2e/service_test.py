"""The daemon as a service: start, signals, reload, drain, restart, sockets, notifications, log, quiet."""
import contextlib
import grp
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

from lib import events, namespaces, ports
from lib.daemon import BINARY, Daemon, logfmt
from lib.lmtp import Client, Closed, crlf
from lib.sink import Sink

ANT = 'ant@lists.example.com'
BAT = 'bat@example.net'
EVE = 'eve@example.org'
TIMEOUT = 300


def message(sender=BAT, body='hello\n', number=[0]):
    number[0] += 1
    return crlf(f'From: {sender}\nTo: {ANT}\nSubject: hello\nMessage-ID: <service{number[0]}@example.net>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\n') + crlf(body)


class Service(unittest.TestCase):
    def daemon_of(self, config=None, sink=None, lists=True, **options):
        daemon = Daemon(sink, config, **options)
        self.addCleanup(daemon.close)
        if lists:
            daemon.run('create', ANT)
            daemon.run('addmembers', '-', ANT, stdin=BAT + '\n')
        return daemon

    def sink_of(self):
        sink = Sink()
        self.addCleanup(sink.stop)
        return sink

    def client_of(self, where, lhlo=True):
        client = Client(where)
        self.addCleanup(client.close)
        if lhlo:
            client.lhlo()
        return client

    def stalled_sink(self):
        """A sink that answers no message until it is told to; `arrived` says that one waits for its answer."""
        sink, go, arrived = self.sink_of(), threading.Event(), threading.Event()
        self.addCleanup(go.set)

        def stall(session, caught):
            arrived.set()
            return None if go.wait(60) else '451 4.0.0 late'
        sink.on['DOT'] = stall
        return sink, go, arrived

    def post(self, daemon, sender=BAT, octets=None):
        with Client(daemon.port) as client:
            client.lhlo()
            return str(client.deliver(sender, [ANT], octets or message(sender))[0])

    def fails_to_start(self, daemon, *parts, code=1):
        """It ends by itself with one line on stderr that is not of the log."""
        done = daemon.cli('serve', seconds=30)
        said = [line for line in done.err.splitlines() if line.startswith('listward: ')]
        self.assertEqual((done.code, len(said)), (code, 1), done.err)
        for part in parts:
            self.assertIn(part, said[0])


class Stopping(Service):
    def begin_message(self, daemon):
        """A session in the middle of DATA, and an idle one."""
        busy, idle = self.client_of(daemon.port), self.client_of(daemon.port)
        self.assertEqual([reply.code for reply in busy.envelope(BAT, [ANT])], [250, 250])
        self.assertEqual(busy.command('DATA').code, 354)
        busy.send(message()[:-10])
        return busy, idle

    def test_a_session_in_the_middle_of_data_gets_its_answer(self):
        for number in signal.SIGTERM, signal.SIGINT:
            with self.subTest(signal=number):
                daemon = self.daemon_of().start()
                busy, idle = self.begin_message(daemon)
                daemon.process.send_signal(number)
                self.assertEqual(str(idle.reply()), '421 4.3.2 the server is stopping, please try again')
                self.assertTrue(idle.at_end())
                idle.close()
                busy.send(b'the end\r\n.\r\n')
                self.assertEqual(str(busy.reply()), '451 4.3.2 the server is stopping, nothing was kept; please try again')
                self.assertEqual(busy.reply().code, 421)
                self.assertTrue(busy.at_end())
                busy.close()
                self.assertEqual(daemon.wait_end(), 0)
                self.assertEqual(daemon.run('queue'), 'nothing waits\n')

    def test_a_newcomer_is_not_left_waiting(self):
        daemon = self.daemon_of().start()
        busy, idle = self.begin_message(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(idle.reply().code, 421)
        try:
            self.assertEqual(Client(daemon.port, seconds=10).greeting.code, 421)
        except (ConnectionRefusedError, ConnectionResetError):
            pass
        busy.send(b'the end\r\n.\r\n')
        self.assertEqual(busy.reply().code, 451)
        busy.close()
        self.assertEqual(daemon.wait_end(), 0)

    def test_what_was_answered_is_sent_after_the_restart(self):
        sink = self.sink_of()
        sink.stop()
        daemon = self.daemon_of(sink=sink).start()
        self.assertIn('accepted', self.post(daemon))
        daemon.stop()
        sink.start()
        daemon.start()
        self.assertEqual(sink.wait_recipients(1)[0].addresses, [BAT])

    def test_a_copy_on_its_way_is_finished_and_recorded(self):
        sink, go, arrived = self.stalled_sink()
        daemon = self.daemon_of(sink=sink).start()
        post = self.post(daemon).split()[2]
        self.assertTrue(arrived.wait(30), 'the copy was to be on its way')
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_log(event='stopping')
        self.assertIsNone(daemon.process.poll())
        go.set()
        self.assertEqual(daemon.wait_end(), 0)
        self.assertEqual([line['state'] for line in json.loads(daemon.run('ledger', '--json', post))], ['sent'])
        daemon.start()
        self.post(daemon)
        sink.wait_messages(2)
        self.assertEqual(len(sink.messages), 2)  # not sent again

    def test_killed_while_sending(self):
        sink, go, arrived = self.stalled_sink()
        daemon = self.daemon_of(sink=sink).start()
        self.assertIn('accepted', self.post(daemon))
        self.assertTrue(arrived.wait(30), 'the copy was to be on its way')
        daemon.kill()
        go.set()
        sink.on.clear()
        sink.clear()
        daemon.start()
        sink.wait_recipients(1)
        daemon.wait_log(event='deliveries in progress taken back')

    def test_lists_members_and_holds_survive(self):
        daemon = self.daemon_of().start()
        self.assertIn('held', self.post(daemon, EVE))
        before = [daemon.run(*words) for words in (('lists',), ('members', ANT), ('held', ANT), ('show', ANT))]
        daemon.restart()
        self.assertEqual([daemon.run(*words) for words in (('lists',), ('members', ANT), ('held', ANT), ('show', ANT))], before)
        self.assertEqual(daemon.log_lines(event='ready')[-1]['lists'], '1')

    def test_a_repeat_is_known_after_the_restart(self):
        daemon, octets = self.daemon_of().start(), message()
        first = self.post(daemon, octets=octets)
        daemon.restart()
        self.assertEqual(self.post(daemon, octets=octets), first.replace('accepted', 'already accepted'))


class Reloading(Service):
    def reload(self, daemon, event='reloaded'):
        seen = len(daemon.lines)
        daemon.reload()
        return daemon.wait_log(seen, event=event)

    def test_a_bad_file_changes_nothing(self):
        daemon = self.daemon_of().start()
        for changes, parts in (
            ({'lmtp': {'unproven': 'maybe'}}, (daemon.conf, '[lmtp] unproven', 'maybe')),
            ({'lmtp': {'unproven': 'refuse', 'nope': '1'}}, (daemon.conf, '[lmtp]', 'nope')),
            ({'lmtp': {'nope': None, 'trusted_peers': 'somebody'}}, ('somebody', 'unix')),
            ({'lmtp': {'trusted_peers': 'unix'}, 'outlet': {'host': ''}}, (daemon.conf, '[outlet]')),
        ):
            daemon.configure(changes)
            line = self.reload(daemon, 'reload refused, nothing changed')
            self.assertEqual(line['level'], 'error')
            for part in parts:
                self.assertIn(part, line['error'])
            self.assertIn('held', self.post(daemon, EVE))
        os.unlink(daemon.conf)
        self.assertIn(daemon.conf, self.reload(daemon, 'reload refused, nothing changed')['error'])
        self.assertIn('held', self.post(daemon, EVE))
        daemon.configure({})

    def test_keys_that_need_a_restart_are_named_and_ignored(self):
        daemon = self.daemon_of().start()
        other = ports.free_port()
        daemon.configure({'lmtp': {'listen': f'127.0.0.1:{other}', 'unproven': 'refuse'}, 'server': {'hostname': 'other.example'}, 'limits': {'max_sessions': '7'}})
        self.reload(daemon)
        named = {line['key'] for line in daemon.log_lines(event='change ignored until a restart')}
        self.assertEqual(named, {'[lmtp] listen', '[server] hostname', '[limits] max_sessions'})
        self.assertTrue(self.post(daemon, EVE).startswith('550 5.7.1'))  # the rest holds
        self.assertIn('lists.example.com', self.client_of(daemon.port).greeting.text)
        with self.assertRaises(ConnectionRefusedError):
            Client(other)
        daemon.stop()
        daemon.start()
        self.assertIn('other.example', self.client_of(other).greeting.text)

    def test_unproven_holds_at_once(self):
        daemon = self.daemon_of().start()
        client = self.client_of(daemon.port)
        for value, reply in ('hold', r'^250 2\.6\.0 \w+ held'), ('refuse', r'^550 5\.7\.1 '), ('discard', r'^250 2\.6\.0 \w+ done'), ('hold', r'^250 2\.6\.0 \w+ held'):
            daemon.configure({'lmtp': {'unproven': value}})
            self.reload(daemon)
            self.assertRegex(str(client.deliver(EVE, [ANT], message(EVE))[0]), reply)

    def test_limits_hold_for_the_next_command(self):
        daemon = self.daemon_of().start()
        client = self.client_of(daemon.port)
        daemon.configure({'limits': {'max_message_size': '1K'}})
        self.reload(daemon)
        self.assertEqual(client.lhlo()['SIZE'], '1024')
        self.assertTrue(self.post(daemon, octets=message(body='x' * 900 + '\n' + 'x' * 900 + '\n')).startswith('552 5.3.4'))

    def test_a_new_outlet_takes_what_waits(self):
        dead, sink = ports.free_port(), self.sink_of()
        daemon = self.daemon_of({'outlet': {'port': dead}}).start()
        self.assertIn('accepted', self.post(daemon))
        daemon.wait_log(event='outlet not reached')
        daemon.configure({'outlet': {'port': sink.port}})
        self.reload(daemon)
        self.assertEqual(sink.wait_recipients(1)[0].addresses, [BAT])

    def test_the_log_changes(self):
        daemon = self.daemon_of().start()
        daemon.configure({'log': {'format': 'json', 'level': 'debug'}})
        seen = len(daemon.lines)
        daemon.reload()
        line = daemon.wait_for(lambda: [line for line in daemon.lines[seen:] if line.startswith('{')])[0]
        self.assertIn('event', json.loads(line))


class Sockets(Service):
    def test_mode_and_group(self):
        group = grp.getgrgid(os.getgid()).gr_name
        if os.geteuid() == 0:
            group = next(entry.gr_name for entry in grp.getgrall() if entry.gr_gid != os.getgid())
        for mode in '0660', '0600', '0666':
            with self.subTest(mode=mode):
                daemon = self.daemon_of({'lmtp': {'socket_mode': mode, 'socket_group': group}}, lists=False).start()
                facts = os.stat(daemon.socket)
                self.assertTrue(stat.S_ISSOCK(facts.st_mode))
                self.assertEqual((stat.S_IMODE(facts.st_mode), grp.getgrgid(facts.st_gid).gr_name), (int(mode, 8), group))
                self.assertEqual(self.client_of(daemon.socket).greeting.code, 220)
                daemon.stop()
                self.assertFalse(os.path.exists(daemon.socket))

    def test_a_group_that_does_not_exist(self):
        self.fails_to_start(self.daemon_of({'lmtp': {'socket_group': 'no-such-group'}}, lists=False), 'no-such-group')

    def test_a_stale_socket_is_replaced(self):
        daemon = self.daemon_of(lists=False).start()
        daemon.kill()
        self.assertTrue(os.path.exists(daemon.socket))
        self.assertTrue(os.path.exists(os.path.join(daemon.state, 'control.sock')))
        daemon.start()
        self.assertEqual(self.client_of(daemon.socket).greeting.code, 220)
        daemon.run('status')

    def test_a_socket_in_use_is_not(self):
        daemon = self.daemon_of(lists=False)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(daemon.socket)
            other.listen(1)
            self.fails_to_start(daemon, '[lmtp] listen', daemon.socket, 'another process')
            self.assertTrue(os.path.exists(daemon.socket))

    def test_a_file_that_is_no_socket_is_not(self):
        daemon = self.daemon_of(lists=False)
        with open(daemon.socket, 'w', encoding='ascii') as file:
            file.write('mine')
        self.fails_to_start(daemon, daemon.socket, 'no socket')
        with open(daemon.socket, encoding='ascii') as file:
            self.assertEqual(file.read(), 'mine')

    def test_a_port_in_use(self):
        daemon = self.daemon_of(lists=False)
        with socket.socket() as other:
            other.bind(('127.0.0.1', daemon.port))
            other.listen(1)
            self.fails_to_start(daemon, '[lmtp] listen', f'127.0.0.1:{daemon.port}')

    def test_a_configured_address_that_the_machine_lacks(self):
        daemon = self.daemon_of({'lmtp': {'listen': '192.0.2.1:8024'}}, lists=False)
        self.fails_to_start(daemon, '[lmtp] listen', '192.0.2.1:8024')

    def test_nonsense_in_listen(self):
        for text in 'nowhere', 'localhost:8024', '127.0.0.1:99999', '127.0.0.1':
            with self.subTest(listen=text):
                self.fails_to_start(self.daemon_of({'lmtp': {'listen': text}}, lists=False), text)

    def test_no_listener_at_all(self):
        daemon = self.daemon_of({'lmtp': {'listen': ''}}, lists=False).start()
        self.assertEqual(daemon.log_lines(event='listening'), [])
        daemon.run('status')

    def test_default_listeners_that_the_machine_lacks_are_left_out(self):
        """In a network of its own, where there is no ::1, and a /run without a folder for the socket."""
        namespaces.need('--net', '--mount')
        daemon = self.daemon_of({'lmtp': {'listen': None}}, lists=False)
        script = ('mount -t tmpfs none /run && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up && '
                  'exec "$0" --config "$1" serve')
        process = subprocess.Popen(['unshare', '--net', '--mount', '/bin/sh', '-c', script, BINARY, daemon.conf], stderr=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL)
        self.addCleanup(process.stderr.close)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if 'event=ready' in line or line.startswith('listward: '):
                break
        process.terminate()
        lines += process.stderr.readlines()
        self.assertEqual(process.wait(60), 0, ''.join(lines))
        found = [(line['event'], line['level'], line.get('listen') or line['lmtp']) for line in map(logfmt, lines) if 'listen' in line or 'lmtp' in line]
        self.assertEqual(found, [('default listener left out', 'warning', '[::1]:8024'), ('default listener left out', 'warning', '/run/listward/lmtp.sock'),
                                 ('listening', 'info', '127.0.0.1:8024')])


class SecondServer(Service):
    def second(self, first, **config):
        """Another server on the first one's state."""
        port = ports.free_port()
        return self.daemon_of({'server': {'state_dir': first.state}, 'lmtp': {'listen': f'127.0.0.1:{port}'}, **config}, lists=False)

    def test_is_refused(self):
        first = self.daemon_of().start()
        self.fails_to_start(self.second(first), first.state, 'another')
        self.assertIn('accepted', self.post(first))
        self.assertEqual(json.loads(first.run('status', '--json'))['pid'], first.process.pid)
        first.stop()
        self.second(first).start().stop()

    def test_takes_nothing_away_from_the_first(self):
        """Neither the pieces of a message that is arriving nor the deliveries in hand."""
        sink, go, arrived = self.stalled_sink()
        first = self.daemon_of(sink=sink).start()
        self.assertIn('accepted', self.post(first))
        self.assertTrue(arrived.wait(30), 'the copy was to be on its way')
        client = self.client_of(first.port)
        client.envelope(BAT, [ANT])
        self.assertEqual(client.command('DATA').code, 354)
        big = message(body='x' * 70 + '\n') + (b'y' * 70 + b'\r\n') * 10000  # three pieces
        client.send(big[:-1000])
        self.fails_to_start(self.second(first), first.state)
        client.send(big[-1000:] + b'.\r\n')
        self.assertIn('accepted', str(client.reply()))
        go.set()
        sink.wait_messages(2)
        first.wait_log(event='copies handed over', count=2)
        self.assertEqual(sorted(len(caught.addresses) for caught in sink.messages), [1, 1])
        self.assertEqual(first.run('queue'), 'nothing waits\n')


class Users(Service):
    def test_root_becomes_the_user(self):
        if os.geteuid() != 0:
            events.skip('root', 'only root becomes somebody')
        user = pwd.getpwnam('nobody')
        daemon = self.daemon_of(lists=False)
        state = os.path.join(daemon.scratch, 'made')
        daemon.configure({'server': {'user': 'nobody', 'state_dir': state}, 'lmtp': {'listen': f'127.0.0.1:{daemon.port}'}})
        daemon.run('create', ANT)
        daemon.start()
        with open(f'/proc/{daemon.process.pid}/status', encoding='ascii') as file:
            facts = dict(line.split(':', 1) for line in file)
        self.assertEqual(set(facts['Uid'].split()), {str(user.pw_uid)})
        self.assertEqual(set(facts['Gid'].split()), {str(user.pw_gid)})
        self.assertEqual(facts['CapEff'].strip('\t\n0'), '')
        self.assertEqual(stat.S_IMODE(os.stat(state).st_mode), 0o700)
        self.assertEqual({os.stat(os.path.join(state, name)).st_uid for name in os.listdir(state)}, {user.pw_uid})
        daemon.run('set', ANT, 'emergency=on')
        self.assertIn('held', self.post(daemon, EVE))


class Notifications(Service):
    @contextlib.contextmanager
    def listener(self, address):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(address)
            notify.settimeout(30)
            yield notify

    def test_systemd_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'notify')
            for address, name in (path, path), (f'\0listward-test-{os.getpid()}', f'@listward-test-{os.getpid()}'):
                with self.subTest(name=name), self.listener(address) as notify:
                    daemon = self.daemon_of(env={'NOTIFY_SOCKET': name}, lists=False)
                    daemon.run('create', ANT)  # commands say nothing
                    daemon.start()
                    self.assertEqual(notify.recv(1000), b'READY=1')
                    daemon.reload()
                    self.assertTrue(notify.recv(1000).startswith(b'RELOADING=1'))
                    self.assertEqual(notify.recv(1000), b'READY=1')
                    daemon.stop()
                    self.assertEqual(notify.recv(1000), b'STOPPING=1')

    def test_ready_means_that_it_listens(self):
        with tempfile.TemporaryDirectory() as folder, self.listener(os.path.join(folder, 'notify')) as notify:
            daemon = self.daemon_of(env={'NOTIFY_SOCKET': os.path.join(folder, 'notify')}).start(wait=False)
            self.assertEqual(notify.recv(1000), b'READY=1')
            self.assertIn('accepted', self.post(daemon))

    def test_nobody_there_is_no_trouble(self):
        daemon = self.daemon_of(env={'NOTIFY_SOCKET': '/nowhere/notify'}).start()
        self.assertIn('accepted', self.post(daemon))


class Log(Service):
    EVIL = 'Subject: \x1b[31m"\\ =?utf-8?q?=00=0a=e2=80=ae?= \xff\n'

    def test_json_line_by_line(self):
        daemon = self.daemon_of({'log': {'format': 'json', 'level': 'debug'}})
        daemon.start(wait=False)
        daemon.wait_for(lambda: [line for line in daemon.lines if '"ready"' in line])
        client = self.client_of(daemon.port)
        client.deliver('"a\\"b c"@example.org', [ANT], crlf(self.EVIL.encode('latin-1').decode('latin-1')) + message())
        client.command('RCPT TO:<nobody"\\\x01@x>')
        client.send(b'\xff\xfe nonsense\r\n')
        self.assertEqual(client.reply().code, 500)
        client.close()
        daemon.stop()
        lines = [json.loads(line) for line in daemon.lines]
        for line in lines:
            self.assertLessEqual({'ts', 'level', 'event'}, set(line))
            self.assertRegex(line['ts'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$')
        told = [line for line in lines if line['event'].startswith('posting')][0]
        self.assertEqual((told['list'], told['from'], told['code'] // 100), (ANT, '"a\\"b c"@example.org', 2))
        self.assertTrue(told['session'] and told['post'])

    def test_levels(self):
        daemon = self.daemon_of({'log': {'level': 'warning'}})
        daemon.start(wait=False)
        events.wait_for(lambda: self.answers(daemon.port), what='it was to listen')
        self.assertIn('accepted', self.post(daemon))
        daemon.stop()
        self.assertEqual([line for line in daemon.log_lines() if line['level'] in ('debug', 'info')], [])

    def answers(self, port):
        """The log does not say when: a connection that is refused is tried again."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                Client(port).close()
                return True
            except (ConnectionRefusedError, Closed):
                pass
        return False

    def test_a_session_and_its_posting_can_be_followed(self):
        sink = self.sink_of()
        daemon = self.daemon_of(sink=sink).start()
        post = self.post(daemon).split()[2]
        daemon.wait_log(event='copies handed over', post=post)
        accepted = daemon.wait_log(event='posting accepted', post=post)
        self.assertEqual((accepted['list'], accepted['from'], accepted['proof']), (ANT, BAT, 'none'))
        self.assertRegex(accepted['session'], r'^[a-z0-9]{8,}$')


class Quiet(Service):
    """An idle server makes no wake-ups."""
    SECONDS = 1.5  # the one wait of a fixed length in these tests: nothing announces that nothing happens

    def setUp(self):
        super().setUp()
        if 'TSAN_OPTIONS' in os.environ:
            events.skip('quiet', 'ThreadSanitizer has a thread of its own, which wakes up')

    def switches(self, daemon):
        """{thread: voluntary context switches}; each time a thread wakes up and goes back to sleep it has one more."""
        counts, folder = {}, f'/proc/{daemon.process.pid}/task'
        for thread in os.listdir(folder):
            try:
                with open(f'{folder}/{thread}/status', encoding='ascii') as file:
                    counts[thread] = int(dict(line.split(':', 1) for line in file)['voluntary_ctxt_switches'])
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended meanwhile: one that made a connection
        return counts

    def settled(self, daemon):
        """Until two looks in a row are the same."""
        before = None
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            now = self.switches(daemon)
            if now == before:
                return now
            before = now
            threading.Event().wait(0.1)
        raise AssertionError(f'it does not come to rest: {before}')

    def assert_quiet(self, daemon):
        before = self.settled(daemon)
        threading.Event().wait(self.SECONDS)
        self.assertEqual(self.switches(daemon), before)

    def test_when_nothing_has_happened(self):
        self.assert_quiet(self.daemon_of(lists=False).start())

    def test_after_a_posting_with_an_idle_session(self):
        sink = self.sink_of()
        daemon = self.daemon_of(sink=sink).start()
        client = self.client_of(daemon.port)
        self.assertIn('accepted', str(client.deliver(BAT, [ANT], message())[0]))
        self.assertIn('held', str(client.deliver(EVE, [ANT], message(EVE))[0]))
        daemon.wait_log(event='copies handed over')
        events.wait_for(lambda: not sink.open_sessions, what='the idle connection to the outlet was to be closed')
        self.assert_quiet(daemon)

    def test_while_the_outlet_is_down(self):
        """Not quiet, but not busy: it tries again after a second, then two …"""
        daemon = self.daemon_of().start()
        self.assertIn('accepted', self.post(daemon))
        daemon.wait_log(event='outlet not reached', count=2)
        before = sum(self.settled(daemon).values())
        threading.Event().wait(self.SECONDS)
        self.assertLess(sum(self.switches(daemon).values()) - before, 60)


if __name__ == '__main__':
    unittest.main()
