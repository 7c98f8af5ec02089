"""All services listen, and share what sessions there may be."""
import os
import socket
import stat
import subprocess
import sys
import unittest

from lib import events, namespaces, ports
from lib.daemon import BINARY, Daemon, logfmt
from lib.lmtp import Client

SERVICES = ('lmtp', 'smtp', 'milter', 'policy', 'socketmap', 'readsocket')
SAY_NOTHING = SERVICES[2:]  # to a newcomer: their protocols have no words for it

# In a network of its own: binds what is named, keeps it, and becomes the server.
OCCUPY = '''
import os, socket, sys
for port in sys.argv[1].split(','):
    made = socket.socket()
    made.bind(('127.0.0.1', int(port)))
    made.listen()
    os.set_inheritable(made.detach(), True)
os.execv(sys.argv[2], sys.argv[2:])
'''


class Services(unittest.TestCase):
    def daemon_of(self, config=None):
        """Every service on a port of its own and a unix socket; `self.ports`, `self.paths`: {service: where}."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        self.ports = {service: ports.free_port() for service in SERVICES}
        self.paths = {service: os.path.join(daemon.state, f'{service}.sock') for service in SERVICES}
        daemon.configure({service: {'listen': f'127.0.0.1:{self.ports[service]}, {self.paths[service]}'} for service in SERVICES})
        daemon.configure(config or {})
        return daemon

    def connect(self, service):
        made = socket.create_connection(('127.0.0.1', self.ports[service]), 30)
        self.addCleanup(made.close)
        if service in ('lmtp', 'smtp'):
            self.assertEqual(made.recv(1000)[:4], b'220 ')
        return made

    def count(self, daemon, name):
        return int(dict(line.split(None, 1) for line in daemon.run('status').splitlines() if ' ' in line)[name])

    def sessions(self, daemon, number):
        """Until so many are open."""
        for _ in range(1000):
            if self.count(daemon, 'open_sessions') == number:
                return
        self.fail(f'{number} sessions were to be open')

    def test_each_says_where_it_listens(self):
        daemon = self.daemon_of().start()
        listened = {(key, line[key]) for line in daemon.log_lines(event='listening') for key in SERVICES if key in line}
        self.assertEqual(listened, {(service, str(where)) for service in SERVICES for where in (f'127.0.0.1:{self.ports[service]}', self.paths[service])})

    def test_sockets_have_the_mode_and_go_with_the_server(self):
        daemon = self.daemon_of({'lmtp': {'socket_mode': '0606'}}).start()
        self.assertEqual({stat.S_IMODE(os.stat(path).st_mode) for path in self.paths.values()}, {0o606})
        daemon.stop()
        self.assertFalse(any(map(os.path.exists, self.paths.values())))

    def test_the_longest_idle_makes_room_whatever_its_service(self):
        for service in SERVICES:
            with self.subTest(service=service):
                daemon = self.daemon_of({'limits': {'max_sessions': '2'}}).start()
                first, second = self.connect(service), self.connect('lmtp')
                self.sessions(daemon, 2)
                for _ in range(20):  # meanwhile the first has come to wait
                    second.sendall(b'NOOP\r\n')
                    self.assertEqual(second.recv(1000)[:4], b'250 ')
                    self.sessions(daemon, 2)
                self.connect('policy')
                said = b''.join(iter(lambda gone=first: gone.recv(1000), b''))  # to its end
                self.assertEqual(said[:9], b'' if service in SAY_NOTHING else b'421 4.3.2')
                second.sendall(b'NOOP\r\n')
                self.assertEqual(second.recv(1000)[:4], b'250 ')
                daemon.stop()

    def test_a_stranger_is_told_what_the_protocol_has_words_for(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            try:
                asked.connect(('198.51.100.1', 9))  # sends nothing
            except OSError:
                events.skip('address', 'this machine has no address but loopback')
            here = asked.getsockname()[0]
        daemon = self.daemon_of()
        daemon.configure({service: {'listen': f'0.0.0.0:{self.ports[service]}', 'allow': '203.0.113.1'} for service in SERVICES})
        daemon.start()
        for number, service in enumerate(SERVICES, 1):
            with self.subTest(service=service), socket.create_connection((here, self.ports[service]), 30) as client:
                said = b''.join(iter(lambda: client.recv(1000), b''))
                self.assertEqual(said[:9], b'' if service in SAY_NOTHING else b'421 4.7.1')
                self.assertEqual(self.count(daemon, 'sessions_not_allowed'), number)

    def test_all_end_with_the_server(self):
        daemon = self.daemon_of().start()
        clients = [self.connect(service) for service in SERVICES for _ in range(3)]
        self.sessions(daemon, len(clients))
        daemon.stop(seconds=15)


class Defaults(unittest.TestCase):
    """In a network of its own, with an empty /run, where nobody else has the default ports."""

    def start(self, occupied, config):
        namespaces.need('--net', '--mount')
        daemon = Daemon(config={**{service: {'listen': None} for service in SERVICES}, **config})
        self.addCleanup(daemon.close)
        script = 'mount -t tmpfs none /run && mkdir /run/listward && ip link set lo up && exec "$@"'
        process = subprocess.Popen(['unshare', '--net', '--mount', '/bin/sh', '-c', script, 'start', sys.executable, '-c', OCCUPY, occupied, BINARY, '--config', daemon.conf, 'serve'],
                                   stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if 'event=ready' in line or line.startswith('listward: '):
                break
        process.terminate()
        lines += process.stderr.readlines()
        process.stderr.close()
        return process.wait(60), lines

    def left_out(self, lines):
        return {line['listen'] for line in map(logfmt, lines) if line.get('event') == 'default listener left out'}

    def listened(self, lines):
        return {line[key] for line in map(logfmt, lines) if line.get('event') == 'listening' for key in SERVICES if key in line}

    def test_a_port_that_another_program_has(self):
        code, lines = self.start('8025,8028', {})
        self.assertEqual(code, 0, ''.join(lines)[-500:])
        self.assertEqual(self.left_out(lines), {'127.0.0.1:8025', '127.0.0.1:8028'})
        self.assertLessEqual({'127.0.0.1:8024', '127.0.0.1:8026', '127.0.0.1:8027', '/run/listward/milter.sock', '/run/listward/socketmap.sock'}, self.listened(lines))

    def test_but_not_where_mail_is_delivered(self):
        code, lines = self.start('8024', {})
        self.assertEqual(code, 1)
        self.assertIn('[lmtp] listen = 127.0.0.1:8024: ', lines[-1])

    def test_nor_where_it_was_configured(self):
        code, lines = self.start('8025', {'socketmap': {'listen': '127.0.0.1:8025'}})
        self.assertEqual(code, 1)
        self.assertIn('[socketmap] listen = 127.0.0.1:8025: ', lines[-1])

    def test_what_is_configured_goes_before_defaults(self):
        code, lines = self.start('9999', {'readsocket': {'listen': '127.0.0.1:8025'}})
        self.assertEqual(code, 0, ''.join(lines)[-500:])
        self.assertEqual(self.left_out(lines), {'127.0.0.1:8025'})
        self.assertIn('readsocket=127.0.0.1:8025', ''.join(lines))


if __name__ == '__main__':
    unittest.main()
