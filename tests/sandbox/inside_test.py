"""The sandbox, tried from inside: what must not work is refused or ends the process, what must work does. Each thing is done outside, too, where it works:
a refusal that has another cause is no proof."""
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from lib import certificates, dns, events, namespaces, plain, ports

KILLED = 'killed'
EPERM, EACCES, ENOSYS, EXDEV = 'refused EPERM', 'refused EACCES', 'refused ENOSYS', 'refused EXDEV'
SOCK_RAW, AF_PACKET, AF_VSOCK = 3, 17, 40


def setUpModule():
    plain.need(plain.PROBE)


class Inside(unittest.TestCase):
    USER = ''

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp(prefix='listward-sandbox-', dir='/var/tmp')
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        os.chmod(cls.scratch, 0o755)
        for name in 'state', 'etc', 'outside', 'tls', 'maildir':
            os.mkdir(cls.path(name))
            os.chmod(cls.path(name), 0o777)  # it is not the file system's permissions that are tried
        for name in 'state/file', 'state/map', 'outside/file', 'tls/ca.pem', 'etc/password':
            with open(cls.path(name), 'w', encoding='ascii') as file:
                file.write('one\ntwo\n')
            os.chmod(cls.path(name), 0o666)
        for sandbox in 'yes', 'no':
            cls.write_config(sandbox)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.scratch, name)

    @classmethod
    def write_config(cls, sandbox):
        """etc/yes.conf and etc/no.conf."""
        with open(cls.path(f'etc/{sandbox}.conf'), 'w', encoding='ascii') as file:
            file.write(f'[server]\nstate_dir = {cls.path("state")}\nuser = {cls.USER}\nsandbox = {sandbox}\n'
                       f'[outlet]\ntls = starttls\ntls_ca_file = {cls.path("tls/ca.pem")}\nuser = x\npassword_file = {cls.path("etc/password")}\n'
                       f'[outlet box]\ntype = maildir\npath = {cls.path("maildir")}\n')
        os.chmod(cls.path(f'etc/{sandbox}.conf'), 0o666)

    def attempt(self, *words, sandbox='yes', before=()):
        """What the probe prints; KILLED by the kernel's filter."""
        done = subprocess.run([*before, plain.PROBE, self.path(f'etc/{sandbox}.conf'), *map(str, words)], capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode == -signal.SIGSYS:
            return KILLED
        self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
        return done.stdout.strip()

    def forbidden(self, wanted, *words, outside='done'):
        """Does not work inside, and does outside."""
        with self.subTest(words):
            self.assertEqual(self.attempt(*words), wanted)
            self.assertEqual(self.attempt(*words, sandbox='no'), outside)

    def allowed(self, wanted, *words, **options):
        with self.subTest(words):
            self.assertEqual(self.attempt(*words, **options), wanted)


class Forbidden(Inside):
    def test_other_programs(self):
        self.forbidden(KILLED, 'execve', outside='')
        self.forbidden(EPERM, 'fork')
        self.assertNotIn('done', self.attempt('system'))
        self.assertIn('done', self.attempt('system', sandbox='no'))

    def test_files_outside(self):
        if os.geteuid() == 0 and not self.USER:
            self.forbidden(EACCES, 'read', '/etc/shadow')
            self.forbidden(EACCES, 'read', '/etc/passwd')
        self.forbidden(EACCES, 'read', self.path('outside/file'))
        self.forbidden(EACCES, 'write', self.path('outside/file'))
        self.forbidden(EACCES, 'write', self.path('outside/new'))
        self.forbidden(EACCES, 'truncate', self.path('outside/file'))
        self.forbidden(EACCES, 'list', self.path('outside'))
        self.forbidden(EACCES, 'mkdir', self.path('outside/folder'))
        self.forbidden(EACCES, 'list', '/')
        self.forbidden(EACCES, 'list', '/var')
        self.forbidden(EACCES, 'list', '/proc')
        self.forbidden(EACCES, 'read', '/proc/1/status')
        self.forbidden(EACCES, 'unlink', self.path('outside/new'))

    def test_permissions(self):
        """Of any file: Landlock would allow it."""
        self.assertEqual(self.attempt('write', self.path('state/own')), 'done')
        self.forbidden(EPERM, 'chmod', self.path('state/own'))

    def test_the_configuration_is_not_written(self):
        self.forbidden(EACCES, 'write', self.path('etc/yes.conf'))
        self.write_config('yes')
        self.forbidden(EACCES, 'write', self.path('etc/more.conf'))
        self.forbidden(EACCES, 'write', self.path('etc/password'))
        self.forbidden(EACCES, 'write', self.path('tls/ca.pem'))
        self.forbidden(EACCES, 'unlink', self.path('etc/more.conf'))

    def test_nothing_is_taken_in_or_out(self):
        """Neither a file from outside under a name of ours, nor a link to one."""
        with open(self.path('outside/mine'), 'w', encoding='ascii'):
            pass
        os.chmod(self.path('outside/mine'), 0o666)
        self.assertIn(self.attempt('rename', self.path('outside/mine'), self.path('state/taken')), (EACCES, EXDEV))
        self.assertIn(self.attempt('rename', self.path('state/file'), self.path('outside/given')), (EACCES, EXDEV))
        self.forbidden(EPERM, 'symlink', self.path('state/link'))

    def test_listening(self):
        for family in 'inet', 'inet6':
            for bound in 'bound', 'unbound':
                self.forbidden(EPERM, 'listen', family, bound, outside='done')
        self.forbidden(EPERM, 'unix-listen', self.path('state/sock'))
        self.assertNotIn('done', self.attempt('short-bind'))

    def test_sockets_of_other_kinds(self):
        if os.geteuid() == 0 and not self.USER:
            self.forbidden(ENOSYS, 'socket', int(socket.AF_INET), SOCK_RAW | 0, outside=self.attempt('socket', int(socket.AF_INET), SOCK_RAW, sandbox='no'))
            self.forbidden(ENOSYS, 'socket', AF_PACKET, SOCK_RAW)
        self.assertEqual(self.attempt('socket', AF_VSOCK, 1), ENOSYS)

    def test_an_abstract_socket_outside(self):
        name = f'listward-sandbox-{os.getpid()}-{type(self).__name__}'
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind('\0' + name)
            listener.listen(5)
            self.forbidden(EPERM, 'abstract', name)

    def test_other_processes(self):
        ids = {'user': self.USER, 'group': pwd.getpwnam(self.USER).pw_gid, 'extra_groups': []} if self.USER else {}
        with subprocess.Popen(['cat'], stdin=subprocess.PIPE, **ids) as other:
            self.forbidden(KILLED, 'ptrace', other.pid)
            self.forbidden(KILLED, 'peek', other.pid)
            self.forbidden(EPERM, 'kill', other.pid)
            self.forbidden(ENOSYS, 'prlimit', other.pid)
            other.stdin.close()

    def test_privileges(self):
        self.forbidden(KILLED, 'setuid')
        self.assertEqual(self.attempt('unshare'), KILLED)
        self.forbidden(KILLED, 'mount')

    def test_code(self):
        self.forbidden(ENOSYS, 'made-code')
        self.forbidden(ENOSYS, 'writable-code')
        self.forbidden(EPERM, 'data-as-code')
        self.forbidden(EPERM, 'memfd')

    def test_a_call_that_nobody_thought_of(self):
        self.forbidden(ENOSYS, 'unlisted')


class ForbiddenToAUser(Forbidden):
    """As nobody: what is kept from it is not kept by root's rules alone."""
    USER = 'nobody'

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            events.skip('root', 'only root becomes somebody')
        super().setUpClass()


class Allowed(Inside):
    def test_files(self):
        self.allowed('done', 'read', self.path('state/file'))
        self.allowed('done', 'write', self.path('state/new'))
        self.allowed('done', 'truncate', self.path('state/new'))
        self.allowed('done', 'rename', self.path('state/new'), self.path('state/newer'))
        self.allowed('done', 'unlink', self.path('state/newer'))
        self.allowed('done', 'mkdir', self.path('maildir/tmp'))
        self.allowed('done', 'mkdir', self.path('maildir/new'))
        self.allowed('done', 'write', self.path('maildir/tmp/mail'))
        self.allowed('done', 'rename', self.path('maildir/tmp/mail'), self.path('maildir/new/mail'))
        for name in 'etc/yes.conf', 'etc/password', 'tls/ca.pem':
            self.allowed('done', 'read', self.path(name))
        for name in '/dev/urandom', '/proc/self/statm', '/etc/resolv.conf', '/etc/ssl/certs/ca-certificates.crt':
            if os.path.exists(name):
                self.allowed('done', 'read', name)

    def test_a_file_that_took_anothers_place(self):
        """Certificates are renewed by renaming; the folder is what counts."""
        with open(self.path('tls/new'), 'w', encoding='ascii'):
            pass
        os.chmod(self.path('tls/new'), 0o644)
        os.rename(self.path('tls/new'), self.path('tls/ca.pem'))
        self.allowed('done', 'read', self.path('tls/ca.pem'))

    def test_character_sets(self):
        self.allowed('done 中文', 'gbk')

    def test_threads_and_the_end(self):
        self.allowed('done', 'thread')
        done = subprocess.run([plain.PROBE, self.path('etc/yes.conf'), 'abort'], capture_output=True, check=False)
        self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_a_map_command_through_the_helper(self):
        self.allowed('done mapped 2', 'map', 'map')
        with open(self.path('state/map.db'), encoding='ascii') as file:
            self.assertEqual(file.read(), 'one\ntwo\n')
        self.assertIn('no name of a file', self.attempt('map', '../etc/yes.conf'))

    def test_a_query_of_our_own(self):
        server = dns.Dns(text='v=spf1 -all')
        self.addCleanup(server.close)
        self.allowed('done v=spf1 -all', 'query', server.port, 'example.org')
        self.assertEqual(server.asked, [('example.org', dns.TXT)])

    def test_a_name_by_the_systems_resolver(self):
        namespaces.need('--net', '--mount')
        before = ['unshare', '--net', '--mount', sys.executable, dns.__file__, '198.51.100.7', '']
        self.allowed('done 198.51.100.7', 'resolve', 'mx.example.org', before=before)

    def test_a_name_of_this_machine(self):
        self.assertRegex(self.attempt('resolve', 'localhost'), r'^done (127\.0\.0\.1|::1)$')

    def test_https(self):
        port = self.serve_https()
        self.allowed('done hello', 'https', f'https://127.0.0.1:{port}/', self.authority())
        self.assertIn('refused', self.attempt('https', f'https://127.0.0.1:{port}/', ''))

    def authority(self):
        """Where the configuration says that authorities are."""
        path = self.path('tls/authority.pem')
        shutil.copyfile(certificates.ca(), path)
        os.chmod(path, 0o644)
        return path

    def serve_https(self):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificates.of('server'))
        listener = socket.create_server(('127.0.0.1', ports.free_port()))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    plain_socket, _ = listener.accept()
                    with context.wrap_socket(plain_socket, server_side=True) as client:
                        client.recv(10000)
                        client.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello')
                except ssl.SSLError:
                    pass
                except OSError:
                    return
        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]


class AllowedToAUser(Allowed):
    USER = 'nobody'

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            events.skip('root', 'only root becomes somebody')
        super().setUpClass()


if __name__ == '__main__':
    unittest.main()
