"""The LMTP dialogue over real sockets: greeting, order of commands, recipients, sizes, one reply for each recipient."""
import os
import resource
import smtplib
import socket
import sqlite3

from lib import ports
from lib.lmtp import Client, stuff
from lib.posting import DISCARDED, DOMAIN, MEMBER, STRANGER, UNKNOWN, Served, accepted, code, held, message, taken

KEYWORDS = {'PIPELINING': '', '8BITMIME': '', 'SMTPUTF8': '', 'SIZE': str(25 << 20), 'ENHANCEDSTATUSCODES': '', 'CHUNKING': '', 'DSN': '',
            'XFORWARD': 'NAME ADDR PORT PROTO HELO IDENT SOURCE'}


class Lmtp(Served):
    @classmethod
    def prepare(cls):
        cls.v6 = ports.free_port()
        cls.daemon.configure({'lmtp': {'listen': f'127.0.0.1:{cls.daemon.port}, [::1]:{cls.v6}, {cls.daemon.socket}'}})

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')

    def expect(self, client, line, pattern):
        self.assertRegex(str(client.command(line)), pattern)


class Sockets(Lmtp):
    def test_every_socket_greets_and_announces_the_same(self):
        for where in (self.daemon.port, ('::1', self.v6), self.daemon.socket):
            with self.subTest(where=where), Client(where) as client:
                self.assertEqual(str(client.greeting), '220 lists.example.com LMTP Listward')
                self.assertEqual(client.lhlo(), KEYWORDS)
                self.assertRegex(str(client.deliver(MEMBER, [self.ant], message())[0]), accepted(self.ant))
                self.assertEqual(str(client.command('QUIT')), '221 2.0.0 bye')
                self.assertTrue(client.at_end())

    def test_smtplib_is_served(self):
        for where in ((self.daemon.socket, 0), ('127.0.0.1', self.daemon.port)):
            with self.subTest(where=where), smtplib.LMTP(*where) as lmtp:
                self.assertEqual(lmtp.sendmail(MEMBER, [self.ant], message()), {})
                refused = lmtp.sendmail(MEMBER, [self.ant, f'nosuch@{DOMAIN}'], message())
                self.assertEqual(refused, {f'nosuch@{DOMAIN}': (550, b'5.1.1 no list here by that name')})
                self.assertEqual(lmtp.verify(self.ant)[0], 252)
                self.assertEqual(lmtp.noop()[0], 250)

    def test_a_stale_unix_socket_is_replaced(self):
        self.daemon.kill()
        self.daemon.start()
        self.assertRegex(self.post(self.ant, where=self.daemon.socket), accepted(self.ant))

    def test_many_sessions_at_once(self):
        clients = [Client(where) for where in (self.daemon.port, self.daemon.socket) for _ in range(20)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(f'LHLO x\r\nMAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nDATA\r\n')
        for client in clients:
            self.assertEqual(client.codes(4), [250, 250, 250, 354])
        for client in clients:
            client.send(message() + b'.\r\n')
        for client in clients:
            self.assertRegex(str(client.reply()), accepted(self.ant))


class Commands(Lmtp):
    def test_commands_without_a_transaction(self):
        client = self.client()
        for line, pattern in (('NOOP', r'^250 2\.0\.0 ok$'), ('noop what ever', r'^250 2\.0\.0 '), ('RSET', r'^250 2\.0\.0 ok$'),
                              ('VRFY ant', r'^252 2\.5\.0 '), ('HELP', r'^214 2\.0\.0 LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT XFORWARD$'),
                              ('help mail', r'^214 '), ('EXPN ant', r'^500 5\.5\.2 '), ('EHLO x', r'^500 5\.5\.2 .*LHLO'), ('HELO x', r'^500 5\.5\.2 .*LHLO'),
                              ('', r'^500 5\.5\.2 '), ('DATA now', r'^501 5\.5\.4 '), ('LHLO', r'^501 5\.5\.4 '), ('MAIL', r'^501 5\.5\.4 '), ('QUIT', r'^221 2\.0\.0 bye$')):
            with self.subTest(line=line):
                self.expect(client, line, pattern)
        self.assertTrue(client.at_end())

    def test_a_mail_command_before_lhlo(self):
        with Client(self.daemon.port) as client:
            for line in (f'MAIL FROM:<{MEMBER}>', f'RCPT TO:<{self.ant}>', 'DATA', 'XFORWARD NAME=x'):
                self.expect(client, line, r'^503 5\.5\.1 ')
            self.assertEqual(client.lhlo(), KEYWORDS)

    def test_syntax_of_paths_and_parameters(self):
        client = self.client()
        for line, pattern in ((f'MAIL FROM:{MEMBER}', r'^501 5\.5\.4 '), ('MAIL FROM:<a b@c>', r'^501 5\.1\.7 '), ('MAIL FROM:<x@y..z>', r'^501 5\.1\.7 '),
                              (f'MAIL FROM:<{MEMBER}> SIZE=x', r'^501 5\.5\.4 '), (f'MAIL FROM:<{MEMBER}> BODY=9BIT', r'^501 5\.5\.4 '),
                              (f'MAIL TO:<{MEMBER}>', r'^501 5\.5\.4 '), ('MAIL FROM:<grün@example.net>', r'^553 5\.6\.7 '),
                              (f'MAIL FROM: <{MEMBER}> SIZE=10 BODY=7BIT RET=HDRS ENVID=x X-NEW=1 SMTPUTF8', r'^250 2\.1\.0 '),
                              (f'RCPT TO:{self.ant}', r'^501 5\.5\.4 '), ('RCPT TO:<ant>', r'^501 5\.1\.3 '), ('RCPT TO:<>', r'^501 5\.1\.3 '),
                              (f'RCPT TO:<{self.ant}> ORCPT=rfc822;x@y NOTIFY=FAILURE,DELAY X-NEW', r'^250 2\.1\.5 ')):
            with self.subTest(line=line):
                self.expect(client, line, pattern)

    def test_long_lines_and_nul(self):
        client = self.client()
        self.expect(client, 'NOOP ' + 'x' * 993, r'^250 ')
        self.expect(client, 'NOOP ' + 'x' * 994, r'^500 5\.5\.2 line too long$')
        self.expect(client, 'NOOP', r'^250 ')
        self.expect(client, b'NOOP \0', r'^500 5\.5\.2 ')

    def test_too_many_errors_end_the_session(self):
        client = self.client()
        replies = []
        while not replies or replies[-1].code == 500:
            replies.append(client.command('WHAT'))
        self.assertRegex(str(replies[-1]), r'^421 4\.7\.0 too many errors; closing$')
        self.assertTrue(client.at_end())
        self.assertLessEqual(len(replies), 50)

    def test_what_a_stranger_wrote_is_escaped(self):
        client = self.client()
        self.assertRegex(str(client.command('\x1b[2J\u2028'.encode() + b'\xff')), r'^500 5\.5\.2 unknown command: "[ -~]*"$')

    def test_xforward_is_kept_with_the_posting(self):
        client = self.client()
        self.expect(client, 'XFORWARD NAME=mail.example.net ADDR=192.0.2.1 PORT=[UNAVAILABLE]', r'^250 ')
        self.expect(client, 'xforward PROTO=ESMTP HELO=a+3Db IDENT=4711 SOURCE=REMOTE', r'^250 ')
        client.deliver(MEMBER, [self.ant], message(subject='forwarded'))
        self.assertEqual(self.rows("SELECT xforward, peer FROM posting WHERE subject = 'forwarded'"),
                         [('{"NAME":"mail.example.net","ADDR":"192.0.2.1","PROTO":"ESMTP","HELO":"a=b","IDENT":"4711","SOURCE":"REMOTE"}', 'mta.example.org')])
        client.deliver(MEMBER, [self.ant], message(subject='not forwarded'))
        self.assertEqual(self.rows("SELECT xforward FROM posting WHERE subject = 'not forwarded'"), [('',)])
        self.expect(client, 'XFORWARD COLOUR=red', r'^250 ')
        self.expect(client, 'XFORWARD COLOUR', r'^501 5\.5\.4 ')
        self.expect(client, f'MAIL FROM:<{MEMBER}>', r'^250 ')
        self.expect(client, 'XFORWARD SOURCE=LOCAL', r'^503 5\.5\.1 ')


class Order(Lmtp):
    """Which command may follow which (what MTAs do was measured)."""

    def test_one_reply_for_each_accepted_recipient_in_their_order(self):
        """Rule 2: accepted ones only; 250 and 5xx mix freely."""
        open_, slow, closed, shut = (self.create(name, f'default_nonmember_action={action}') for name, action in
                                     (('open', 'accept'), ('slow', 'hold'), ('closed', 'reject'), ('shut', 'discard')))
        self.daemon.run('set', closed, 'max_message_size=1')
        to = [shut, f'nosuch@{DOMAIN}', open_, closed, f'open-bounces+x@{DOMAIN}', slow, 'other@example.net', f'open+more@{DOMAIN}']
        replies = self.post(to, message(STRANGER, body='x' * 2000), sender=STRANGER)
        for address, reply, pattern in zip(to, replies, (DISCARDED, UNKNOWN, accepted(open_), r'^552 5\.3\.4 the message is too large: closed@.* takes up to 1 KiB, this has 3$',
                                                         taken(to[4]), held(slow, 'you are not a member of slow@lists.example.com'), UNKNOWN, accepted(open_))):
            with self.subTest(address=address):
                self.assertRegex(reply, pattern)

    def test_the_same_list_twice_is_posted_once(self):
        twice = self.create('twice')
        replies = self.post([twice, 'TWICE@lists.EXAMPLE.com', f'twice+x@{DOMAIN}', f'"twice"@{DOMAIN}'])
        for reply in replies:
            self.assertRegex(reply, accepted(twice))
        self.assertEqual(len({code(reply) for reply in replies}), 1)
        self.copy_of(replies[0])
        self.assertEqual(self.rows('SELECT count(*) FROM posting WHERE code = ?', code(replies[0])), [(1,)])
        self.assertEqual(self.rows("SELECT next_number FROM list WHERE local = 'twice'"), [(2,)])

    def test_no_421_after_the_dot(self):
        """Rule 3, where something is wrong with the message as a whole: every recipient hears of it, none with 421."""
        client = self.client()
        replies = client.deliver(MEMBER, [self.ant, f'ant-owner@{DOMAIN}'], message(body='x' * ((1 << 20) + 1)))
        self.assertEqual([str(reply)[:9] for reply in replies], ['550 5.6.0', '550 5.6.0'])
        self.expect(client, 'NOOP', '^250 ')

    def test_no_5xx_to_the_greeting_or_lhlo(self):
        """Rule 4: whatever a client calls itself."""
        for name in ('x', 'ä.example', '[127.0.0.1]', '-', 'a b c', 'x' * 900):
            with self.subTest(name=name), Client(self.daemon.port) as client:
                self.assertEqual(client.greeting.code, 220)
                self.assertEqual(client.command(f'LHLO {name}').code, 250)

    def test_after_a_refused_mail_everything_is_503(self):
        """Rule 5: nothing is posted of what was pipelined behind it."""
        client = self.client()
        client.send(f'MAIL FROM:<{MEMBER}> SIZE=99999999\r\nRCPT TO:<{self.ant}>\r\nDATA\r\nNOOP\r\n')
        self.assertEqual(client.codes(4), [552, 503, 503, 250])

    def test_bdat_after_a_refused_mail_is_swallowed(self):
        """Rule 5: one 503 for the chunk, whose octets are no commands."""
        client = self.client()
        octets = b'NOOP\r\n' * 20000
        client.send(f'MAIL FROM:<{MEMBER}> SIZE=99999999\r\nRCPT TO:<{self.ant}>\r\nBDAT {len(octets)} LAST\r\n'.encode() + octets + b'NOOP\r\n')
        self.assertEqual(client.codes(4), [552, 503, 503, 250])

    def test_no_accepted_recipient(self):
        """Rule 5: DATA and BDAT are 503, and so is an empty message."""
        client = self.client()
        client.send(f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<nosuch@{DOMAIN}>\r\nDATA\r\nBDAT 5 LAST\r\nQUIT\nRSET\r\n')
        self.assertEqual(client.codes(5), [250, 550, 503, 503, 250])
        self.expect(client, 'DATA', r'^503 5\.5\.1 ')

    def test_mail_inside_a_transaction(self):
        client = self.client()
        client.send(f'MAIL FROM:<{MEMBER}>\r\nMAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nRSET\r\nRCPT TO:<{self.ant}>\r\nDATA\r\n')
        self.assertEqual(client.codes(6), [250, 503, 250, 250, 503, 503])

    def test_lhlo_again_forgets_the_transaction(self):
        client = self.client()
        client.envelope(MEMBER, [self.ant])
        self.assertEqual(client.lhlo(), KEYWORDS)
        self.expect(client, 'DATA', r'^503 5\.5\.1 ')

    def test_first_line_says_everything(self):
        """Rule 6: no verdict has a second line."""
        for reply in self.post([self.ant, f'nosuch@{DOMAIN}', f'ant-owner@{DOMAIN}']):
            self.assertNotIn('\n', reply)

    def test_commands_and_addresses_in_any_case(self):
        """Rule 8."""
        client = self.client()
        client.send('mail From:<BAT@Example.NET>\r\nrcpt To:<ANT@Lists.Example.Com>\r\nData\r\n')
        self.assertEqual(client.codes(3), [250, 250, 354])
        client.send(message() + b'.\r\nrset\r\nquit\r\n')
        self.assertRegex(str(client.reply()), accepted(self.ant))
        self.assertEqual(client.codes(2), [250, 221])

    def test_quit_in_the_segment_of_the_dot(self):
        """Rule 9: the reply comes, then 221, then the end."""
        client = self.client()
        client.send(f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nDATA\r\n')
        self.assertEqual(client.codes(3), [250, 250, 354])
        client.send(message() + b'.\r\nQUIT\r\n')
        self.assertRegex(str(client.reply()), accepted(self.ant))
        self.assertEqual(client.reply().code, 221)
        self.assertTrue(client.at_end())

    def test_a_client_that_has_said_all(self):
        """Everything in one flight, then the end of its octets: every reply still comes."""
        with Client(self.daemon.port) as client:
            client.send(f'LHLO x\r\nMAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nDATA\r\n'.encode() + message() + b'.\r\nQUIT\r\n')
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.codes(6), [250, 250, 250, 354, 250, 221])
            self.assertTrue(client.at_end())

    def test_a_session_goes_on_with_rset_or_mail(self):
        """Rule 9."""
        client = self.client()
        for _ in range(2):
            self.assertRegex(str(client.deliver(MEMBER, [self.ant], message())[0]), accepted(self.ant))
        self.expect(client, 'RSET', '^250 ')
        self.assertRegex(str(client.deliver(MEMBER, [self.ant], message())[0]), accepted(self.ant))

    def test_a_connection_that_ends_without_quit(self):
        """Rule 9, and nothing of half a message is kept (rule 7 does the rest)."""
        before = self.rows('SELECT count(*) FROM posting')
        for end in (Client.close, Client.reset):
            since = len(self.daemon.lines)
            client = self.client()
            client.envelope(MEMBER, [self.ant])
            client.command('DATA')
            client.send(b'From: x\r\n\r\nhalf')
            end(client)
            self.daemon.wait_log(since, event='connection lost inside a message')
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), before)


class Recipients(Lmtp):
    def test_a_thousand_and_one(self):
        client = self.client()
        client.send(f'MAIL FROM:<{MEMBER}>\r\n' + ''.join(f'RCPT TO:<ant+{at}@{DOMAIN}>\r\n' for at in range(1001)) + 'DATA\r\n')
        replies = client.replies(1003)
        self.assertEqual({reply.code for reply in replies[:1001]}, {250})
        self.assertEqual(str(replies[1001]), '452 4.5.3 too many recipients in one transaction')
        self.assertEqual(replies[1002].code, 354)
        client.send(message() + b'.\r\n')
        texts = {str(reply) for reply in client.replies(1000)}
        self.assertEqual(len(texts), 1)
        self.assertRegex(texts.pop(), accepted(self.ant))

    def test_a_thousand_different_ones(self):
        """Each is kept as a job of its own, in slices that leave others their turn."""
        client = self.client()
        client.send('MAIL FROM:<>\r\n' + ''.join(f'RCPT TO:<ant-bounces+{at}@{DOMAIN}>\r\n' for at in range(1000)) + 'DATA\r\n')
        self.assertEqual(client.codes(1002), [250] * 1001 + [354])
        client.send(message(subject='a thousand') + b'.\r\n')
        replies = client.replies(1000)
        for at, reply in enumerate(replies):
            self.assertRegex(str(reply), taken(f'ant-bounces+{at}@{DOMAIN}'))
        self.assertEqual(len({code(reply) for reply in replies}), 1000)
        self.assertEqual(self.rows("SELECT count(*), count(DISTINCT message_id) FROM posting WHERE subject = 'a thousand'"), [(1000, 1)])

    def test_a_list_that_goes_between_rcpt_and_the_dot(self):
        gone = self.create('gone')
        client = self.client()
        client.envelope(MEMBER, [gone, self.ant])
        self.assertEqual(client.command('DATA').code, 354)
        self.daemon.run('remove', gone)
        client.send(message() + b'.\r\n')
        self.assertRegex(str(client.reply()), UNKNOWN)
        self.assertRegex(str(client.reply()), accepted(self.ant))

    def test_probe(self):
        """Rule 12: the answer at RCPT depends on the recipient alone."""
        self.daemon.run('ban', 'banned@example.org', self.ant)
        client = self.client()
        for sender in ('', 'banned@example.org', STRANGER, MEMBER, 'double-bounce@mta.example.org'):
            client.send(f'MAIL FROM:<{sender}> SIZE=236\r\nRCPT TO:<{self.ant}>\r\nRCPT TO:<nosuch@{DOMAIN}>\r\nRSET\r\n')
            self.assertEqual(client.codes(4), [250, 250, 550, 250], sender)


class Size(Lmtp):
    """Rule 11: refused at MAIL by the server's limit, at RCPT by the list's, after the dot by what came."""
    LIMIT = 64 << 10
    config = {'limits': {'max_message_size': LIMIT}}

    @classmethod
    def furnish(cls):
        super().furnish()
        cls.small = cls.create('small', 'max_message_size=2')

    def exactly(self, size, line=b'.x\r\n'):
        """A message of so many octets, most of whose lines begin with a dot."""
        head = message(body='')
        body = line * ((size - len(head)) // len(line))
        return head + body[:-2] + b'-' * (size - len(head) - len(body)) + b'\r\n'

    def test_announced(self):
        with Client(self.daemon.port) as client:
            self.assertEqual(client.lhlo()['SIZE'], str(self.LIMIT))

    def test_at_mail(self):
        client = self.client()
        for size, pattern in ((self.LIMIT, '^250 '), (self.LIMIT + 1, r'^552 5\.3\.4 the message is too large: the limit is 65536 octets$'),
                              (10**30, r'^552 5\.3\.4 ')):
            self.expect(client, f'MAIL FROM:<{MEMBER}> SIZE={size}', pattern)
            client.command('RSET')

    def test_at_rcpt(self):
        client = self.client()
        for size, pattern in ((2048 + 8192, '^250 '), (2048 + 8193, r'^552 5\.3\.4 the message is too large: small@lists\.example\.com takes up to 2 KiB$')):
            client.command(f'MAIL FROM:<{MEMBER}> SIZE={size}')
            self.expect(client, f'RCPT TO:<{self.small}>', pattern)
            self.expect(client, f'RCPT TO:<{self.ant}>', '^250 ')
            self.expect(client, f'RCPT TO:<small-owner@{DOMAIN}>', '^250 ')
            client.command('RSET')

    def test_after_the_dot_by_the_list(self):
        for size, pattern in ((2048, accepted(self.small)), (2049, r'^552 5\.3\.4 the message is too large: small@\S+ takes up to 2 KiB, this has 3$')):
            octets = self.exactly(size)
            self.assertEqual(len(octets), size)
            self.assertGreater(len(stuff(octets)), 2049)
            small, ant = self.post([self.small, self.ant], octets, mail=' SIZE=100')
            self.assertRegex(small, pattern)
            self.assertRegex(ant, accepted(self.ant))

    def test_after_the_dot_by_the_server(self):
        client = self.client()
        for size, pattern in ((self.LIMIT, accepted(self.ant)), (self.LIMIT + 1, r'^552 5\.3\.4 the message is too large: the limit is 65536 octets$')):
            replies = client.deliver(MEMBER, [self.ant, self.ant], self.exactly(size))
            for reply in replies:
                self.assertRegex(str(reply), pattern)
        self.expect(client, 'NOOP', '^250 ')

    def test_in_chunks(self):
        client = self.client()
        client.envelope(MEMBER, [self.ant, self.small])
        client.send(b'BDAT 65000\r\n' + b'x' * 65000 + b'BDAT 600\r\n' + b'x' * 600 + b'BDAT 2 LAST\r\n\r\nNOOP\r\n')
        replies = client.replies(4)
        self.assertEqual([reply.code for reply in replies], [250, 552, 503, 250])

    def test_a_list_that_holds_what_is_too_large(self):
        self.daemon.run('set', self.small, 'max_size_action=hold')
        self.addCleanup(self.daemon.run, 'set', self.small, 'max_size_action=reject')
        self.assertRegex(self.post(self.small, self.exactly(20000), mail=' SIZE=20000'), held(self.small, 'small@lists.example.com takes up to 2 KiB, this has 20'))


class Trouble(Lmtp):
    """Rule 14: a failure inside is never a 5xx."""

    def test_the_database_cannot_grow(self):
        """451 4.3.0 or 452 4.3.1, nothing kept, and all is well when it can grow again."""
        before = self.rows('SELECT count(*) FROM posting')
        pid = self.daemon.process.pid
        unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
        try:
            for size in (100, 70000, 2000000):
                for reply in self.post([self.ant, f'ant-owner@{DOMAIN}'], message(body='x' * 70 + '\n') + b'x' * size):
                    self.assertRegex(reply, r'^45[12] 4\.3\.[01] .*nothing was kept; please try again$')
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), before)
        self.assertRegex(self.post(self.ant), accepted(self.ant))

    def test_another_process_writes(self):
        """The server waits for it and then answers; RCPT needs no writing."""
        other = sqlite3.connect(os.path.join(self.daemon.state, 'listward.db'), isolation_level=None)
        self.addCleanup(other.close)
        other.execute('BEGIN IMMEDIATE')
        client = self.client()
        self.assertEqual([reply.code for reply in client.envelope(MEMBER, [self.ant])], [250, 250])
        client.command('DATA')
        client.send(message() + b'.\r\n')
        client.socket.settimeout(0.5)
        self.assertRaises(TimeoutError, client.fill)
        client.socket.settimeout(30)
        other.execute('COMMIT')
        self.assertRegex(str(client.reply()), accepted(self.ant))


class Memory(Lmtp):
    FULL = r'^452 4\.3\.1 no room for the message now, nothing was kept; please try again$'
    config = {'limits': {'max_memory': '1M'}}

    def test_no_room(self):
        """For a message that says its size before it comes, for others as they come."""
        client = self.client()
        client.envelope(MEMBER, [self.ant], mail=' SIZE=2000000')
        self.expect(client, 'DATA', self.FULL)
        large = (b'x' * 78 + b'\r\n') * 25000
        for reply in client.deliver(MEMBER, [self.ant, self.ant], message() + large):
            self.assertRegex(str(reply), self.FULL)
        client.envelope(MEMBER, [self.ant])
        client.send(b'BDAT %d LAST\r\n' % len(large) + large)
        self.assertRegex(str(client.reply()), self.FULL)
        self.assertRegex(str(client.deliver(MEMBER, [self.ant], message(body='x' * 500000))[0]), accepted(self.ant))

    def test_it_is_given_back(self):
        """Whatever becomes of the message."""
        half = b'x' * 600000
        for _ in range(5):
            client = self.client()
            client.envelope(MEMBER, [self.ant])
            client.send(b'BDAT %d\r\n' % len(half) + half)
            self.assertEqual(client.reply().code, 250)
            client.command('RSET')
            self.assertRegex(str(client.deliver(MEMBER, [self.ant], message() + half)[0]), accepted(self.ant))
            client.close()
