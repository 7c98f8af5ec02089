"""SMTP in front of the queue: one verdict after the dot, mail for others to the next hop and back with its replies, never an open relay."""
import smtplib

from lib import ports
from lib.lmtp import Client, stuff
from lib.posting import DOMAIN, MEMBER, STRANGER, UNKNOWN, Served, accepted, held, message
from lib.sink import KEYWORDS, Do, Sink

OTHER, ANOTHER = 'cat@users.example.org', 'dog@users.example.org'
AWAY = '451 4.4.0 the next hop cannot be reached now; please try again'
NO_RELAY = '550 5.7.1 mail for that address is not taken here'
TROUBLE = '451 4.3.0 temporary trouble here, nothing was kept; please try again'
LARGE = (b'x' * 998 + b'\r\n') * (12 << 10)
ATTRIBUTES = 'XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE'


class Smtp(Served):
    """`hop`: the next hop."""
    hop_keywords = KEYWORDS + ('DSN', ATTRIBUTES)
    smtp = {}
    limits = {}

    @classmethod
    def prepare(cls):
        cls.hop = Sink(cls.hop_keywords)
        cls.addClassCleanup(cls.hop.stop)
        cls.port = ports.free_port()
        cls.socket = f'{cls.daemon.scratch}/smtp.sock'
        cls.daemon.configure({'smtp': {'listen': f'127.0.0.1:{cls.port}, {cls.socket}', 'next_hop': f'127.0.0.1:{cls.hop.port}', **cls.smtp}, 'limits': cls.limits})

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')
        cls.bee = cls.create('bee', 'default_nonmember_action=hold')

    def setUp(self):
        self.hop.on.clear()
        self.hop.clear()
        self.hop.on['OTHER'] = lambda session, line: '250 2.0.0 ok' if line.startswith('XFORWARD ') else None

    def client(self, where=None, verb='EHLO'):
        client = Client(where or self.port)
        self.addCleanup(client.close)
        client.lhlo(verb=verb)
        return client

    def send(self, recipients, octets=None, sender=MEMBER, client=None, mail='', rcpt=''):
        """The replies to each RCPT and the one after the dot (None: DATA was not gone on with), as text."""
        client = client or self.client()
        first, *answers = client.envelope(sender, recipients, mail, rcpt)
        self.assertEqual(first.code, 250, first)
        go = client.command('DATA')
        if go.code != 354:
            return [str(answer) for answer in answers] + [str(go)]
        client.send(stuff(message(sender) if octets is None else octets) + b'.\r\n')
        return [str(answer) for answer in answers] + [str(client.reply())]

    def reload(self, changes):
        since = len(self.daemon.lines)
        self.daemon.configure(changes)
        self.daemon.reload()
        self.daemon.wait_log(since, event='reloaded')

    def postings(self):
        return self.rows('SELECT count(*) FROM posting')[0][0]

    def until_closed(self):
        """Until no session with the next hop is open."""
        self.daemon.wait_for(lambda: not self.hop.open_sessions, what='the next hop was to be left')

    def commands(self):
        """What the next hop was told last."""
        self.until_closed()
        return self.hop.sessions[-1].commands


class Lists(Smtp):
    """What has nothing to do with a next hop."""

    def test_the_greeting_and_ehlo(self):
        for where in (self.port, self.socket):
            with self.subTest(where=where), Client(where) as client:
                self.assertEqual(str(client.greeting), '220 lists.example.com ESMTP Listward')
                self.assertEqual(client.lhlo(verb='EHLO'), {'PIPELINING': '', '8BITMIME': '', 'SMTPUTF8': '', 'SIZE': str(25 << 20), 'ENHANCEDSTATUSCODES': '',
                                                            'CHUNKING': '', 'DSN': '', 'XFORWARD': 'NAME ADDR PORT PROTO HELO IDENT SOURCE'})
                self.assertEqual(str(client.command('HELO x')), '250 lists.example.com')
                self.assertRegex(str(client.command('LHLO x')), '^500 5.5.2 .*say EHLO')

    def test_smtplib_posts(self):
        with smtplib.SMTP('127.0.0.1', self.port) as smtp:
            self.assertEqual(smtp.sendmail(MEMBER, [self.ant], message()), {})
            self.assertEqual(smtp.sendmail(MEMBER, [self.ant, self.bee], message()), {})
            with self.assertRaises(smtplib.SMTPDataError) as refused:
                smtp.sendmail(STRANGER, [self.ant], message(STRANGER))
            self.assertEqual(refused.exception.smtp_code, 550)
            self.assertIn(b'5.7.1 ', refused.exception.smtp_error)

    def test_a_posting_reaches_the_member(self):
        octets = message(body='..two dots\n.one\n')
        replies = self.send([self.ant], octets)
        self.assertEqual(replies[0], '250 2.1.5 recipient ok')
        self.assertRegex(replies[1], accepted(self.ant))
        copy = self.copy_of(replies[1])
        self.assertEqual(copy.body, b'..two dots\r\n.one\r\n')
        self.assertIn(b' with ESMTP id ', copy.fields('Received')[0])

    def test_a_refusal_is_a_refusal(self):
        """In front of the queue nothing is held for want of proof."""
        before = self.postings()
        self.assertRegex(self.send([self.ant], sender=STRANGER)[-1], r'^550 5\.7\.1 .+')
        self.assertEqual(self.postings(), before)
        self.assertRegex(self.post(self.ant, sender=STRANGER), held(self.ant))

    def test_one_reply_for_several_lists(self):
        *_, reply = self.send([self.ant, self.bee], sender=MEMBER)
        self.assertRegex(reply, rf'^250 2\.6\.0 \w+ accepted for {self.ant}; \w+ (accepted|held) for .*{self.bee}')
        *_, reply = self.send([self.ant, self.bee], sender=STRANGER)
        self.assertRegex(reply, rf'^250 2\.6\.0 \w+ held for the moderators of {self.ant}: .+; \w+ held for the moderators of {self.bee}: ')
        *_, reply = self.send([self.ant, self.ant])
        self.assertRegex(reply, accepted(self.ant))

    def test_chunks_and_pipelining(self):
        octets = message()
        client = self.client()
        for _ in range(2):
            client.send(f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nBDAT {len(octets)} LAST\r\n'.encode() + octets)
        self.assertEqual(client.codes(6), [250] * 6)

    def test_unknown_and_foreign_addresses_go_to_the_next_hop(self):
        self.hop.on['RCPT'] = lambda session, rcpt: '550-5.1.1 nobody\r\n550 5.1.1 of that name' if rcpt.address != OTHER else None
        *answers, reply = self.send([f'nosuch@{DOMAIN}', OTHER, 'nobody@elsewhere.example'])
        self.assertEqual(answers, ['550 5.1.1 nobody\n5.1.1 of that name', '250 2.1.5 ok', '550 5.1.1 nobody\n5.1.1 of that name'])
        self.assertEqual(reply, '250 2.0.0 caught')


class PassedOn(Smtp):
    def test_byte_for_byte(self):
        octets = message(body='.\n..\n.a\n\n' + 'x' * 5000 + '\nend') + b'\r\n.'
        replies = self.send([OTHER, ANOTHER], octets)
        self.assertEqual(replies, ['250 2.1.5 ok', '250 2.1.5 ok', '250 2.0.0 caught'])
        caught, = self.hop.messages
        self.assertEqual((caught.octets, caught.addresses, caught.sender.address), (octets + b'\r\n', [OTHER, ANOTHER], MEMBER))
        self.assertEqual(self.commands()[-1], 'QUIT')

    def test_large_and_eight_bit(self):
        octets = message() + (bytes(range(14, 256)) + b'\r\n') * 9000
        self.assertEqual(self.send([OTHER], octets, mail=f' SIZE={len(octets)} BODY=8BITMIME')[-1], '250 2.0.0 caught')
        self.assertTrue(self.hop.messages[0].octets == octets)
        self.assertEqual(self.hop.messages[0].sender.words, [f'SIZE={len(octets)}', 'BODY=8BITMIME'])

    def test_stray_line_ends_are_blanks(self):
        client = self.client()
        client.envelope(MEMBER, [OTHER])
        self.assertEqual(client.command('DATA').code, 354)
        client.send(b'Subject: s\r\n\r\na\rb\nc\n.\r\nMAIL FROM:<evil@x.example>\r\n.\r\n')
        self.assertEqual(client.reply().code, 250)
        self.assertEqual(self.hop.messages[0].octets, b'Subject: s\r\n\r\na b c .\r\nMAIL FROM:<evil@x.example>\r\n')

    def test_parameters_and_xforward(self):
        client = self.client()
        xforward = 'XFORWARD NAME=mail.outside.example ADDR=192.0.2.1 PORT=25 HELO=a+20b IDENT=[UNAVAILABLE] PROTO=ESMTP SOURCE=REMOTE'
        self.assertEqual(client.command(xforward).code, 250)
        self.send([OTHER], client=client, mail=' SIZE=1000 BODY=7BIT RET=HDRS ENVID=e+2Be X-NEW=1', rcpt=' NOTIFY=SUCCESS,DELAY ORCPT=rfc822;cat+2Bx@users.example.org')
        said = self.commands()
        self.assertEqual(said[0], 'EHLO lists.example.com')
        self.assertEqual(said[1], 'XFORWARD NAME=mail.outside.example ADDR=192.0.2.1 PORT=25 PROTO=ESMTP HELO=a+20b SOURCE=REMOTE')
        self.assertEqual(said[2], f'MAIL FROM:<{MEMBER}> SIZE=1000 BODY=7BIT RET=HDRS ENVID=e+2Be')
        self.assertEqual(said[3], f'RCPT TO:<{OTHER}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;cat+2Bx@users.example.org')

    def test_addresses_as_written(self):
        self.send(['"a b"@Users.Example.ORG'], sender='')
        self.assertEqual([line for line in self.commands() if line[:4] in ('MAIL', 'RCPT')], ['MAIL FROM:<>', 'RCPT TO:<"a b"@Users.Example.ORG>'])

    def test_smtputf8(self):
        replies = self.send(['grün@users.example.org'], sender='blå@example.net', mail=' SMTPUTF8', octets=message('blå@example.net'))
        self.assertEqual(replies[-1], '250 2.0.0 caught')
        self.assertEqual(self.hop.messages[0].addresses, ['grün@users.example.org'])

    def test_chunks(self):
        client = self.client()
        client.send(f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<{OTHER}>\r\nBDAT 14\r\nSubject: s\r\n\r\nBDAT 7 LAST\r\n.a\r\n.\r\nQUIT\r\n')
        self.assertEqual([str(reply) for reply in client.replies(5)], ['250 2.1.0 sender ok', '250 2.1.5 ok', '250 2.0.0 14 octets received', '250 2.0.0 caught', '221 2.0.0 bye'])
        self.assertEqual(self.hop.messages[0].octets, b'Subject: s\r\n\r\n.a\r\n.\r\n')

    def test_two_messages_in_one_session(self):
        client = self.client()
        for number in (1, 2):
            self.assertEqual(self.send([OTHER], client=client)[-1], '250 2.0.0 caught')
            self.assertEqual(len(self.hop.messages), number)

    def test_a_message_too_large_never_arrives(self):
        self.addCleanup(self.reload, {'limits': {'max_message_size': '25M'}})
        self.reload({'limits': {'max_message_size': '100K'}})
        self.assertRegex(self.send([OTHER], message(body='x' * 70 + '\n') + (b'y' * 70 + b'\r\n') * 3000)[-1], r'^552 5\.3\.4 ')
        self.until_closed()
        self.assertEqual((self.hop.messages, self.hop.failed), ([], []))

    def test_a_client_that_leaves_in_the_middle(self):
        client = self.client()
        client.envelope(MEMBER, [OTHER])
        self.assertEqual(client.command('DATA').code, 354)
        client.send(message() + b'half a li')
        client.close()
        self.until_closed()
        self.assertEqual((self.hop.messages, self.hop.failed), ([], []))

    def test_a_probe_leaves_nothing(self):
        client = self.client()
        self.assertEqual([reply.code for reply in client.envelope(MEMBER, [OTHER])], [250, 250])
        self.assertEqual(client.command('RSET').code, 250)
        self.assertEqual(self.commands()[-1], 'QUIT')

    def test_copies_of_ours_are_passed_on_not_judged(self):
        """An [outlet] that hands copies to an smtpd with the filter sends them through here: they are for members, so they go on."""
        before = self.postings()
        copy = self.copy_of(self.send([self.ant])[-1])
        self.assertEqual(self.send([MEMBER], copy.octets, sender=copy.sender.address)[-1], '250 2.0.0 caught')
        self.assertEqual((self.hop.messages[0].octets, self.postings()), (copy.octets, before + 1))


class Mixed(Smtp):
    def test_both_get_it(self):
        octets = message()
        *answers, reply = self.send([self.ant, OTHER], octets)
        self.assertEqual(answers, ['250 2.1.5 recipient ok', '250 2.1.5 ok'])
        self.assertRegex(reply, rf'^250 2\.6\.0 \w+ accepted for {self.ant}; next hop: 2\.0\.0 caught$')
        self.assertEqual((self.hop.messages[0].octets, self.hop.messages[0].addresses), (octets, [OTHER]))
        self.copy_of(reply)

    def test_a_refused_posting_is_held_while_others_get_it(self):
        *_, reply = self.send([OTHER, self.ant], sender=STRANGER)
        self.assertRegex(reply, rf'^250 2\.6\.0 \w+ held for the moderators of {self.ant}: .+; next hop: 2\.0\.0 caught$')
        self.assertEqual(self.hop.messages[0].addresses, [OTHER])

    def test_others_refused_at_rcpt_are_no_others(self):
        self.hop.on['RCPT'] = lambda session, rcpt: '550 5.1.1 no such user'
        *answers, reply = self.send([OTHER, self.ant], sender=STRANGER)
        self.assertEqual(answers, ['550 5.1.1 no such user', '250 2.1.5 recipient ok'])
        self.assertRegex(reply, r'^550 5\.7\.1 ')
        self.assertEqual(self.commands()[-2:], [f'RCPT TO:<{OTHER}>', 'QUIT'])

    def test_what_the_next_hop_refuses_is_not_kept(self):
        before = self.postings()
        for refusal, want in (('554-5.6.0 I do not\r\n554 5.6.0 like it', '554 5.6.0 I do not\n5.6.0 like it'), ('452 4.3.1 full', '452 4.3.1 full'), ('421 4.3.2 bye', AWAY)):
            for name in ('DOT', 'DATA'):
                with self.subTest(refusal=refusal, name=name):
                    self.hop.on.pop('DOT', None), self.hop.on.pop('DATA', None)
                    self.hop.on[name] = lambda session, argument, text=refusal: text
                    self.assertEqual(self.send([self.ant, OTHER])[-1], want)
        self.assertEqual(self.postings(), before)

    def test_several_lists_and_others_in_chunks(self):
        octets = message() + b'x' * 300000 + b'\r\n'
        client = self.client()
        self.assertEqual([reply.code for reply in client.envelope(MEMBER, [self.ant, OTHER, self.bee, ANOTHER])], [250] * 5)
        client.send(f'BDAT {len(octets)} LAST\r\n'.encode() + octets)
        self.assertRegex(str(client.reply()), rf'^250 2\.6\.0 \w+ accepted for {self.ant}; .*{self.bee}.*; next hop: 2\.0\.0 caught$')
        self.assertEqual((self.hop.messages[0].addresses, self.hop.messages[0].octets == octets), ([OTHER, ANOTHER], True))


class NextHopFails(Smtp):
    limits = {'data_timeout': '1s'}
    steps = {'CONNECT': AWAY, 'EHLO': AWAY, 'MAIL': AWAY, 'RCPT': AWAY, 'DATA': AWAY, 'DOT': AWAY}

    def fails(self, action, to):
        """At each step; what the client is told. Nothing is kept; the session goes on."""
        for step in self.steps:
            with self.subTest(step=step, to=to):
                self.hop.on = {step: lambda session, argument: action}
                before, caught = self.postings(), len(self.hop.messages)
                client = self.client()
                *answers, last = self.send(to, client=client)
                if step in ('DATA', 'DOT'):
                    self.assertEqual(last, AWAY)
                else:
                    self.assertEqual(answers[0], AWAY)
                    self.assertRegex(last, accepted(self.ant) if self.ant in to else '^503 ')
                self.assertEqual(self.postings() - before, 1 if last.startswith('250') else 0)
                self.assertEqual(len(self.hop.messages), caught)
                self.assertEqual(client.command('NOOP').code, 250)

    def test_closes(self):
        for to in ([OTHER], [OTHER, self.ant]):
            self.fails(Do(then='close'), to)

    def test_resets(self):
        self.fails(Do(then='reset'), [OTHER, self.ant])

    def test_hangs(self):
        for to in ([OTHER], [OTHER, self.ant]):
            self.fails(Do(then='stall'), to)

    def test_says_garbage(self):
        self.fails(Do(b'HTTP/1.1 400 Bad Request\r\n'), [OTHER, self.ant])
        self.fails(Do(b'999 what\r\n'), [OTHER])

    def test_says_421(self):
        self.fails(Do('421 4.3.2 bye', 'close'), [OTHER, self.ant])

    def test_speaks_without_end(self):
        self.fails(Do(b'450-again and again\r\n' * 3000), [OTHER])

    def test_is_not_there(self):
        self.hop.stop()
        self.addCleanup(self.hop.start)
        *answers, reply = self.send([OTHER, ANOTHER, self.ant])
        self.assertEqual(answers[:2], [AWAY, AWAY])
        self.assertRegex(reply, accepted(self.ant))

    def test_refusals_of_each_command_come_back(self):
        for step in ('MAIL', 'RCPT', 'DATA', 'DOT'):
            for text in ('550 5.7.1 not you', '450 4.2.0 not now', '550-5.7.1 not\r\n550-5.7.1 you\r\n550 5.7.1 ever'):
                with self.subTest(step=step, text=text):
                    self.hop.on = {step: lambda session, argument, text=text: text}
                    replies = self.send([OTHER])
                    self.assertIn(text.replace('\r\n550-', '\n').replace('\r\n550 ', '\n').replace('550-', '550 '), replies)

    def test_a_hop_that_stops_reading(self):
        self.hop.on = {'OCTETS': lambda session, octets: Do(then='stall')}
        self.assertEqual(self.send([OTHER], message() + LARGE)[-1], AWAY)
        before = self.postings()
        self.assertEqual(self.send([OTHER, self.ant], message() + LARGE)[-1], AWAY)
        self.assertEqual(self.postings(), before)


class Poor(Smtp):
    """A next hop that offers nothing."""
    hop_keywords = ()

    def test_parameters_stay_here(self):
        self.assertEqual(self.send([OTHER], mail=' SIZE=1000 BODY=8BITMIME RET=FULL', rcpt=' NOTIFY=NEVER')[-1], '250 2.0.0 caught')
        self.assertEqual([line for line in self.commands() if line[:4] in ('MAIL', 'RCPT', 'XFOR')], [f'MAIL FROM:<{MEMBER}>', f'RCPT TO:<{OTHER}>'])

    def test_smtputf8_is_refused(self):
        self.assertRegex(self.send([OTHER, self.ant], mail=' SMTPUTF8')[0], r'^550 5\.6\.7 ')

    def test_helo(self):
        self.hop.on = {'EHLO': lambda session, line: '502 5.5.1 what?'}
        self.assertEqual(self.send([OTHER])[-1], '250 2.0.0 caught')


class NoRelay(Smtp):
    """A next hop, but not for who comes by TCP."""
    smtp = {'next_hop_clients': 'unix'}

    def test_only_named_clients_reach_it(self):
        sessions = len(self.hop.sessions)
        replies = self.send([OTHER, f'nosuch@{DOMAIN}', self.ant])
        self.assertEqual(replies[:2], [NO_RELAY, '550 5.1.1 no list here by that name'])
        self.assertRegex(replies[-1], accepted(self.ant))
        self.assertEqual(len(self.hop.sessions), sessions)
        self.assertEqual(self.send([OTHER], client=self.client(self.socket))[-1], '250 2.0.0 caught')

    def test_no_way_of_writing_an_address_gets_round_it(self):
        client = self.client()
        self.assertEqual(client.command(f'MAIL FROM:<{MEMBER}>').code, 250)
        for path in (f'cat%users.example.org@{DOMAIN}', f'"cat@users.example.org"@{DOMAIN}', f'users.example.org!cat@{DOMAIN}', '@lists.example.com:cat@users.example.org',
                     'cat@[127.0.0.1]', 'cat@sub.lists.example.com', f'cat@users.example.org@{DOMAIN}', 'cat@LOCALHOST'):
            with self.subTest(path=path):
                self.assertIn(client.command(f'RCPT TO:<{path}>').code, (501, 550))


class NoNextHop(Smtp):
    smtp = {'next_hop': ''}

    def test_lists_alone(self):
        for where in (self.port, self.socket):
            replies = self.send([OTHER, f'nosuch@{DOMAIN}', self.ant], client=self.client(where))
            self.assertEqual(replies[:2], [NO_RELAY, UNKNOWN[1:-1].replace('\\', '')])
            self.assertRegex(replies[-1], accepted(self.ant))

    def test_reload_brings_one(self):
        self.reload({'smtp': {'next_hop': f'127.0.0.1:{self.hop.port}'}})
        self.assertEqual(self.send([OTHER])[-1], '250 2.0.0 caught')
        self.reload({'smtp': {'next_hop': ''}})
        self.assertEqual(self.send([OTHER])[0], NO_RELAY)

    def test_a_next_hop_that_is_none_is_refused_at_start(self):
        self.addCleanup(self.daemon.configure, {'smtp': {'next_hop': '', 'next_hop_clients': None}})
        itself = [('next_hop', where) for where in (f'127.0.0.1:{self.port}', f'localhost:{self.port}', f'[::1]:{self.port}', self.socket)]
        for key, value in (('next_hop', 'nowhere'), *itself, ('next_hop_clients', 'everybody')):
            with self.subTest(key=key, value=value):
                self.daemon.configure({'smtp': {'next_hop': '', 'next_hop_clients': None, key: value}})
                since = len(self.daemon.lines)
                self.daemon.reload()
                self.assertIn(f'[smtp] {key}: ', self.daemon.wait_log(since, event='reload refused, nothing changed')['error'])


class Stopping(Smtp):
    def test_a_stop_after_the_dot_is_451_and_the_hop_has_nothing(self):
        client = self.client()
        client.envelope(MEMBER, [OTHER])
        self.assertEqual(client.command('DATA').code, 354)
        client.send(message())
        self.daemon.wait_for(lambda: 'DATA' in self.hop.sessions[-1].commands, what='DATA at the next hop')
        idle = self.client()
        self.daemon.process.terminate()
        self.assertEqual(idle.reply().code, 421)
        client.send(b'.\r\n')
        self.assertEqual(client.reply().code, 451)
        self.assertEqual(self.daemon.wait_end(), 0)
        self.assertEqual((self.hop.messages, self.hop.failed), ([], []))
        self.daemon.start()
