"""The milter service, as an MTA meets it: one verdict in front of its queue, obeyed by the delivery over LMTP that follows."""
import resource
import struct

from lib import ports
from lib.daemon import Daemon
from lib.hostile import LIST, Outlives, descriptors, try_to_post
from lib.milter import Milter, packet, texts
from lib.posting import DISCARDED, DOMAIN, MEMBER, STRANGER, Served, accepted, held, message

OTHER = 'somebody@elsewhere.example'
NOT_A_MEMBER = r'^550 5\.7\.1 you are not a member of '


class Milters(Served):
    port = ports.free_port()
    config = {'milter': {'listen': f'127.0.0.1:{port}'}}

    def milter(self, **options):
        milter = Milter(self.port, **options)
        self.addCleanup(milter.close)
        return milter

    def judge(self, recipients, octets=None, sender=MEMBER, **options):
        recipients = [recipients] if isinstance(recipients, str) else recipients
        return self.milter(**options).post(sender, recipients, message(sender) if octets is None else octets)


class Verdicts(Milters):
    @classmethod
    def furnish(cls):
        cls.fine = cls.create('fine')
        cls.closed = cls.create('closed')
        cls.moderated = cls.create('moderated', 'default_nonmember_action=hold')
        cls.black = cls.create('black', 'default_nonmember_action=discard')

    def test_accepted(self):
        octets = message()
        self.assertEqual(self.judge(self.fine, octets), ('a', '', [], 'E'))
        self.assertRegex(self.post(self.fine, octets), accepted(self.fine))

    def test_nothing_is_kept_before_the_delivery(self):
        before = self.rows('SELECT count(*) FROM message')
        self.judge(self.fine)
        self.assertEqual(self.rows('SELECT count(*) FROM message'), before)

    def test_held(self):
        octets = message(STRANGER)
        self.assertEqual(self.judge(self.moderated, octets, STRANGER).answer, 'a')
        self.assertEqual(self.held_ids(self.moderated), [])
        self.assertRegex(self.post(self.moderated, octets, STRANGER), held(self.moderated))
        self.assertEqual(len(self.held_ids(self.moderated)), 1)

    def test_refused(self):
        """Without [lmtp] unproven = refuse: in front of the queue a refusal is one. Nothing is held."""
        verdict = self.judge(self.closed, sender=STRANGER)
        self.assertEqual((verdict.answer, verdict.at), ('y', 'E'))
        self.assertRegex(verdict.text, NOT_A_MEMBER)
        self.assertEqual(self.held_ids(self.closed), [])

    def test_discarded(self):
        self.assertEqual(self.judge(self.black, sender=STRANGER), ('d', '', [], 'E'))

    def test_several_all_refused(self):
        verdict = self.judge([self.closed, self.create('closed-too')], sender=STRANGER)
        self.assertEqual(verdict.answer, 'y')
        self.assertRegex(verdict.text, NOT_A_MEMBER + self.closed)

    def test_several_with_different_fates(self):
        """The message passes, and is discarded where it is to be. Who could not be told of a refusal is treated by the delivery as [lmtp] unproven says."""
        octets = message(STRANGER)
        lists = [self.moderated, self.black, self.closed]
        self.assertEqual(self.judge(lists, octets, STRANGER), ('a', '', [f'<{self.black}>'], 'E'))
        replies = self.post(lists, octets, STRANGER)
        self.assertRegex(replies[0], held(self.moderated))
        self.assertRegex(replies[1], DISCARDED)
        self.assertRegex(replies[2], held(self.closed))

    def test_refused_with_other_recipients(self):
        """The others get it. The author was told nothing, so what the delivery does is its own business."""
        octets = message(STRANGER)
        self.assertEqual(self.judge([self.closed, OTHER], octets, STRANGER), ('a', '', [], 'E'))
        self.assertRegex(self.post(self.closed, octets, STRANGER), held(self.closed))

    def test_discarded_with_other_recipients(self):
        self.assertEqual(self.judge([OTHER, self.black], sender=STRANGER), ('a', '', [f'<{self.black}>'], 'E'))

    def test_others_only(self):
        """Nothing of the message is asked for."""
        self.assertEqual(self.judge([OTHER, f'nobody@{DOMAIN}']), ('a', '', [], 'T'))

    def test_unknown_beside_a_list(self):
        self.assertEqual(self.judge([f'nobody@{DOMAIN}', self.closed], sender=STRANGER), ('a', '', [], 'E'))

    def test_role_addresses(self):
        for role in 'owner', 'request', 'join', 'bounces':
            self.assertEqual(self.judge(self.fine.replace('@', f'-{role}@'), sender=STRANGER).answer, 'a', role)

    def test_null_sender(self):
        verdict = self.judge(self.fine.replace('@', '-bounces@'), message('MAILER-DAEMON@example.net'), sender='')
        self.assertEqual(verdict.answer, 'a')

    def test_banned_sender_is_refused_at_rcpt(self):
        self.daemon.run('ban', 'mallory@example.org', self.fine)
        verdict = self.judge(self.fine, sender='mallory@example.org')
        self.assertEqual((verdict.answer, verdict.at), ('y', 'R'))
        self.assertRegex(verdict.text, r'^550 5\.7\.1 ')

    def test_one_connection_for_many(self):
        milter = self.milter()
        for _ in range(20):
            self.assertEqual(milter.post(MEMBER, [self.fine], message()).answer, 'a')
            self.assertEqual(milter.post(STRANGER, [self.closed], message(STRANGER)).answer, 'y')
            self.assertEqual(milter.post(STRANGER, [OTHER], message(STRANGER)).at, 'T')

    def test_aborted(self):
        milter = self.milter()
        for stop in range(5):
            milter.mail(MEMBER)
            milter.rcpt(self.fine)
            if stop > 0:
                milter.data()
            for part in list(milter.parts(message()))[:stop]:
                milter.tell(*part)
            milter.tell('A')
        self.assertEqual(milter.post(MEMBER, [self.fine], message()).answer, 'a')

    def test_versions(self):
        for version in 2, 3, 4, 6:
            octets = message(subject='folded\n over lines \n\tand more')
            self.assertEqual(self.judge(self.fine, octets, version=version).answer, 'a', version)
            self.assertEqual(self.judge(self.closed, sender=STRANGER, version=version).answer, 'y', version)
            self.assertEqual(self.judge(OTHER, version=version), ('a', '', [], {2: 'L', 3: 'B'}.get(version, 'T')))
            self.assertRegex(self.post(self.fine, octets), accepted(self.fine))

    def test_8_bit_and_smtputf8(self):
        verdict = self.milter().post('b\u00e4t@example.net', [self.fine], message('b\u00e4t@example.net', subject='gr\u00fc\u00df dich'), 'SMTPUTF8', 'BODY=8BITMIME')
        self.assertEqual(verdict.answer, 'y')


class Sizes(Milters):
    config = {'milter': Milters.config['milter'], 'limits': {'max_message_size': '64K'}}

    @classmethod
    def furnish(cls):
        cls.list = cls.create('ant', 'max_message_size=20K')

    def test_as_stated(self):
        for size in 100000, 50000:  # over the server's, over the list's
            milter = self.milter()
            milter.mail(MEMBER, f'SIZE={size}')
            self.assertRegex(milter.rcpt(self.list).text, r'^552 5\.3\.4 ')
            self.assertEqual(milter.rcpt(OTHER).answer, 'c')

    def test_as_counted(self):
        for size in 100000, 50000:
            verdict = self.judge(self.list, message(body='0123456\n' * (size // 8)))
            self.assertEqual(verdict.at, 'E')
            self.assertRegex(verdict.text, r'^552 5\.3\.4 ')

    def test_others_are_not_limited(self):
        self.assertEqual(self.judge([self.list, OTHER], message(body='0123456\n' * 20000)).answer, 'a')


class Trouble(Milters):
    def test_the_database_cannot_grow(self):
        """A verdict that is not remembered is not given; mail for others is none of the database's business."""
        address, black = self.create('ant'), self.create('black', 'default_nonmember_action=discard')
        pid = self.daemon.process.pid
        unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
        try:
            for recipients in [address], [address, black]:
                verdict = self.judge(recipients)
                self.assertEqual(verdict.answer, 'y')
                self.assertRegex(verdict.text, r'^45[12] 4\.3\.[01] ')
            self.assertEqual(self.judge([address, OTHER]).answer, 'a')
            self.assertEqual(self.judge(OTHER), ('a', '', [], 'T'))
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        self.assertEqual(self.judge(address).answer, 'a')


class Hostile(Outlives):
    port = ports.free_port()
    CONFIG = {'milter': {'listen': f'127.0.0.1:{port}'}}
    sessions = 520

    @classmethod
    def setUpClass(cls):
        descriptors(3000)
        super().setUpClass()

    def milter(self, **options):
        milter = Milter(self.port, **options)
        self.addCleanup(milter.close)
        return milter

    def begun(self):
        milter = self.milter()
        milter.mail('bat@example.net')
        milter.rcpt(LIST)
        self.assertEqual(milter.data().answer, 'c')
        return milter

    def test_garbage(self):
        for octets in b'GET / HTTP/1.0\r\n\r\n', b'\0' * 1000, b'\xff' * 1000, packet('Z'), packet('M', b'<a@x>\0'), struct.pack('>I', 1 << 31) + b'O', packet('O', b'\0'):
            milter = self.milter(offer=False)
            milter.send(octets)
            self.assertTrue(milter.at_end(), octets[:20])

    def test_garbage_inside_a_message(self):
        for octets in b'\0\0\0\0E', packet('Z'), struct.pack('>I', 1 << 24) + b'B', packet('T', b'x'):
            milter = self.begun()
            milter.send(octets)
            self.assertTrue(milter.at_end(), octets[:20])

    def test_huge(self):
        """A message without end is dropped as soon as it is too large, and refused in the end."""
        milter = self.begun()
        milter.tell('L', b'Subject\0 huge\0')
        chunk = packet('B', b'0123456789abcd\r\n' * 4000)
        for _ in range(1000):
            milter.send(chunk)
        self.assertRegex(milter.verdict('E').text, '^552 5.3.4 ')

    def test_a_header_without_end(self):
        milter = self.begun()
        field = packet('L', b'X-Filler\0' + b' 0123456789' * 4000 + b'\0')
        for _ in range(100):
            milter.send(field)
        self.assertRegex(milter.verdict('E').text, '^550 5.6.0 ')

    def test_five_hundred(self):
        crowd = [self.begun() for _ in range(400)] + [self.milter() for _ in range(90)]
        for milter in crowd[:400]:
            milter.tell('L', b'From\0 bat@example.net\0')
        self.assertEqual([milter.verdict('E').answer for milter in crowd[:400]], ['a'] * 400)

    def test_octet_by_octet(self):
        milter = self.milter()
        for octet in packet('M', b'<bat@example.net>\0') + packet('R', f'<{LIST}>\0'.encode()):
            milter.send(bytes([octet]))
        self.assertEqual(milter.answer()[0], 'c')

    def test_gone_in_the_middle(self):
        for _ in range(50):
            self.begun().reset()


    def test_more_idle_ones_than_sessions(self):
        """Those idle longest make room: for other services, too."""
        crowd = [self.milter(offer=False) for _ in range(600)]
        self.assertEqual(self.daemon.wait_for(lambda: try_to_post(self.daemon), what='a newcomer was to be let in'), 250)
        self.assertTrue(crowd[0].at_end())
        self.assertEqual(self.milter().post('bat@example.net', [LIST], message()).answer, 'a')


class Slow(Milters):
    config = {'milter': Milters.config['milter'], 'limits': {'command_timeout': '1s', 'data_timeout': '1s'}}

    @classmethod
    def furnish(cls):
        cls.list = cls.create('ant')

    def test_half_a_packet(self):
        milter = self.milter()
        for part in packet('M', texts('<bat@example.net>')), packet('R', texts(f'<{self.list}>')):
            milter.send(part)
        self.assertEqual(milter.answer()[0], 'c')
        self.assertEqual(milter.data().answer, 'c')
        milter.send(packet('B', b'x' * 1000)[:500])
        self.assertTrue(milter.at_end())
        self.daemon.wait_log(event='connection lost inside a message')

    def test_a_client_may_take_its_time(self):
        """An idle connection is closed; not one in a transaction, before the message or between its parts."""
        begun, fed, idle = self.milter(), self.milter(), self.milter()
        for milter in begun, fed:
            milter.mail(MEMBER)
            self.assertEqual(milter.rcpt(self.list).answer, 'c')
            self.assertEqual(milter.data().answer, 'c')
        octets = message()
        fed.tell(*next(iter(fed.parts(octets))))
        self.assertTrue(idle.at_end())
        self.assertEqual(fed.verdict('E').answer, 'a')
        self.assertEqual(begun.verdict('E').answer, 'y')  # no From


class Stopping(Milters):
    def test_a_message_is_finished(self):
        with Daemon(config={'milter': {'listen': f'127.0.0.1:{ports.free_port()}'}}) as daemon:
            daemon.run('create', LIST)
            with Milter(int(daemon.settings['milter']['listen'].rpartition(':')[2]), version=2) as milter:  # which answers each field: then it has begun
                milter.mail(MEMBER)
                milter.rcpt(LIST)
                milter.data()
                self.assertEqual(milter.ask('L', b'From\0 bat@example.net\0')[0], 'c')
                daemon.process.terminate()
                daemon.wait_log(event='stopping')
                self.assertRegex(milter.verdict('E').text, '^(451 4.3.2|550 5.7.1) ')  # it may not have come so far yet
