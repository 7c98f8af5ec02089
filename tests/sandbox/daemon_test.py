"""The server in its sandbox, seen from outside: who it is, what it can reach, and that it does all it has to."""
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import unittest

from lib import certificates, daemon as program, events, plain, ports
from lib.daemon import Daemon
from lib.lmtp import Client
from lib.posting import message
from lib.sink import Sink

ANT, BAT = 'ant@lists.example.com', 'bat@example.net'


def setUpModule():
    plain.use()


def facts_of(path):
    with open(path, encoding='ascii') as file:
        return {key: value.strip() for key, value in (line.split(':', 1) for line in file)}


class Confined(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix='listward-confined-', dir='/var/tmp')
        self.addCleanup(shutil.rmtree, self.scratch)
        os.chmod(self.scratch, 0o755)

    def path(self, name, content=None):
        made = os.path.join(self.scratch, name)
        if content is not None:
            os.makedirs(os.path.dirname(made), exist_ok=True)
            with open(made + '.new', 'w', encoding='utf-8') as file:
                file.write(content)
            os.chmod(made + '.new', 0o644)
            os.rename(made + '.new', made)  # as those who renew certificates do
        return made

    def daemon_of(self, config=None, sink=None):
        daemon = Daemon(sink, config)
        self.addCleanup(daemon.close)
        daemon.run('create', ANT)
        daemon.run('addmembers', '-', ANT, stdin=BAT + '\n')
        return daemon

    def sink_of(self, **options):
        sink = Sink(**options)
        self.addCleanup(sink.stop)
        return sink

    def post(self, where, octets=None):
        with Client(where) as client:
            client.lhlo()
            return client.deliver(BAT, [ANT], octets or message(BAT, to=ANT))[0]

    def state_of(self, daemon):
        row = next(line for line in daemon.run('status').splitlines() if line.startswith('sandbox'))
        return row.split(None, 1)[1]


class FromRoot(Confined):
    """Started as root, on LMTP's own port."""

    def setUp(self):
        if os.geteuid() != 0:
            events.skip('root', 'only root binds port 24 and becomes somebody')
        super().setUp()
        os.chmod(self.scratch, 0o777)
        self.host = '127.24.{}.{}'.format(os.getpid() >> 8 & 255, os.getpid() & 255)
        state = self.path('state')
        self.daemon = self.daemon_of({'server': {'user': 'nobody', 'state_dir': state}, 'lmtp': {'listen': f'{self.host}:24'},
                                      'alarm': {'command': '/bin/cat'}, 'outlet': {'type': 'maildir', 'path': self.path('maildir')}})
        self.daemon.start()

    def processes(self):
        server = self.daemon.process.pid
        helper = int(self.state_of(self.daemon).rpartition('helper ')[2])
        self.assertEqual(facts_of(f'/proc/{helper}/status')['PPid'], str(server))
        return server, helper

    def test_nothing_of_root_is_left(self):
        server, helper = self.processes()
        user = pwd.getpwnam('nobody')
        for pid in server, helper:
            for thread in os.listdir(f'/proc/{pid}/task'):
                facts = facts_of(f'/proc/{pid}/task/{thread}/status')
                with self.subTest(thread=facts['Name'], helper=pid == helper):
                    self.assertEqual(facts['Uid'].split(), [str(user.pw_uid)] * 4)
                    self.assertEqual(facts['Gid'].split(), [str(user.pw_gid)] * 4)
                    self.assertEqual(set(facts['Groups'].split()), {str(group) for group in os.getgrouplist('nobody', user.pw_gid)})
                    for name in 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb':
                        self.assertEqual((name, int(facts[name], 16)), (name, 0))
                    self.assertEqual(facts['NoNewPrivs'], '1')
                    self.assertEqual(facts['Seccomp'], '0' if pid == helper else '2')
        self.assertGreater(len(os.listdir(f'/proc/{server}/task')), 3)

    def test_the_helper_has_nothing_of_the_servers(self):
        """Neither its listener nor the lock on its folder."""
        _, helper = self.processes()
        kinds = {os.readlink(f'/proc/{helper}/fd/{fd}').partition(':')[0] for fd in os.listdir(f'/proc/{helper}/fd') if int(fd) > 2}
        self.assertEqual(kinds, {'socket', 'anon_inode'})
        self.assertEqual(len([fd for fd in os.listdir(f'/proc/{helper}/fd') if int(fd) > 2]), 2)

    def test_mail_in_and_out(self):
        """And into a Maildir outside of state_dir, which it makes."""
        self.assertEqual(self.post((self.host, 24)).code, 250)
        self.daemon.wait_log(event='copies handed over', sent='1')
        new = os.path.join(self.path('maildir'), 'new')
        mail, = os.listdir(new)
        facts = os.stat(os.path.join(new, mail))
        self.assertEqual((facts.st_uid, stat.S_IMODE(facts.st_mode)), (pwd.getpwnam('nobody').pw_uid, 0o600))

    def test_crash_and_restart(self):
        self.assertEqual(self.post((self.host, 24)).code, 250)
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.post((self.host, 24)).code, 250)
        self.daemon.wait_log(event='copies handed over', count=2)

    def test_the_log_says_who_it_is(self):
        line, = self.daemon.log_lines(event='sandbox')
        self.assertEqual(line['uid'], str(pwd.getpwnam('nobody').pw_uid))
        self.assertEqual(line['state'], self.state_of(self.daemon))


class Reach(Confined):
    def test_a_message_in_gbk_over_tls(self):
        sink = self.sink_of()
        sink.tls = 'starttls'
        sink.certificate, sink.key = certificates.of('server')
        daemon = self.daemon_of({'outlet': {'tls': 'starttls', 'tls_ca_file': certificates.ca()}}, sink=sink).start()
        octets = message(BAT, to=ANT, more='MIME-Version: 1.0\nContent-Type: text/plain; charset=gbk\nContent-Transfer-Encoding: 8bit\n', subject='=?gbk?B?1tDOxA==?=',
                         body='x\n').replace(b'\r\n\r\nx', b'\r\n\r\n\xd6\xd0\xce\xc4')
        self.assertEqual(self.post(daemon.port, octets).code, 250)
        self.assertEqual(sink.wait_recipients(1)[0].addresses, [BAT])
        self.assertTrue(sink.sessions[0].tls)

    def test_a_certificate_that_is_renewed(self):
        """Both of ours, and of the authority: read anew on SIGHUP, from the folder where they were at the start."""
        sink = self.sink_of()
        sink.tls = 'starttls'
        sink.certificate, sink.key = certificates.of('server')
        with open(certificates.ca(), encoding='ascii') as good, open(certificates.of('other-ca').certificate, encoding='ascii') as other:
            good, other = good.read(), other.read()
        path = self.path('tls/ca.pem', other)
        daemon = self.daemon_of({'outlet': {'tls': 'starttls', 'tls_ca_file': path}}, sink=sink).start()
        self.assertEqual(self.post(daemon.port).code, 250)
        daemon.wait_log(event='the outlet refuses us')
        self.path('tls/ca.pem', good)
        daemon.reload()
        self.assertEqual(sink.wait_recipients(1)[0].addresses, [BAT])

    def test_what_a_reload_adds_needs_a_restart(self):
        sink = self.sink_of()
        daemon = self.daemon_of(sink=sink).start()
        box = self.path('box')
        daemon.configure({'outlet': {'type': 'maildir', 'path': box}})
        since = len(daemon.lines)
        daemon.reload()
        line = daemon.wait_log(since, event='outside of the sandbox: cannot be used before a restart')
        self.assertEqual((line['key'], line['path'], line['level']), ('[outlet] path', box, 'warning'))
        self.assertEqual(self.post(daemon.port).code, 250)
        daemon.wait_log(since, event='outlet not reached')
        self.assertFalse(os.path.exists(box))
        daemon.restart()
        events.wait_for(lambda: os.path.isdir(os.path.join(box, 'new')) and os.listdir(os.path.join(box, 'new')) or daemon.run('retry') and None,
                        what='the copy was to be written')

    def test_what_a_reload_adds_within_reach_does_not(self):
        daemon = self.daemon_of(sink=self.sink_of()).start()
        daemon.configure({'outlet': {'type': 'maildir', 'path': 'box'}, 'log': {'level': 'debug'}})
        since = len(daemon.lines)
        daemon.reload()
        daemon.wait_log(since, event='reloaded')
        self.assertEqual(daemon.log_lines(since, level='warning'), [])
        self.assertEqual(self.post(daemon.port).code, 250)
        daemon.wait_log(since, event='copies handed over', sent='1')

    def test_a_database_elsewhere(self):
        os.mkdir(self.path('data'))
        daemon = self.daemon_of({'database': {'url': f'sqlite:{self.path("data/lists.db")}'}}, sink=self.sink_of()).start()
        self.assertEqual(self.post(daemon.port).code, 250)
        daemon.wait_log(event='copies handed over', sent='1')

    def test_commands_beside_it(self):
        """They are not confined: their files are where who runs them says."""
        daemon = self.daemon_of(sink=self.sink_of()).start()
        self.assertEqual(self.post(daemon.port).code, 250)
        daemon.run('backup', self.path('backup'))
        daemon.run('set', ANT, 'emergency=on')
        self.assertIn('held', str(self.post(daemon.port)))
        self.assertGreater(os.stat(self.path('backup')).st_size, 10000)

    def test_sockets_are_removed_at_the_end(self):
        os.mkdir(self.path('run'))
        path = self.path('run/lmtp.sock')
        daemon = self.daemon_of({'lmtp': {'listen': path}}).start()
        self.assertTrue(os.path.exists(path))
        daemon.stop()
        self.assertEqual((os.path.exists(path), os.path.exists(os.path.join(daemon.state, 'control.sock'))), (False, False))


class Without(Confined):
    """On older kernels, and where it is switched off: it works, and says so."""

    def old_kernel(self, lacks):
        """The program as it would run there."""
        wrapper = self.path('listward', f'#!/bin/sh\nexec "{os.path.join(os.path.dirname(plain.BINARY), "old-kernel")}" {lacks} "{plain.BINARY}" "$@"\n')
        os.chmod(wrapper, 0o755)
        self.addCleanup(setattr, program, 'BINARY', program.BINARY)
        program.BINARY = wrapper

    def works(self, state, *warnings, **config):
        sink = self.sink_of()
        daemon = self.daemon_of(config, sink=sink).start()
        self.assertRegex(self.state_of(daemon), state)
        self.assertEqual([line['event'] for line in daemon.log_lines(level='warning')], list(warnings))
        self.assertEqual(self.post(daemon.port).code, 250)
        sink.wait_recipients(1)
        daemon.stop()

    NO_LANDLOCK = 'no Landlock: files are kept from this process by their permissions alone'
    NO_SECCOMP = 'no seccomp: all system calls are open to this process'

    def test_with_all(self):
        self.works(r'^landlock abi \d+, seccomp yes, helper none$')

    def test_no_landlock(self):
        self.old_kernel('landlock')
        self.works('^landlock no, seccomp yes, helper none$', self.NO_LANDLOCK)

    def test_no_seccomp(self):
        self.old_kernel('seccomp')
        self.works(r'^landlock abi \d+, seccomp no, helper none$', self.NO_SECCOMP)

    def test_neither(self):
        self.old_kernel('both')
        self.works('^landlock no, seccomp no, helper none$', self.NO_LANDLOCK, self.NO_SECCOMP)

    def test_switched_off(self):
        self.works('^off, helper none$', '[server] sandbox = no: neither Landlock nor seccomp', server={'sandbox': 'no'})


if __name__ == '__main__':
    unittest.main()
