"""Messages that no mail program writes: one answer, bounded memory, and time in proportion to their size."""
import os
import unittest

from lib import events
from lib.hostile import FULL, MEBI, MEMBER, Outlives, cpu_of, message, post, pour
from lib.lmtp import stuff
from lib.posting import code


def setUpModule():
    if 'TSAN_OPTIONS' in os.environ:
        events.skip('bounds', 'ThreadSanitizer takes many times the memory and the processor')


HEADER = 240000  # octets, just below what is read; more is malformed
MIXED = b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'


def field(name, value, close=b''):
    """A shape: `name`: `value`, as often as fits."""
    def shape(size):
        return message(header=name + b': ' + value * (size // len(value)) + close + b'\r\n')
    return shape


def author(value, close=b'<bat@example.net>'):
    """The same in From."""
    def shape(size):
        return message(author=b'From: ' + value * (size // len(value)) + close + b'\r\n')
    return shape


def fields(line):
    """As many fields as fit, of which `line` makes the n-th."""
    def shape(size):
        return message(header=b''.join(map(line, range(min(4900, size // len(line(1000)))))))
    return shape


def words(size):
    """Encoded words, each in another charset than the one before."""
    return message(header=b'Subject: ' + b'\r\n '.join(b'=?iso-8859-%d?q?=41=F0?=' % (n % 15 + 1) for n in range(size // 27)) + b'\r\n')


def names(size):
    return message(author=b'From: ' + b',\r\n '.join(b'=?iso-2022-jp?b?GyRC?= <a%d@b.example>' % n for n in range(size // 45)) + b'\r\n')


def continuations(size):
    return message(header=b'Content-Type: text/plain' + b''.join(b';\r\n name*%d*=%%E4' % n for n in range(size // 22)) + b'\r\n')


def signatures(size):
    names_of_fields = b':'.join(b'x%d' % n for n in range(400))
    return message(header=(b'DKIM-Signature: h=' + names_of_fields + b'\r\n') * (size // 2000))


def addresses(name):
    def shape(size):
        listed = b',\r\n '.join(b'a%d@b.example' % n for n in range(size // 21))
        return message(author=b'From: ' + listed + b'\r\n') if name == b'From' else message(header=name + b': ' + listed + b'\r\n')
    return shape


HEADERS = {  # name: shape of a size
    'addresses in From': addresses(b'From'),
    'addresses in Reply-To': addresses(b'Reply-To'),
    'names in charsets': names,
    'parentheses in From': author(b'('),
    'comments in From': author(b'(a)'),
    'quotes in From': author(b'"a" '),
    'open quotes in From': author(b'"'),
    'backslashes in From': author(b'"\\', b'" <bat@example.net>'),
    'brackets in From': author(b'<'),
    'square brackets in From': author(b'['),
    'words in From': author(b'a '),
    'groups in From': author(b'a:'),
    'routes in From': author(b'<@a,'),
    'commas in From': author(b','),
    'encoded words': field(b'Subject', b'=?utf-8?q?=41=42?=\r\n '),
    'encoded words of many charsets': words,
    'beginnings of encoded words': field(b'Subject', b'=?'),
    'openings of encoded words': field(b'Subject', b'=?utf-8?q?'),
    'prefixes and Re': field(b'Subject', b'Re: [ant] '),
    'blank lines in a field': field(b'Subject', b' \r\n', b' x'),
    'References': field(b'References', b'<abcdefgh@b.example>\r\n '),
    'In-Reply-To': field(b'In-Reply-To', b'<'),
    'Message-ID': field(b'Message-ID', b'"\\', b'>'),
    'parameters': field(b'Content-Type', b'a/b; c=d'),
    'continuations of a parameter': continuations,
    'quotes in parameters': field(b'Content-Type', b'multipart/report; "a=;'),
    'parentheses in parameters': field(b'Content-Type', b'multipart/report; (;'),
    'boundary': field(b'Content-Type', b'multipart/mixed; boundary="bbbbbbbbb'),
    'trust in results': field(b'Authentication-Results', b'a.example; spf=pass smtp.mailfrom=a@b.example; '),
    'signatures': signatures,
    'names in a signature': field(b'DKIM-Signature', b'a=b; h=a:'),
    'fields of many names': fields(lambda n: b'X-%d: %s\r\n' % (n, b'a' * 38)),
    'fields of one name': fields(lambda n: b'To: ant@lists.example.com\r\n'),
    'Received': fields(lambda n: b'Received: from a by b; now\r\n'),
    'marks of loops': fields(lambda n: b'X-BeenThere: bee@lists.example.com\r\n'),
    'lines that are no fields': fields(lambda n: b'what is this?\r\n'),
}


class Headers(Outlives):
    """Four times as much of the same costs four times the time, not sixteen times. Everything is done to the copies that can be."""
    SETTINGS = {'subject_prefix': '[ant] ', 'reply_goes_to_list': 'point_to_list', 'personal': 'always'}
    KEYWORDS = ('PIPELINING', 'SIZE 0')  # copies are made 7 bits wide

    def cost(self, shape, size):
        """CPU seconds for judging it and, where it is accepted, for its copy."""
        def go():
            reply = post(self.daemon, shape(size) + b'\xe4\r\n')
            self.assertIn(reply.code, (250, 550))
        return cpu_of(self.daemon, go)

    def test_time(self):
        for name, shape in HEADERS.items():
            with self.subTest(name):
                small, large = self.cost(shape, HEADER // 4), self.cost(shape, HEADER)
                self.assertLess(large, 8 * small + 1, f'{small} s for a quarter')


class TooMuch(Outlives):
    """What is beyond the bounds is refused as malformed, or held for being so, and costs no more than reading it."""
    MESSAGES = {
        'a hundred thousand fields': message(header=b''.join(b'X-%d: a\r\n' % n for n in range(100000))),
        'a hundred thousand authors': message(author=b'From: ' + b',\r\n '.join(b'a%d@b.example' % n for n in range(100000)) + b'\r\n'),
        'References of megabytes': message(header=b'References: ' + b'<abcdefgh@b.example>\r\n ' * (5 * MEBI // 23) + b'x\r\n'),
        'a line of 20 MiB': message(header=b'X: ' + b'y' * 20 * MEBI + b'\r\n'),
        'NUL in the header': message(header=b'X: a\0b\r\n'),
        'continuations by the million': message(header=b'Content-Type: a/b' + b''.join(b';\r\n a*%d=b' % n for n in range(1000000 if FULL else 200000)) + b'\r\n'),
        'comments within comments': message(header=b'Cc: ' + b'(' * 200000 + b'\r\n'),
        'no header at all': b'\r\n' * 1000,
        'nothing': b'',
    }

    def test_one_answer(self):
        for name, octets in self.MESSAGES.items():
            with self.subTest(name):
                self.assertIn(post(self.daemon, octets).code, (250, 550))

    def test_header_of_100_MB(self):
        client = self.in_data()
        pour(client, (b'X: ' + b'y' * 73 + b'\r\n') * 10000, 130)
        self.assertRegex(str(client.command('\r\n.')), r'^552 5\.3\.4 ')
        self.wait_log(event='message refused')


class Bodies(Outlives):
    SETTINGS = {'max_message_size': '0'}
    KEYWORDS = ('PIPELINING', 'SIZE 0')
    MESSAGES = {
        'ten thousand parts in one another': (MIXED, b''.join(b'--b%s\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % (b'%d' % (n - 1) if n else b'', n)
                                                              for n in range(10000)) + b'\xe4\r\n'),
        'a hundred thousand parts': (MIXED, b'--b\r\n\r\n\xe4\r\n' * 100000),
        'messages within messages': (b'Content-Type: message/rfc822\r\n', b'Content-Type: message/rfc822\r\n\r\n' * 10000 + b'\xe4\r\n'),
        'a boundary of a thousand letters': (b'Content-Type: multipart/mixed; boundary="' + b'b' * 1000 + b'"\r\n', (b'--' + b'b' * 1000 + b'\r\n\r\n\xe4\r\n') * 1000),
        'lines that look like boundaries': (MIXED, b'--b \r\n--ba\r\n--\xe4\r\n' * 100000),
        'NUL': (b'', b'\0' * 300000 + b'\r\n'),
        'octets of all sorts': (b'', (bytes(octet for octet in range(256) if octet not in b'\r\n') + b'\r\n') * 4000),
        'lines of 1 MiB': (b'', (b'x' * (MEBI - 3) + b'\xe4\r\n') * 5),
        'dots': (b'', b'.\r\n' * 300000),
        'stray line ends': (b'', b'\ra\nb\n\r' * 1000 + b'\r\n' + b'\r' * 1000 + b'x\r\n'),
        'quoted-printable': (b'Content-Transfer-Encoding: quoted-printable\r\n', b'=41' * 300000 + b'\xe4\r\n'),
        'soft line ends': (b'Content-Transfer-Encoding: quoted-printable\r\n', b'=\r\n' * 300000 + b'\xe4\r\n'),
        'base64 that is none': (b'Content-Transfer-Encoding: base64\r\n', b'\xe4=' * 300000 + b'\r\n'),
    }

    def test_one_answer_and_a_copy(self):
        """A copy 7 bits wide, or the sentence why there is none."""
        for name, (header, body) in self.MESSAGES.items():
            with self.subTest(name):
                octets = message(body, header)
                spent = cpu_of(self.daemon, lambda octets=octets: self.post_and_wait(octets))
                self.assertLess(spent, 1 + len(octets) / MEBI)
        self.assertTrue(all(caught.octets.isascii() for caught in self.sink.messages))

    def post_and_wait(self, octets):
        self.wait_copy(code(post(self.daemon, octets)))

    def wait_copy(self, post_code):
        done = self.wait_log(event='copies handed over', post=post_code)
        if done['sent'] == '0':
            self.assertRegex(self.wait_log(event='the outlet refuses a message', post=post_code)['reply'], '^550 5.6.3 conversion required but not supported: ')

    def test_stray_line_ends_by_the_million(self):
        """They make one line, which is too long."""
        client = self.in_data()
        pour(client, b'\n' * MEBI, 3)
        self.assertRegex(str(client.command('\r\n.')), r'^550 5\.6\.0 ')


class Memory(Outlives):
    """More messages at a time than there is memory for: some are told to try again, none takes more than there is."""
    CONFIG = {'limits': {'max_sessions': 60}}
    SETTINGS = {'max_message_size': '0'}
    sessions = 60

    def test_many_large_ones(self):
        body = stuff(message((b'x' * 76 + b'\r\n') * (2 * MEBI // 78)))
        crowd = [self.in_data() for _ in range(50)]
        for client in crowd:
            client.send(body)
        self.assertIn(post(self.daemon).code, (250, 452))
        for client in crowd:
            client.send(b'.\r\n')
        self.assertEqual({client.reply().code for client in crowd}, {250, 452})
        self.assertRegex(self.wait_log(event='message refused')['error'], '^no memory left for a message of more than ')

    def test_announced(self):
        """SIZE is taken at once, and given back."""
        crowd = []
        for _ in range(3):
            client = self.client()
            client.lhlo()
            client.envelope(MEMBER, ['ant@lists.example.com'], mail=f' SIZE={14 * MEBI}')
            crowd.append((client, client.command('DATA').code))
        self.assertEqual([code for _, code in crowd], [354, 354, 452])
        crowd[0][0].reset()
        client = crowd[2][0]
        self.daemon.wait_for(lambda: self.again(client), what='room')

    def again(self, client):
        client.envelope(MEMBER, ['ant@lists.example.com'], mail=f' SIZE={14 * MEBI}')
        return client.command('DATA').code == 354


if __name__ == '__main__':
    unittest.main()
