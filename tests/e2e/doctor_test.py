"""`listward doctor`: an installation in which mail flows, and then each thing broken that it claims to find."""
import contextlib
import json
import os
import shutil
import socket
import sqlite3
import stat
import struct
import subprocess
import tempfile
import unittest

from lib import namespaces, ports
from lib.daemon import BINARY, Daemon
from lib.dns import A, AAAA, MX, PTR, TXT, Dns
from lib.lmtp import Client
from lib.posting import DOMAIN, message
from lib.sink import Sink

LIST = f'ant@{DOMAIN}'


def mx(host):
    return struct.pack('!H', 10) + b''.join(bytes([len(label)]) + label.encode() for label in host.split('.')) + b'\0'


def txt(text):
    return bytes([len(text)]) + text.encode()


class MailServer(Sink):
    """Knows the lists' addresses, and delivers to them over LMTP."""

    def __init__(self):
        super().__init__()
        self.daemon, self.answer, self.loses = None, '550 5.1.1 no such list', False
        self.on['RCPT'] = lambda session, path: self.answer if path.address.startswith('no-such-list') else None
        self.on['DOT'] = self.deliver

    def deliver(self, _session, message):
        if not self.loses:
            with Client(self.daemon.port) as client:
                client.lhlo()
                client.deliver(message.sender.address, message.addresses, message.octets)


class Doctor(unittest.TestCase):
    def setUp(self):
        self.mta = MailServer()
        self.addCleanup(self.mta.stop)
        self.records = {(DOMAIN, MX): [mx(f'mx.{DOMAIN}')], (DOMAIN, TXT): [txt('v=spf1 mx -all')], (f'_dmarc.{DOMAIN}', TXT): [txt('v=DMARC1; p=none')]}
        self.dns = Dns(records=self.records)
        self.addCleanup(self.dns.close)
        self.daemon = Daemon(self.mta, env={'MAIL_CONFIG': '/nonexistent'})
        self.mta.daemon = self.daemon
        self.addCleanup(self.daemon.close)
        os.chmod(self.daemon.state, 0o700)
        self.daemon.configure({'lmtp': {'listen': f'127.0.0.1:{self.daemon.port}'}})
        self.daemon.start()
        self.daemon.run('create', LIST)

    def examine(self, *options, status=None):
        """The findings. `status`: of the command; None: as the findings say."""
        done = self.daemon.cli('doctor', '--json', '--dns', f'127.0.0.1:{self.dns.port}', '--smtp', f'127.0.0.1:{self.mta.port}', *options)
        found = json.loads(done.out)
        problems = any(finding['level'] == 'problem' for finding in found)
        self.assertEqual(done.code, int(problems) if status is None else status, done.err)
        for finding in found:
            self.assertEqual(bool(finding['fix']), finding['level'] != 'ok', finding)
        return found

    def one(self, check, level, what, *options, fix=''):
        """Exactly one finding of this check says that."""
        found = [finding for finding in self.examine(*options) if finding['check'] == check and finding['level'] == level]
        hits = [finding for finding in found if what in finding['what']]
        self.assertEqual(len(hits), 1, found)
        self.assertIn(fix, hits[0]['fix'])
        return hits[0]

    def change(self, sql):
        with contextlib.closing(sqlite3.connect(os.path.join(self.daemon.state, 'listward.db'))) as database, database:
            database.execute(sql)

    def reconfigure(self, changes):
        self.daemon.configure(changes)
        self.daemon.restart()


class Flows(Doctor):
    def test_all_is_well(self):
        found = self.examine(status=0)
        self.assertEqual([finding for finding in found if finding['level'] == 'problem'], [])
        for check in 'server', 'disk', 'database', 'permissions', 'lmtp', 'outlet', 'refusal', 'probe', 'dns':
            self.assertIn('ok', [finding['level'] for finding in found if finding['check'] == check], check)
        probe = self.mta.messages[-1]
        self.assertIn('answers', self.one('outlet', 'ok', '')['what'])
        self.assertEqual(probe.sender.address, '')
        self.assertRegex(probe.addresses[0], rf'^listward-doctor\+\w+@{DOMAIN}$')
        self.assertEqual(self.daemon.run('held', LIST), '')

    def test_for_people(self):
        text = self.daemon.run('doctor', '--dns', f'127.0.0.1:{self.dns.port}', '--smtp', f'127.0.0.1:{self.mta.port}')
        self.assertRegex(text, '(?m)^ok       probe        a message through 127.0.0.1:.* came in over LMTP after')

    def test_each_domain(self):
        self.daemon.run('adddomain', 'second.example.com')
        for check in 'refusal', 'probe':
            for domain in DOMAIN, 'second.example.com':
                self.one(check, 'ok', f' {domain} ')

    def test_one_domain_is_forgotten(self):
        self.daemon.run('adddomain', 'second.example.com')
        self.mta.on['RCPT'] = lambda session, path: '554 5.7.1 Relay access denied' if path.address.endswith('@second.example.com') else None
        self.one('probe', 'problem', 'a message to second.example.com: 554 5.7.1 Relay access denied')

    def test_somebody_is_a_member(self):
        self.daemon.run('addmembers', '-W', '-', LIST, stdin='bat@example.net\n')
        self.one('outlet', 'ok', 'takes copies')

    def test_nothing_is_sent(self):
        self.examine('--no-mail')
        self.assertEqual((self.mta.messages, [finding for finding in self.examine('--no-mail') if finding['check'] == 'probe']), ([], []))

    def test_without_a_domain(self):
        self.daemon.run('remove', LIST)
        self.daemon.run('deldomain', DOMAIN)
        self.one('probe', 'note', 'no domain', fix='listward create')


class Mail(Doctor):
    """What the mail server does wrong."""

    def test_it_takes_mail_for_no_list(self):
        self.mta.answer = None
        self.one('refusal', 'problem', 'would become a bounce', fix='listward mta')

    def test_it_refuses_for_now_only(self):
        self.mta.answer = '450 4.1.1 unverified'
        self.one('refusal', 'note', 'for now, not for good: 450 4.1.1 unverified', fix='unverified_recipient_reject_code = 550')

    def test_it_does_not_deliver(self):
        self.mta.loses = True
        self.one('probe', 'problem', 'did not come in', '--wait', '1', fix='log and queue')

    def test_it_does_not_take_our_mail(self):
        self.mta.on['MAIL'] = lambda session, path: '550 5.7.1 not you'
        self.daemon.run('addmembers', '-W', '-', LIST, stdin='bat@example.net\n')
        self.one('outlet', 'problem', 'does not take copies: 550 5.7.1 not you', fix='mynetworks')
        self.one('probe', 'problem', 'not you')

    def test_it_does_not_relay(self):
        self.daemon.run('addmembers', '-W', '-', LIST, stdin='bat@example.net\n')
        self.mta.on['RCPT'] = lambda session, path: '554 5.7.1 Relay access denied' if path.address == 'bat@example.net' else None
        self.one('outlet', 'problem', 'does not take copies: 554 5.7.1 Relay access denied', fix='mynetworks')
        self.mta.on['RCPT'] = lambda session, path: '550 5.1.1 User unknown' if path.address == 'bat@example.net' else None
        self.one('outlet', 'ok', 'takes copies')

    def test_nobody_is_there(self):
        self.mta.stop()
        self.one('outlet', 'problem', 'copies cannot leave', '--no-mail', fix='[outlet] host, port')
        self.one('refusal', 'problem', 'cannot be asked', fix='--smtp')

    def test_it_is_elsewhere(self):
        other = MailServer()
        self.addCleanup(other.stop)
        other.daemon = self.daemon
        self.one('probe', 'ok', f'127.0.0.1:{other.port}', '--smtp', f'127.0.0.1:{other.port}')


class Here(Doctor):
    """What is wrong with this machine."""

    def test_no_server(self):
        self.daemon.stop()
        self.one('server', 'problem', 'no server is running', fix='systemctl start listward')
        self.one('lmtp', 'problem', 'nobody answers')

    def test_damage(self):
        self.daemon.stop()
        path = os.path.join(self.daemon.state, 'listward.db')
        with open(path, 'r+b') as file:
            file.seek(0)
            file.write(b'no database at all')
        self.one('database', 'problem', 'listward.db', fix='durability.md')

    def test_a_damaged_page(self):
        self.daemon.stop()
        path = os.path.join(self.daemon.state, 'listward.db')
        page = 4096
        with open(path, 'r+b') as file:
            for number in range(20, os.path.getsize(path) // page):
                file.seek(number * page)
                file.write(b'\xff' * 64)
        self.one('database', 'problem', '', fix='durability.md')

    def test_no_room(self):
        self.reconfigure({'limits': {'min_free_space': '1000000G'}})
        self.one('disk', 'problem', 'no mail is taken below', '--no-mail', fix='min_free_space')

    def test_the_folder_is_open(self):
        os.chmod(self.daemon.state, 0o755)
        self.one('permissions', 'problem', 'is open to others', fix=f'chmod 700 {self.daemon.state}')

    def test_everybody_can_read_the_password(self):
        path = os.path.join(self.daemon.scratch, 'password')
        with open(path, 'w', encoding='ascii') as file:
            file.write('secret\n')
        os.chmod(path, 0o644)
        self.daemon.configure({'outlet': {'password_file': path}})
        self.one('permissions', 'problem', 'everybody on this machine can read', fix=f'chmod 640 {path}')
        os.unlink(path)
        self.one('permissions', 'problem', 'No such file', fix='password_file')

    def test_the_clock_is_behind(self):
        with Client(self.daemon.port) as client:
            client.lhlo()
            client.deliver('bat@example.net', [f'ant-owner@{DOMAIN}'], message())
        self.change('UPDATE posting SET received_at = 9000000000000000')
        self.one('clock', 'problem', 'behind the newest posting', fix='chrony')

    def test_set_aside(self):
        self.daemon.stop()
        self.change('INSERT INTO suspect VALUES (1, 12, 1)')
        self.daemon.start()
        self.one('server', 'note', 'set aside', fix='listward retry')


class Sockets(Doctor):
    """Unix sockets, and who may use them."""

    def serve_on(self, folder, mode='0660'):
        os.makedirs(folder, exist_ok=True)
        self.reconfigure({'lmtp': {'listen': f'127.0.0.1:{self.daemon.port}, {folder}/lmtp.sock', 'socket_mode': mode}})

    def examine(self, *options, status=None):
        """With an account of Postfix, which tests' machines lack; in a mount namespace of its own."""
        namespaces.need('--mount')
        accounts = os.path.join(self.daemon.scratch, 'passwd')
        with open('/etc/passwd', encoding='utf-8') as passwd, open(accounts, 'w', encoding='utf-8') as file:
            file.write(''.join(line for line in passwd if not line.startswith('postfix:')) + 'postfix:x:64001:64001::/:/bin/false\n')
        os.chmod(accounts, 0o644)
        done = subprocess.run(['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/passwd && exec "$@"', accounts, BINARY, '--config', self.daemon.conf, 'doctor', '--json', '--no-dns',
                               *options], capture_output=True, text=True, env=self.daemon.env, check=False)
        self.assertIn(done.returncode, (0, 1) if status is None else (status,), done.stderr)
        return json.loads(done.stdout)

    def test_a_socket_for_everybody(self):
        folder = tempfile.mkdtemp(prefix='listward-', dir='/run')  # not below /tmp
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        self.serve_on(folder, '0666')
        self.one('lmtp', 'ok', '2 listeners')

    def test_a_socket_for_others(self):
        self.serve_on(os.path.join(self.daemon.scratch, 'run'))
        self.one('lmtp', 'note', 'the user postfix may not write to', fix='[lmtp] socket_group = postfix')

    def test_nothing_but_that_socket(self):
        self.reconfigure({'lmtp': {'listen': f'{self.daemon.scratch}/lmtp.sock'}})
        self.one('lmtp', 'problem', 'the user postfix may not write to', '--no-mail')

    def test_a_folder_is_closed(self):
        folder = os.path.join(self.daemon.scratch, 'run')
        self.serve_on(folder, '0666')
        os.chmod(folder, 0o700)
        self.one('lmtp', 'note', f'{folder} is closed to it', fix=f'chmod o+x {folder}')

    def test_below_a_folder_for_everybody(self):
        folder = os.path.join(self.daemon.scratch, 'run')
        self.serve_on(folder, '0666')
        os.chmod(folder, 0o777 | stat.S_ISVTX)
        self.one('lmtp', 'problem', f'lies below {folder}, which everybody can write to', fix='/run/listward/lmtp.sock')

    def test_a_chroot(self):
        folder = os.path.join(self.daemon.scratch, 'postfix')
        os.makedirs(folder)
        with open(os.path.join(folder, 'master.cf'), 'w', encoding='ascii') as file:
            file.write('# lists unix - - y - - lmtp\nsmtp unix - - y - - smtp\nlists     unix  -       -       y       -       10       lmtp\n  -o disable_dns_lookups=yes\n')
        self.daemon.env['MAIL_CONFIG'] = folder
        self.serve_on(os.path.join(self.daemon.scratch, 'run'), '0666')
        self.one('chroot', 'note', '"lists" runs in its chroot', fix='postconf -F lists/unix/chroot=n')
        self.reconfigure({'mta': {'lmtp': 'unix:listward/lmtp.sock'}})
        self.assertEqual([finding for finding in self.examine('--no-mail') if finding['check'] == 'chroot'], [])

    def test_names(self):
        namespaces.need('--mount')
        hosts = os.path.join(self.daemon.scratch, 'hosts')
        with open(hosts, 'w', encoding='utf-8') as file:
            file.write(f'127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {socket.gethostname()}\n')
        done = subprocess.run(['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, BINARY, '--config', self.daemon.conf, 'doctor', '--no-dns', '--no-mail'],
                              capture_output=True, text=True, env=self.daemon.env, check=False)
        self.assertRegex(done.stdout, '(?m)^note     names .*127.0.1.1')
        self.assertRegex(done.stdout, '(?m)^note     names .*::1')

    def test_nobody_listens_there(self):
        self.daemon.configure({'lmtp': {'listen': f'127.0.0.1:{self.daemon.port}, 127.0.0.1:{ports.free_port()}'}})
        self.one('lmtp', 'problem', 'nobody answers', fix='[lmtp] listen')


class Remote(Doctor):
    """A list server on another host."""

    def test_nobody_is_allowed(self):
        self.daemon.stop()
        self.daemon.configure({'lmtp': {'listen': f'0.0.0.0:{self.daemon.port}', 'callout_listen': f'0.0.0.0:{ports.free_port()}'}})
        found = [finding for finding in self.examine('--no-mail') if 'nobody is allowed' in finding['what']]
        self.assertEqual([finding['what'].split(' = ')[0] for finding in found], ['[lmtp] listen', '[lmtp] callout_listen'])
        self.assertIn('[lmtp] allow', found[0]['fix'])

    def test_somebody_is_allowed(self):
        self.reconfigure({'lmtp': {'listen': f'0.0.0.0:{self.daemon.port}', 'allow': '192.0.2.0/24'}})
        self.assertEqual([finding for finding in self.examine('--no-mail') if finding['level'] == 'problem'], [])

    def test_a_certificate_is_missing(self):
        self.daemon.stop()
        self.daemon.configure({'lmtp': {'tls_certificate': '/nonexistent/cert.pem'}})
        self.one('lmtp', 'problem', '/nonexistent/cert.pem', '--no-mail', fix='[lmtp] tls_certificate')


class Maps(Doctor):
    """[mta] maps."""

    def setUp(self):
        super().setUp()
        os.chmod(self.daemon.scratch, 0o755)
        self.folder = os.path.join(self.daemon.scratch, 'maps')
        self.reconfigure({'mta': {'maps': self.folder}})
        self.map = os.path.join(self.folder, 'postfix_lmtp')
        self.daemon.wait_for(lambda: os.path.exists(self.map), what='the maps')
        self.daemon.run('create', f'bee@{DOMAIN}')  # ends when they are written

    def test_up_to_date(self):
        self.one('maps', 'ok', 'are up to date', '--no-mail')

    def test_stale(self):
        self.daemon.stop()
        with open(self.map, 'a', encoding='ascii') as file:
            file.write('gone@example.com lmtp:inet:127.0.0.1:8024\n')
        self.one('maps', 'problem', f'{self.map} is not what it should be', '--no-mail', fix='listward aliases')

    def test_unreadable(self):
        os.chmod(self.map, 0o600)
        self.one('maps', 'problem', 'may not read', '--no-mail', fix='chmod a+rX')

    def test_a_folder_above_is_closed(self):
        os.chmod(self.daemon.scratch, 0o700)
        self.one('maps', 'problem', f'{self.daemon.scratch} is closed to it', '--no-mail', fix='[mta] maps = /var/lib/listward-maps')

    def test_the_table_is_older(self):
        with open(self.map + '.db', 'wb'):
            pass
        os.utime(self.map + '.db', (0, 0))
        self.one('maps', 'problem', f'{self.map}.db is older', '--no-mail', fix='postmap')

    def test_the_command_fails(self):
        self.reconfigure({'mta': {'command': '/bin/false'}})
        self.daemon.run('create', f'cat@{DOMAIN}')
        self.one('maps', 'problem', 'has not succeeded', '--no-mail', fix='/bin/false')


class Records(Doctor):
    """The DNS of the lists' domain."""

    def test_no_mx(self):
        del self.records[DOMAIN, MX]
        self.one('dns', 'problem', 'no MX record, and no address', fix=f'{DOMAIN}. IN MX 10')

    def test_no_mx_but_an_address(self):
        del self.records[DOMAIN, MX]
        for kind, data in (A, bytes((10, 0, 0, 1))), (AAAA, bytes(15) + b'\1'):
            with self.subTest(kind):
                self.records[DOMAIN, kind] = [data]
                self.one('dns', 'note', 'mail goes to its address', '--no-mail', fix=f'{DOMAIN}. IN MX 10')
                del self.records[DOMAIN, kind]

    def test_the_address_has_no_name(self):
        self.records[f'mx.{DOMAIN}', A] = [bytes((192, 0, 2, 25))]
        self.one('dns', 'note', f'the address 192.0.2.25 of mx.{DOMAIN} has no name', '--no-mail', fix='PTR')
        self.records['25.2.0.192.in-addr.arpa', PTR] = [mx(f'mx.{DOMAIN}')[2:]]
        self.assertEqual({finding['level'] for finding in self.examine('--no-mail') if finding['check'] == 'dns'}, {'ok'})

    def test_the_mx_says_that_there_is_no_mail(self):
        self.records[DOMAIN, MX] = [b'\0\0\0']
        self.one('dns', 'problem', 'takes no mail', fix='remove')

    def test_no_spf(self):
        self.records[DOMAIN, TXT] = [txt('something else')]
        self.one('dns', 'note', 'no SPF record', fix='v=spf1')

    def test_spf_for_everybody(self):
        self.records[DOMAIN, TXT] = [txt('v=spf1 +all')]
        self.one('dns', 'note', 'lets everybody send', fix='v=spf1')

    def test_no_dmarc(self):
        del self.records[f'_dmarc.{DOMAIN}', TXT]
        self.one('dns', 'note', 'no DMARC record', fix=f'_dmarc.{DOMAIN}. IN TXT')

    def test_garbage(self):
        self.records[DOMAIN, MX] = [b'\0\x0a\xc0']
        self.records[DOMAIN, TXT] = [b'\xffshort']
        self.one('dns', 'note', 'no SPF record')

    def test_nobody_answers(self):
        self.dns.close()
        self.one('dns', 'note', 'no name server answers', fix='resolv.conf')


if __name__ == '__main__':
    unittest.main()
