"""What systemd does for the server: sockets that it passes, and the watchdog. The test plays systemd."""
import fcntl
import os
import socket
import sys
import tempfile
import threading
import unittest

from lib import events, ports
from lib.daemon import Daemon
from lib.lmtp import Client

# Between fork and exec: the sockets become descriptors 3, 4, …, and the variables name this process.
LAUNCHER = '''
import os, sys
names, numbers, command = sys.argv[1], [int(number) for number in sys.argv[2].split(',')], sys.argv[3:]
above = [os.dup(number) for number in numbers]
while min(above) < 3 + len(numbers):
    above = [os.dup(number) for number in above]
for at, number in enumerate(above):
    os.dup2(number, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
'''


class Systemd(unittest.TestCase):
    def daemon_of(self, config=None, **options):
        daemon = Daemon(None, config, **options)
        self.addCleanup(daemon.close)
        return daemon

    def listener(self, where):
        """A port on 127.0.0.1, or a path."""
        made = socket.socket(socket.AF_INET if isinstance(where, int) else socket.AF_UNIX)
        self.addCleanup(made.close)
        made.bind(('127.0.0.1', where) if isinstance(where, int) else where)
        made.listen(10)
        return made

    def passes(self, daemon, *sockets, names=''):
        numbers = [made.fileno() for made in sockets]
        daemon.launcher = (sys.executable, '-c', LAUNCHER, names, ','.join(map(str, numbers)))
        daemon.inherited = numbers

    def greeting(self, where):
        with Client(where) as client:
            return str(client.greeting)


class Activation(Systemd):
    def test_passed_sockets_are_used_and_left(self):
        daemon = self.daemon_of()
        path = os.path.join(daemon.scratch, 'passed.sock')
        other = ports.free_port()
        daemon.configure({'lmtp': {'listen': f'127.0.0.1:{daemon.port}, {path}, 127.0.0.1:{other}, {daemon.socket}'}})
        by_path, by_port = self.listener(path), self.listener(daemon.port)
        self.passes(daemon, by_path, by_port)
        daemon.start()
        for where in daemon.port, path, other, daemon.socket:  # two that were passed, two that it has bound itself
            self.assertEqual(self.greeting(where), '220 lists.example.com LMTP Listward')
        daemon.stop()
        self.assertFalse(os.path.exists(daemon.socket))
        self.assertTrue(os.path.exists(path))

        # While nobody serves them, connections wait.
        waiting = [Client(where, greeting=False) for where in (daemon.port, path)]
        daemon.start()
        for client in waiting:
            self.assertEqual(client.reply().code, 220)
            client.close()

    def test_other_services_too(self):
        daemon, where = self.daemon_of(), ports.free_port()
        daemon.configure({'smtp': {'listen': f'127.0.0.1:{where}'}})
        self.passes(daemon, self.listener(where))
        daemon.start()
        self.assertEqual(self.greeting(where), '220 lists.example.com ESMTP Listward')
        self.assertEqual(daemon.log_lines(event='listening', smtp=f'127.0.0.1:{where}')[0]['level'], 'info')

    def test_one_that_is_in_no_listen(self):
        daemon, where = self.daemon_of(), ports.free_port()
        self.passes(daemon, self.listener(daemon.port), self.listener(where), names='listward:spare')
        with self.assertRaises(AssertionError):
            daemon.start()
        said = [line for line in daemon.lines if line.startswith('listward: ')]
        self.assertEqual(len(said), 1)
        self.assertIn(f'(spare, 127.0.0.1:{where})', said[0])

    def test_variables_for_another_process(self):
        """As a daemon that was started by an activated one sees them."""
        daemon = self.daemon_of(env={'LISTEN_PID': '1', 'LISTEN_FDS': '1'}).start()
        self.assertEqual(self.greeting(daemon.port)[:3], '220')


class Watchdog(Systemd):
    def systemd(self):
        """A socket that is told, and its path."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.bind(os.path.join(folder.name, 'notify'))
        told.settimeout(events.SECONDS)
        return told, os.path.join(folder.name, 'notify')

    def test_told_while_it_works(self):
        told, path = self.systemd()
        daemon = self.daemon_of(env={'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '200000'}).start()
        heard = [told.recv(100) for _ in range(6)]
        self.assertEqual(set(heard), {b'READY=1', b'WATCHDOG=1'})
        daemon.reload()
        while told.recv(100)[:10] != b'RELOADING=':
            pass
        daemon.stop()
        self.assertEqual(daemon.log_lines(level='error'), [])

    def test_who_waits_for_a_command_works(self):
        """Commands of `listward` wait behind one that wants the maps, whose own command takes its time."""
        told, path = self.systemd()
        daemon = self.daemon_of(env={'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '1000000'})
        with open(os.path.join(daemon.scratch, 'lock'), 'w', encoding='ascii') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            daemon.configure({'mta': {'maps': f'{daemon.scratch}/maps', 'command': f'/usr/bin/flock {lock.name} /bin/true'}})
            daemon.start()
            waiting = threading.Thread(target=daemon.cli, args=('aliases',))
            waiting.start()
            heard = [told.recv(100) for _ in range(8)]
        waiting.join()
        self.assertEqual(set(heard), {b'READY=1', b'WATCHDOG=1'})
        self.assertEqual(daemon.log_lines(level='error'), [])
        daemon.stop()

    def test_nobody_asks(self):
        told, path = self.systemd()
        daemon = self.daemon_of(env={'NOTIFY_SOCKET': path}).start()
        self.assertEqual(self.threads(daemon), self.threads(self.daemon_of().start()))
        daemon.stop()
        self.assertEqual([told.recv(100), told.recv(100)], [b'READY=1', b'STOPPING=1'])

    def threads(self, daemon):
        return len(os.listdir(f'/proc/{daemon.process.pid}/task'))


if __name__ == '__main__':
    unittest.main()
