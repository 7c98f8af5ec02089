"""Live answers: what MTAs are told over socketmap, Postfix's policy protocol and Exim's readsocket, before they queue anything."""
import os
import socket
import sqlite3

from lib import ports
from lib.hostile import LIST, Outlives, cpu_seconds, descriptors
from lib.lmtp import Client
from lib.posting import DOMAIN, MEMBER, STRANGER, Served, accepted, held, message
from lib.questions import Policy, SocketMap, netstring, readsocket, request, with_message

UNKNOWN = '550 5.1.1 no list here by that name'
TEMP = r'^TEMP '
TROUBLE = r'^451 4\.3\.0 '
ROLES = 'admin bounces confirm join leave owner request subscribe unsubscribe'.split()


def listening():
    """{section: {'listen': …}} of the three, each on a port of its own."""
    return {service: {'listen': f'127.0.0.1:{ports.free_port()}'} for service in ('policy', 'socketmap', 'readsocket')}


class Answers(Served):
    config = listening()

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant', 'max_message_size=100')
        cls.held = cls.create('held', 'default_nonmember_action=hold')
        cls.private = cls.create('private', 'conceal_members=yes')
        cls.daemon.run('ban', 'banned@example.org')

    def port(self, service):
        return int(self.daemon.settings[service]['listen'].split(', ')[0].rsplit(':', 1)[1])

    def opened(self, client):
        self.addCleanup(client.close)
        return client

    def socketmap(self):
        return self.opened(SocketMap(self.port('socketmap')))

    def policy(self):
        return self.opened(Policy(self.port('policy')))

    def readsocket(self, octets, **options):
        return readsocket(self.port('readsocket'), octets, **options)


class Socketmap(Answers):
    def test_recipient(self):
        asked = self.socketmap()
        for address in (self.ant, 'ANT@Lists.Example.COM', *(f'ant-{role}@{DOMAIN}' for role in ROLES), f'ant-bounces+u=d.example@{DOMAIN}', f'ant-confirm+token@{DOMAIN}'):
            self.assertEqual(asked.ask('recipient', address), f'OK {address}')
        for address in (f'bee@{DOMAIN}', f'ant-x@{DOMAIN}', 'ant@elsewhere.example', 'ant', '', '@', f'@{DOMAIN}', f'a b@{DOMAIN}', DOMAIN, f'.{DOMAIN}', '*'):
            self.assertEqual(asked.ask('recipient', address), 'NOTFOUND ', address)

    def test_domain(self):
        asked = self.socketmap()
        self.assertEqual(asked.ask('domain', DOMAIN), f'OK {DOMAIN}')
        self.assertEqual(asked.ask('domain', DOMAIN.upper()), f'OK {DOMAIN.upper()}')
        for domain in 'elsewhere.example', 'example.com', f'.{DOMAIN}', '', 'a b':
            self.assertEqual(asked.ask('domain', domain), 'NOTFOUND ', domain)

    def test_transport(self):
        """[mta] says, and a reload changes it."""
        asked = self.socketmap()
        self.assertEqual(asked.ask('transport', self.ant), f'OK lmtp:unix:{self.daemon.socket}')
        self.assertEqual(asked.ask('transport', f'bee@{DOMAIN}'), 'NOTFOUND ')
        self.daemon.configure({'mta': {'lmtp': '127.0.0.1:8024', 'postfix_service': 'lists'}})
        since = len(self.daemon.lines)
        self.daemon.reload()
        self.daemon.wait_log(since, event='reloaded')
        self.assertEqual(asked.ask('transport', self.ant), 'OK lists:inet:127.0.0.1:8024')

    def test_access(self):
        asked = self.socketmap()
        self.assertEqual(asked.ask('access', self.ant), 'OK DUNNO')
        self.assertEqual(asked.ask('access', f'bee@{DOMAIN}'), f'OK {UNKNOWN}')
        self.assertEqual(asked.ask('access', 'bee@elsewhere.example'), 'NOTFOUND ')

    def test_sendmail(self):
        asked = self.socketmap()
        self.assertEqual(asked.ask('listrcpt', self.ant), f'OK {self.ant}')
        self.assertEqual(asked.ask('listrcpt', f'bee@{DOMAIN}'), 'NOTFOUND ')
        self.assertEqual(asked.ask('listchk', f'127.0.0.2,{STRANGER},{self.ant}'), f'OK {self.ant}')
        self.assertEqual(asked.ask('listchk', f'127.0.0.2,<>,{self.ant}'), f'OK {self.ant}')
        self.assertRegex(asked.ask('listchk', f'127.0.0.2,banned@example.org,{self.ant}'), r'^OK ERROR 5\.7\.1: 550 \w')
        self.assertEqual(asked.ask('listchk', f'127.0.0.2,{STRANGER},bee@{DOMAIN}'), 'NOTFOUND ')

    def test_what_depends_on_the_recipient_alone(self):
        """A map has no sender: who is banned may well ask whether the list is there."""
        asked = self.socketmap()
        for name in 'recipient', 'access', 'transport', 'listrcpt':
            self.assertRegex(asked.ask(name, self.ant), '^OK ', name)

    def test_unknown_name(self):
        asked = self.socketmap()
        self.assertEqual(asked.ask('alias', self.ant), 'PERM the names here are recipient domain transport access listchk listrcpt')
        self.assertEqual(asked.ask('recipient', self.ant), f'OK {self.ant}')

    def test_a_new_list_at_once(self):
        asked = self.socketmap()
        self.assertEqual(asked.ask('recipient', f'new@{DOMAIN}'), 'NOTFOUND ')
        self.create('new')
        self.assertEqual(asked.ask('recipient', f'new@{DOMAIN}'), f'OK new@{DOMAIN}')
        self.daemon.run('remove', f'new@{DOMAIN}')
        self.assertEqual(asked.ask('recipient', f'new@{DOMAIN}'), 'NOTFOUND ')

    def test_pipelined(self):
        """As many as one likes; the answers to those that came together leave together."""
        asked = self.socketmap()
        asked.send(netstring(f'recipient {self.ant}') * 500)
        self.assertEqual([asked.answer() for _ in range(500)], [f'OK {self.ant}'] * 500)
        self.assertLess(len(asked.reads), 100)

    def test_octet_by_octet(self):
        asked = self.socketmap()
        for octet in netstring(f'recipient {self.ant}') + netstring('domain x'):
            asked.send(bytes([octet]))
        self.assertEqual([asked.answer(), asked.answer()], [f'OK {self.ant}', 'NOTFOUND '])

    def test_garbage(self):
        for octets in b'GET / HTTP/1.0\r\n\r\n', b'99999:', b'-1:x,', b'3:abcd,', b'\0' * 100, bytes(range(128, 228)):
            asked = self.socketmap()
            asked.send(octets)
            self.assertRegex(asked.answer(), '^PERM ')
            self.assertTrue(asked.at_end())


class Policies(Answers):
    def test_at_rcpt(self):
        asked = self.policy()
        self.assertEqual(asked.ask(self.ant, MEMBER), 'DUNNO')
        self.assertEqual(asked.ask(self.ant, ''), 'DUNNO')
        self.assertEqual(asked.ask(self.ant, STRANGER), 'DUNNO')
        self.assertRegex(asked.ask(self.ant, 'banned@example.org'), r'^550 5\.7\.1 \w')
        self.assertRegex(asked.ask(self.ant, 'Banned@Example.ORG'), r'^550 5\.7\.1 \w')
        self.assertEqual(asked.ask(f'ant-owner@{DOMAIN}', STRANGER), 'DUNNO')
        self.assertEqual(asked.ask('root@elsewhere.example', 'banned@example.org'), 'DUNNO')
        self.assertEqual(asked.ask(self.ant, 'b\u00fccher@b\u00fccher.example'), 'DUNNO')

    def test_unknown(self):
        """Perhaps a user of the host's; unless Postfix was told to say that there are none."""
        asked = self.policy()
        self.assertEqual(asked.ask(f'bee@{DOMAIN}', MEMBER), 'DUNNO')
        self.assertEqual(asked.ask(f'bee@{DOMAIN}', MEMBER, policy_context='lists-only'), UNKNOWN)
        self.assertEqual(asked.ask('bee@elsewhere.example', MEMBER, policy_context='lists-only'), 'DUNNO')

    def test_size(self):
        asked = self.policy()
        for state in 'RCPT', 'DATA', 'END-OF-MESSAGE':
            self.assertRegex(asked.ask(self.ant, MEMBER, state=state, size=200 * 1024), r'^552 5\.3\.4 ')
            self.assertEqual(asked.ask(self.ant, MEMBER, state=state, size=1000), 'DUNNO')
        self.assertRegex(asked.ask(self.held, MEMBER, size=1 << 40), r'^552 5\.3\.4 ')
        self.assertEqual(asked.ask('', MEMBER, state='END-OF-MESSAGE', size=200 * 1024, recipient_count=2), 'DUNNO')

    def test_verdict_at_rcpt(self):
        """A list may want that RCPT never depends on the sender."""
        silent = self.create('silent', 'verdict_at_rcpt=no')
        asked = self.policy()
        self.assertEqual(asked.ask(silent, 'banned@example.org'), 'DUNNO')
        self.assertRegex(asked.ask(self.ant, 'banned@example.org'), '^550 ')
        self.assertEqual(asked.ask(self.private, STRANGER), 'DUNNO')

    def test_refusals_are_logged(self):
        since = len(self.daemon.lines)
        self.policy().ask(self.ant, 'banned@example.org')
        line = self.daemon.wait_log(since, event='recipient refused when asked', to=self.ant)
        self.assertEqual(line['from'], 'banned@example.org')

    def test_pipelined(self):
        asked = self.policy()
        asked.send(request(self.ant, MEMBER) * 100 + request(self.ant, 'banned@example.org'))
        self.assertEqual([asked.answer() for _ in range(100)], ['DUNNO'] * 100)
        self.assertRegex(asked.answer(), '^550 ')

    def test_garbage(self):
        """No answer, as Postfix wants it: it asks again."""
        for octets in '\n\n', 'GET / HTTP/1.0\n\n', 'request=junk\n\n', 'x' * 20000, 'a=b\n' * 201 + '\n', 'a' * 5000 + '=\n\n', '\0=\n\n':
            asked = self.policy()
            asked.send(octets)
            self.assertIsNone(asked.answer())


class Readsocket(Answers):
    def rcpt(self, words, **options):
        return self.readsocket(f'RCPT {words}\n', **options)

    def judge(self, recipients, octets, sender=MEMBER, size=None):
        return self.readsocket(with_message(f'DATA <{sender}> {len(octets) if size is None else size} {recipients}', octets))

    def test_rcpt(self):
        self.assertEqual(self.rcpt(f'{self.ant} {MEMBER}'), 'ok')
        self.assertEqual(self.rcpt(f'{self.ant} {MEMBER}', half_close=False), 'ok')
        self.assertEqual(self.rcpt(f'<{self.ant}> <>'), 'ok')
        self.assertEqual(self.rcpt(f'{self.ant} '), 'ok')
        self.assertEqual(self.rcpt(f'{self.ant}'), 'ok')
        self.assertRegex(self.rcpt(f'{self.ant} banned@example.org'), r'^550 5\.7\.1 ')
        self.assertRegex(self.rcpt(f'{self.ant} {MEMBER} 300000'), r'^552 5\.3\.4 ')
        self.assertEqual(self.rcpt(f'bee@{DOMAIN} {MEMBER}'), 'unknown')
        self.assertEqual(self.rcpt(f'root@elsewhere.example {MEMBER}'), 'none')
        self.assertRegex(self.rcpt(f'a b@{DOMAIN} {MEMBER}'), '^error ')
        self.assertEqual(self.rcpt(f'"a b"@{DOMAIN} {MEMBER}'), 'unknown')

    def test_data(self):
        """The verdict is that of the delivery, word for word but for its id."""
        self.assertEqual(self.judge(self.ant, message()), 'ok 250 2.6.0 ok')
        self.assertRegex(self.judge(self.ant, message(STRANGER), STRANGER), rf'^550 5\.7\.1 you are not a member of {self.ant}')
        self.assertRegex(self.judge(self.held, message(STRANGER), STRANGER), rf'^ok 250 2\.6\.0 it will wait for the moderators of {self.held}: ')
        self.assertEqual(self.judge('root@elsewhere.example', message(STRANGER), STRANGER), 'ok')
        self.assertEqual(self.judge(f'{self.ant}, root@elsewhere.example', message(STRANGER), STRANGER), 'ok')
        self.assertEqual(self.judge(f'{self.ant}, {self.held}', message(STRANGER), STRANGER), 'ok')
        self.assertRegex(self.judge(f'ant-owner@{DOMAIN}', message(STRANGER), STRANGER), '^ok 250 ')

    def test_the_delivery_obeys(self):
        """What was refused in front is a refusal also at the door where policy's refusals are held: it was found by its key."""
        octets = message(STRANGER, body='two\n.lines\n\n')
        self.assertRegex(self.post(self.ant, message(STRANGER), STRANGER), held(self.ant))
        self.assertRegex(self.judge(self.ant, octets, STRANGER), '^550 ')
        self.assertRegex(self.post(self.ant, octets, STRANGER), r'^550 5\.7\.1 you are not a member')

    def test_accepted_and_delivered(self):
        octets = message()
        self.assertRegex(self.judge(self.ant, octets), '^ok ')
        self.assertRegex(self.post(self.ant, octets), accepted(self.ant))

    def test_nothing_is_kept(self):
        before = self.rows('SELECT count(*) FROM message')
        self.assertRegex(self.judge(self.held, message(STRANGER), STRANGER), '^ok ')
        self.assertEqual(self.rows('SELECT count(*) FROM message'), before)
        self.assertEqual(self.held_ids(self.held), [])

    def test_cut_by_exim(self):
        since = len(self.daemon.lines)
        octets = message(STRANGER, body='x' * 70 + '\n')
        self.assertEqual(self.judge(self.ant, octets, STRANGER, size=len(octets) + 5000), 'ok')
        self.daemon.wait_log(since, event='message not judged')

    def test_large(self):
        octets = message(body=('x' * 70 + '\n') * 3000)
        self.assertRegex(self.judge(self.ant, octets), r'^552 5\.3\.4 ')
        self.assertRegex(self.judge(self.held, octets), '^ok ')

    def test_prdr(self):
        for address, sender, want in (self.ant, MEMBER, '^ok '), (self.ant, STRANGER, '^550 '), ('root@elsewhere.example', STRANGER, '^ok$'):
            self.assertRegex(self.readsocket(with_message(f'PRDR {address} <{sender}> 0', message(sender))), want)

    def test_garbage(self):
        for octets in b'\n', b'HELO x\n', b'\0\n', b'RCPT\n', b'x' * 100000, b'', b'DATA\n', b'DATA a b c d\n' + b'x' * 100000:
            self.assertRegex(self.readsocket(octets), '^error ')


class Locked(Answers):
    def test_a_writer_keeps_nobody_from_asking(self):
        locker = sqlite3.connect(os.path.join(self.daemon.state, 'listward.db'), isolation_level=None, timeout=60)
        self.addCleanup(locker.close)
        locker.execute('BEGIN IMMEDIATE')
        self.assertEqual(self.socketmap().ask('recipient', self.ant), f'OK {self.ant}')
        self.assertRegex(self.policy().ask(self.ant, 'banned@example.org'), '^550 ')
        self.assertEqual(self.readsocket(f'RCPT {self.ant} {MEMBER}\n'), 'ok')
        locker.execute('ROLLBACK')


class Damaged(Answers):
    """The database is gone bad while the server runs: what is ours is asked again later, what is not does not wait."""

    def test_temporary(self):
        asked = self.socketmap()
        self.assertEqual(asked.ask('recipient', self.ant), f'OK {self.ant}')
        path = os.path.join(self.daemon.state, 'listward.db')
        with open(path, 'r+b') as file:
            file.write(b'\xaa' * os.path.getsize(path))
        for name in '-wal', '-shm':
            if os.path.exists(path + name):
                with open(path + name, 'r+b') as file:
                    file.write(b'\xaa' * os.path.getsize(path + name))
        self.assertRegex(asked.ask('recipient', self.ant), TEMP)
        self.assertRegex(asked.ask('access', self.ant), TEMP)
        self.assertRegex(asked.ask('listchk', f'127.0.0.2,{MEMBER},{self.ant}'), TEMP)
        self.assertEqual(asked.ask('recipient', 'root@elsewhere.example'), 'NOTFOUND ')
        self.assertEqual(asked.ask('domain', 'elsewhere.example'), 'NOTFOUND ')
        self.assertRegex(self.policy().ask(self.ant, MEMBER), TROUBLE)
        self.assertEqual(self.policy().ask('root@elsewhere.example', MEMBER), 'DUNNO')
        self.assertRegex(self.readsocket(f'RCPT {self.ant} {MEMBER}\n'), r'^defer 451 4\.3\.0 ')
        self.assertRegex(self.readsocket(with_message(f'DATA {MEMBER} 0 {self.ant}', message())), r'^defer 451 4\.3\.0 ')


class Stop(Answers):
    def test_sessions_end(self):
        """Idle ones at once, without a word."""
        clients = [self.socketmap(), self.policy(), self.opened(Client(self.port('readsocket'), greeting=False))]
        clients[0].ask('recipient', self.ant)
        clients[1].ask(self.ant)
        self.daemon.stop()
        self.assertTrue(all(client.at_end() for client in clients))
        self.daemon.start()


class Unix(Served):
    def test_unix_sockets(self):
        paths = {service: os.path.join(self.daemon.scratch, service) for service in ('policy', 'socketmap', 'readsocket')}
        self.daemon.configure({service: {'listen': path} for service, path in paths.items()})
        self.daemon.restart()
        ant = self.create('ant')
        with SocketMap(paths['socketmap']) as asked:
            self.assertEqual(asked.ask('recipient', ant), f'OK {ant}')
        with Policy(paths['policy']) as asked:
            self.assertEqual(asked.ask(ant), 'DUNNO')
        self.assertEqual(readsocket(paths['readsocket'], f'RCPT {ant}\n'), 'ok')


class Crowd(Outlives):
    """More connections than are allowed, and slow ones: the oldest make room, who behaves well is answered."""
    CONFIG = listening()
    sessions = 1000

    @classmethod
    def setUpClass(cls):
        descriptors(3000)
        super().setUpClass()

    def port(self, service):
        return int(self.CONFIG[service]['listen'].rsplit(':', 1)[1])

    def crowd(self, service, octets, count=600):
        crowd = [socket.create_connection(('127.0.0.1', self.port(service)), 30) for _ in range(count)]
        self.addCleanup(lambda: [one.close() for one in crowd])
        for one in crowd:
            one.send(octets)
        return crowd

    def answered(self):
        def asked():
            with SocketMap(self.port('socketmap')) as client:
                try:
                    return client.ask('recipient', LIST) == f'OK {LIST}'
                except ConnectionResetError:
                    return False
        self.daemon.wait_for(asked, what='an answer meanwhile')

    def test_half_a_request(self):
        for service, octets in (('socketmap', b'20:recip'), ('policy', b'request=smtpd_acc'), ('readsocket', b'RCPT ant@li')):
            with self.subTest(service):
                self.crowd(service, octets)
                self.answered()

    def test_nothing_sent(self):
        for service in self.CONFIG:
            with self.subTest(service):
                self.crowd(service, b'')
                self.answered()

    def test_five_hundred_are_answered(self):
        clients = [SocketMap(self.port('socketmap')) for _ in range(400)]
        self.addCleanup(lambda: [client.close() for client in clients])
        for client in clients:
            client.send(netstring(f'recipient {LIST}'))
        self.assertEqual({client.answer() for client in clients}, {f'OK {LIST}'})

    def test_huge(self):
        """What never ends is not read for ever, nor kept."""
        for service, octets in (('socketmap', b'9' * 65536), ('policy', b'a=b\n' * 16384), ('readsocket', b'DATA <> 0 ' + b'ant@lists.example.com,' * 3000)):
            with self.subTest(service):
                client = Client(self.port(service), greeting=False)
                self.addCleanup(client.close)
                try:
                    for _ in range(200):
                        client.send(octets)
                except OSError:
                    pass
        self.answered()

    def test_idle_costs_nothing(self):
        for service in self.CONFIG:
            self.crowd(service, b'', 50)
        self.answered()
        before = cpu_seconds(self.daemon)
        self.answered()
        self.assertLess(cpu_seconds(self.daemon) - before, 1)
