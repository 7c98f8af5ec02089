"""What goes over the wire, octet by octet: line ends, dots, chunks, pipelining."""
import re

from lib.lmtp import Client
from lib.posting import DOMAIN, ID, MEMBER, Served, accepted, message

ENDS = {'CRLF': b'\r\n', 'LF': b'\n', 'CR': b'\r', 'none': b''}
AFTER_DOT = {'CRLF': b'\r\n', 'LF': b'\n', 'CR': b'\r', 'CRCRLF': b'\r\r\n'}
BARE = r'^500 5\.5\.2 bare CR or LF in a command; closing$'
UNKNOWN_COMMAND = r'^500 5\.5\.2 unknown command: '


def as_taken(octets):
    """What is to come out of the octets before the final dot: dots undone, stray CR and LF made spaces (DESIGN 7)."""
    return b'\r\n'.join(re.sub(rb'[\r\n]', b' ', line.removeprefix(b'.')) for line in octets.split(b'\r\n'))


class Wire(Served):
    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')

    def data(self, client):
        client.send(f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nDATA\r\n')
        self.assertEqual(client.codes(3), [250, 250, 354])

    def accepted(self, reply):
        self.assertRegex(str(reply), accepted(self.ant))
        return self.copy_of(reply)


class LineEndsInMessages(Wire):
    """A message ends at CRLF.CRLF and nowhere else; what looks like an end is text, and what follows it is no command."""
    SMUGGLED = f'MAIL FROM:<smuggler@example.org>\r\nRCPT TO:<ant@{DOMAIN}>\r\nDATA\r\nFrom: smuggler@example.org\r\n\r\nsmuggled\r\n'.encode()

    def matrix(self):
        for before, first in ENDS.items():
            for after, second in AFTER_DOT.items():
                yield f'{before} . {after}', first, second

    def check(self, name, first, second, send):
        client = self.client(self.daemon.socket)
        self.data(client)
        head = message(body='')
        begin = b'text' + first + b'.' + second
        send(client, head + begin + self.SMUGGLED + b'.\r\nNOOP\r\n')
        copy = self.accepted(client.reply())
        if name == 'CRLF . CRLF':
            self.assertEqual(copy.body, b'text\r\n')
            self.assertEqual(client.codes(3), [250, 250, 354])
            self.assertRegex(str(client.reply()), rf'^250 2\.6\.0 {ID} (already )?held for ')
        else:
            self.assertEqual(copy.body, as_taken(begin + self.SMUGGLED))
        self.assertEqual(client.reply().code, 250)

    def test_matrix_in_one_segment(self):
        for row in self.matrix():
            with self.subTest(row[0]):
                self.check(*row, Client.send)

    def test_matrix_in_segments_of_one_octet(self):
        def send(client, octets):
            for at in range(len(octets)):
                client.send(octets[at:at + 1])
        for row in self.matrix():
            with self.subTest(row[0]):
                self.check(*row, send)

    def test_matrix_as_the_last_octets(self):
        """Where more octets are awaited none of the false ends is answered: the answer comes after the real one only."""
        for name, first, second in self.matrix():
            if name == 'CRLF . CRLF':
                continue
            with self.subTest(name):
                client = self.client()
                self.data(client)
                client.send(message(body='') + b'text' + first + b'.' + second)
                client.socket.settimeout(0.02)
                self.assertRaises(TimeoutError, client.fill)
                client.socket.settimeout(30)
                client.send(b'\r\n.\r\n')
                self.assertEqual(self.accepted(client.reply()).body, as_taken(b'text' + first + b'.' + second + b'\r\n'))

    def test_at_the_start_of_a_message(self):
        """The CRLF of DATA is the one before the dot: an empty message. It has no header, and its author cannot be known."""
        client = self.client()
        self.data(client)
        client.send(b'.\r\nNOOP\r\n')
        self.assertRegex(str(client.reply()), r'^250 2\.6\.0 \w+ held for the moderators of ant@lists\.example\.com: it has no header fields$')
        self.assertEqual(client.reply().code, 250)

    def test_stray_ones_in_the_header(self):
        client = self.client()
        self.data(client)
        client.send(message(more='X-A: one\r\n').replace(b'one', b'o\rn\ne') + b'.\r\n')
        copy = self.accepted(client.reply())
        self.assertEqual(copy.fields('X-A'), [b'o n e'])
        self.daemon.wait_log(event='stray CR or LF replaced', octets=2)

    def test_all_octets_pass(self):
        """8 bit, NUL in a body, long lines, dots, no matter what."""
        body = bytes(octet for octet in range(256) if octet not in b'\r\n') * 40 + b'\r\n..\r\n...\r\n. \r\n.\r\n\r\n\r\n.'
        client = self.client()
        copy = self.accepted(client.deliver(MEMBER, [self.ant], message(body='') + body, mail=' BODY=8BITMIME')[0])
        self.assertEqual(copy.body, body + b'\r\n')

    def test_a_line_longer_than_a_mebibyte(self):
        client = self.client()
        self.accepted(client.deliver(MEMBER, [self.ant], message(body='x' * (1 << 20)))[0])
        self.assertRegex(str(client.deliver(MEMBER, [self.ant], message(body='x' * ((1 << 20) + 1)))[0]),
                         r'^550 5\.6\.0 the message cannot be read: a line has more than 1048576 octets$')


class LineEndsInCommands(Wire):
    """NOOP, a line end, a dot, a line end, NOOP: only CRLF ends a command; anything else is 500 and the end of the session."""
    WANT = {
        ('CRLF', 'CRLF'): ['^250 ', UNKNOWN_COMMAND, '^250 '], ('CRLF', 'LF'): ['^250 ', BARE], ('CRLF', 'CR'): ['^250 ', BARE], ('CRLF', 'CRCRLF'): ['^250 ', BARE],
        ('none', 'CRLF'): [UNKNOWN_COMMAND, '^250 '],
    }

    def check(self, before, after, send):
        client = self.client()
        send(client, b'NOOP' + ENDS[before] + b'.' + AFTER_DOT[after] + b'NOOP\r\n')
        want = self.WANT.get((before, after), [BARE])
        for pattern in want:
            self.assertRegex(str(client.reply()), pattern)
        if want[-1] == BARE:
            self.assertTrue(client.at_end())
        else:
            self.assertEqual(client.command('NOOP').code, 250)

    def test_matrix_in_one_segment(self):
        for before in ENDS:
            for after in AFTER_DOT:
                with self.subTest(f'{before} . {after}'):
                    self.check(before, after, Client.send)

    def test_matrix_in_segments_of_one_octet(self):
        def send(client, octets):
            try:
                for at in range(len(octets)):
                    client.send(octets[at:at + 1])
            except (BrokenPipeError, ConnectionResetError):
                pass
        for before in ENDS:
            for after in AFTER_DOT:
                with self.subTest(f'{before} . {after}'):
                    self.check(before, after, send)

    def test_nothing_behind_it_is_served(self):
        client = self.client()
        client.send(f'RSET\nMAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nDATA\r\n'.encode() + message() + b'.\r\n')
        self.assertRegex(str(client.reply()), BARE)
        self.assertTrue(client.at_end())


class Chunks(Wire):
    """BDAT, RFC 3030."""

    def chunked(self, client, *chunks):
        """One flight; the replies."""
        group = f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\n'.encode()
        for at, chunk in enumerate(chunks):
            group += b'BDAT %d%s\r\n' % (len(chunk), b' LAST' if at + 1 == len(chunks) else b'') + chunk
        client.send(group)
        return client.replies(2 + len(chunks))

    def test_one_chunk(self):
        copy = self.accepted(self.chunked(self.client(), message(body='.\n..\nx\n'))[-1])
        self.assertEqual(copy.body, b'.\r\n..\r\nx\r\n')

    def test_several_chunks_cut_anywhere(self):
        octets = message(body='.first\n.\n..\nlast\n')
        whole = None
        for at in range(0, len(octets), 7):
            replies = self.chunked(self.client(), octets[:at], b'', octets[at:at + 3], octets[at + 3:], b'')
            self.assertEqual([str(reply) for reply in replies[2:-1]],
                             [f'250 2.0.0 {len(chunk)} octets received' for chunk in (octets[:at], b'', octets[at:at + 3], octets[at + 3:])])
            whole = whole or str(replies[-1]).split()[2]
            self.assertEqual(str(replies[-1]).split()[2], whole)  # the same posting again each time
        self.assertRegex(str(replies[-1]), rf'^250 2\.6\.0 {ID} already accepted for ')

    def test_the_same_octets_as_data(self):
        """The copies differ only where the posting's id is."""
        octets = message(body='.\n..dots\n\n\n.', more='X-A: one\n two\n')
        client = self.client()
        data = self.copy_of(client.deliver('data@example.org', [self.open()], octets)[0])
        client.envelope('bdat@example.org', [self.open()])
        chunk = octets + b'\r\n'
        client.send(b'BDAT %d\r\n' % 50 + chunk[:50] + b'BDAT %d LAST\r\n' % (len(chunk) - 50) + chunk[50:])
        bdat = self.copy_of(client.replies(2)[1])
        strip = re.compile(rb'(?i)^Received:.*\r\n([ \t].*\r\n)*', re.M)
        self.assertEqual(strip.sub(b'', bdat.octets, 1), strip.sub(b'', data.octets, 1))
        self.assertTrue(data.octets.endswith(b'\r\n\r\n.\r\n..dots\r\n\r\n\r\n.\r\n'))

    def open(self):
        address = f'open@{DOMAIN}'
        if not self.rows("SELECT 1 FROM list WHERE local = 'open'"):
            self.create('open', 'default_nonmember_action=accept')
        return address

    def test_stored_octets_are_the_same(self):
        """In the database, where the copies are made of, and with stray line ends."""
        slow = self.create('slow', 'default_member_action=hold')
        octets = message(body='', more='X-A: one\n') + b'a\rb\nc\r\r\n.\r\n'
        client = self.client()
        client.envelope(MEMBER, [slow])
        client.command('DATA')
        client.send(octets.replace(b'\r\n.', b'\r\n..') + b'.\r\n')
        self.assertEqual(client.reply().code, 250)
        client.envelope('other@example.net', [slow])
        client.send(b'BDAT %d LAST\r\n' % len(octets) + octets)
        self.assertEqual(client.reply().code, 250)
        stored = [bytes(row[0]) for row in self.rows("SELECT m.octets FROM message m JOIN posting q ON q.message_id = m.id "
                                                     "JOIN list l ON l.id = q.list_id WHERE l.local = 'slow' ORDER BY q.id")]
        self.assertEqual(len(stored), 2)
        self.assertEqual(stored[0], stored[1])
        self.assertTrue(stored[0].endswith(b'\r\na b c \r\n.\r\n'), stored[0])

    def test_a_message_of_many_pieces(self):
        """Larger than what one transaction may write."""
        body = b''.join(b'%08d' % at + b'-' * 70 + b'\r\n' for at in range(20000))
        copy = self.accepted(self.chunked(self.client(), message(body=''), body[:900001], body[900001:])[-1])
        self.assertEqual(copy.body, body)

    def test_order_of_commands(self):
        client = self.client()
        client.envelope(MEMBER, [self.ant])
        client.send(f'BDAT 3\r\nabcRCPT TO:<{self.ant}>\r\nDATA\r\nMAIL FROM:<>\r\nNOOP\r\nRSET\r\nBDAT 3 LAST\r\nabcNOOP\r\n')
        self.assertEqual(client.codes(8), [250, 503, 503, 503, 250, 250, 503, 250])

    def test_a_chunk_without_a_size_ends_the_session(self):
        for argument in ('', ' x', ' -1', ' 5 FIRST', ' 99999999999999999999'):
            with self.subTest(argument):
                client = self.client()
                client.envelope(MEMBER, [self.ant])
                client.send(f'BDAT{argument}\r\nNOOP\r\n')
                self.assertEqual(client.reply().code, 501)
                self.assertTrue(client.at_end())


class Pipelining(Wire):
    def test_a_group_is_answered_in_one_write(self):
        """Rule 10: all that came in one segment is answered in one."""
        for where in (self.daemon.port, self.daemon.socket):
            client = self.client(where)
            for _ in range(5):
                client.reads.clear()
                client.send(f'XFORWARD NAME=x\r\nMAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nRCPT TO:<nosuch@{DOMAIN}>\r\nRCPT TO:<ant-owner@{DOMAIN}>\r\nDATA\r\n')
                self.assertEqual(client.codes(6), [250, 250, 250, 550, 250, 354])
                self.assertEqual(len(client.reads), 1, client.reads)
                client.reads.clear()
                client.send(message() + b'.\r\nRSET\r\nNOOP\r\n')
                self.assertEqual(client.codes(4), [250, 250, 250, 250])
                self.assertEqual(len(client.reads), 1, client.reads)

    def test_the_greeting_is_followed_by_one_write_a_group(self):
        client = Client(self.daemon.port)
        self.addCleanup(client.close)
        client.reads.clear()
        client.send('LHLO x\r\nNOOP\r\nQUIT\r\n')
        self.assertEqual(client.codes(3), [250, 250, 221])
        self.assertTrue(client.at_end())
        self.assertEqual(len(client.reads), 1, client.reads)

    def test_everything_in_one_flight(self):
        """LHLO to QUIT, two messages in chunks, in one segment."""
        one, two = message(), message()
        client = Client(self.daemon.port)
        self.addCleanup(client.close)
        group = b'LHLO x\r\n'
        for octets in (one, two):
            group += f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<{self.ant}>\r\nBDAT {len(octets)} LAST\r\n'.encode() + octets
        client.send(group + b'QUIT\r\n')
        replies = client.replies(8)
        self.assertEqual([reply.code for reply in replies], [250, 250, 250, 250, 250, 250, 250, 221])
        for reply in (replies[3], replies[6]):
            self.accepted(reply)

    def test_replies_of_a_slow_reader_arrive(self):
        """More replies than the socket's buffers hold while nobody reads."""
        client = self.client(self.daemon.socket)
        client.socket.settimeout(0.2)
        sent = 0
        block = b'HELP\r\n' * 2000
        try:
            while sent < 200:
                client.socket.sendall(block)
                sent += 1
        except TimeoutError:
            pass
        self.assertGreater(sent, 0)
        client.socket.settimeout(30)
        self.assertEqual(set(client.codes(2000 * sent)), {214})
