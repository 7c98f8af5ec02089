"""Every outcome and its reply, word by word, over LMTP, and `explain` saying the same beside the server."""
import re

from lib import corpus
from lib.lmtp import Client, crlf
from lib.posting import DISCARDED, DOMAIN, ID, MEMBER, STRANGER, UNKNOWN, Served, accepted, code, held, message, taken

NO_MEMBER = r'you are not a member of ant@lists\.example\.com'
JOIN = rf'^550 5\.7\.1 {NO_MEMBER}; to become one, write to ant-owner@lists\.example\.com$'
BANNED = r'^550 5\.7\.1 you may not post to ant@lists\.example\.com; if you think you should, write to ant-owner@lists\.example\.com$'
LOOP = r'^554 5\.4\.6 ant@lists\.example\.com has seen this message before: it carries the list.s own mark$'
MALFORMED = r'^550 5\.6\.0 the message cannot be read: .+$'
LARGE = r'^552 5\.3\.4 the message is too large: ant@lists\.example\.com takes up to 10240 KiB, this has 10241$'


class Row:
    """One outcome: who posts what, and what is answered over LMTP unproven, proven, and in front of the queue."""

    def __init__(self, name, octets, lmtp, proven=None, front=None, sender=STRANGER):
        self.name, self.octets, self.sender = name, octets, sender
        self.replies = {(): lmtp, ('--proven',): proven or lmtp, ('--door', 'front'): front or proven or lmtp}


def rows():
    list_address = f'ant@{DOMAIN}'
    discarded = DISCARDED
    return [
        Row('accepted', message(), accepted(list_address), sender=MEMBER),
        Row('held', message('held@example.net'), held(list_address, r'postings to ant@lists\.example\.com wait for a moderator'), sender='held@example.net'),
        Row('not a member', message(STRANGER), held(list_address, NO_MEMBER), JOIN),
        Row('banned', message('banned@example.org'), discarded, BANNED, sender='banned@example.org'),
        Row('a member on the reject list', message('muted@example.net'), discarded, BANNED, sender='muted@example.net'),
        Row('a member on the discard list', message('dropped@example.net'), discarded, sender='dropped@example.net'),
        Row('loop', message(more=f'X-Listward-Loop: {list_address}\n'), discarded, LOOP, sender=MEMBER),
        Row('null reverse-path', message(), discarded, sender=''),
        Row('null reverse-path, banned', message('banned@example.org'), discarded, sender=''),
        Row('automatic', message(more='Auto-Submitted: auto-replied (vacation)\n'), discarded, sender=MEMBER),
        Row('malformed', message(more='X-NUL: a\0b\n'), held(list_address, '.*NUL.*'), MALFORMED, sender=MEMBER),
        Row('a header over 256 KiB', message(more=f'X-A: {"x" * 900}\n' * 300), held(list_address), MALFORMED, sender=MEMBER),
        Row('no header', b'\r\nhello\r\n', held(list_address, 'it has no header fields'), MALFORMED, sender=MEMBER),
        Row('too large', message(body='x' * 77 + '\n') + (b'x' * 78 + b'\r\n') * 131072, LARGE, sender=MEMBER),
    ]


class Replies(Served):
    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant', members=[MEMBER, 'held@example.net', 'muted@example.net', 'dropped@example.net'])
        cls.daemon.run('ban', 'banned@example.org', cls.ant)
        for member, action in (('held', 'hold'), ('muted', 'reject'), ('dropped', 'discard')):
            cls.daemon.run('member', cls.ant, f'{member}@example.net', f'moderation_action={action}')

    def assert_reply(self, reply, pattern):
        self.assertRegex(reply, pattern)
        self.assertLessEqual(len(reply), 510)
        self.assertTrue(reply.isascii() and reply.isprintable())

    def test_over_lmtp(self):
        for row in rows():
            with self.subTest(row.name):
                self.assert_reply(self.post(self.ant, row.octets, sender=row.sender), row.replies[()])

    def test_explain_says_the_same(self):
        """At either door, unproven and proven; "ID" in place of the id."""
        for row in rows():
            for options, pattern in row.replies.items():
                with self.subTest(row.name, options=options):
                    reply = self.explain(self.ant, row.octets, '--sender', row.sender, *options)
                    self.assert_reply(reply.replace(' ID ', ' abcdefgh1234 '), pattern)

    def test_explain_agrees_over_odd_mail(self):
        torture = self.create('torture', 'default_nonmember_action=hold')
        with Client(self.daemon.port) as client:
            client.lhlo()
            for number, (path, octets) in enumerate(corpus.messages('torture')):
                sender = f'author{number}@example.org'
                reply = re.sub(rf'^250 2\.6\.0 {ID} ', '250 2.6.0 ID ', str(client.deliver(sender, [torture], octets)[0]))
                with self.subTest(path):
                    self.assertEqual(self.explain(torture, octets, '--sender', sender), reply)

    def test_explain_shows_every_rule(self):
        with open(f'{self.daemon.scratch}/message', 'wb') as file:
            file.write(message(STRANGER))
        out = self.daemon.run('explain', self.ant, file.name)
        steps = dict(re.findall(r'^([a-z-]+) +(HIT|miss) ', out, re.M))
        self.assertEqual(steps, {'malformed': 'miss', 'auto-reply': 'miss', 'loop': 'miss', 'max-size': 'miss', 'no-senders': 'miss', 'emergency': 'miss',
                                 'banned-address': 'miss', 'member-moderation': 'miss', 'header-match': 'miss', 'nonmember-moderation': 'HIT',
                                 'administrivia': 'miss', 'implicit-dest': 'miss', 'max-recipients': 'miss', 'max-size-hold': 'miss', 'no-subject': 'miss', 'suspicious-header': 'miss'})
        self.assertRegex(out, rf'(?m)^nonmember-moderation +HIT +reject +{STRANGER} \(From\) is no member')
        self.assertIn(f'sender: {STRANGER}\ndoor: lmtp, return path unproven\n', out)
        self.assertRegex(out, r'(?m)^verdict: reject, at this door hold$')
        self.assertRegex(out.splitlines()[-1], r'^reply: 250 2\.6\.0 ID held for ')

    def test_explain_does_nothing(self):
        before = self.rows('SELECT count(*) FROM posting')
        self.explain(self.ant, message())
        self.explain(self.ant, message(STRANGER))
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), before)

    def test_explain_without_a_file_or_list(self):
        self.assertEqual(self.daemon.cli('explain', self.ant, '/nowhere').code, 1)
        self.assertEqual(self.daemon.cli('explain', f'nosuch@{DOMAIN}', '/dev/null').code, 1)
        self.assertEqual(self.daemon.cli('explain', '--door', 'window', self.ant, '/dev/null').code, 2)
        self.assertEqual(self.daemon.cli('explain', self.ant).code, 2)

    def test_again_accepted_and_held(self):
        octets = message()
        first = self.post(self.ant, octets)
        self.assert_reply(self.post(self.ant, octets), rf'^250 2\.6\.0 {code(first)} already accepted for ant@lists\.example\.com$')
        octets = message(STRANGER)
        first = self.post(self.ant, octets, sender=STRANGER)
        self.assert_reply(self.post(self.ant, octets, sender=STRANGER), rf'^250 2\.6\.0 {code(first)} already held for ant@lists\.example\.com$')

    def test_taken_and_unknown(self):
        self.assert_reply(self.post(f'ant-request@{DOMAIN}'), taken(f'ant-request@{DOMAIN}'))
        for address in (f'nosuch@{DOMAIN}', f'nosuch-owner@{DOMAIN}', f'ant-nosuch@{DOMAIN}', 'ant@example.net', 'ant@other.example.com', f'-owner@{DOMAIN}'):
            self.assert_reply(self.post(address), UNKNOWN)

    def test_a_list_that_is_full_keeps_the_reply_for_its_own(self):
        with Client(self.daemon.port) as client:
            client.lhlo()
            replies = client.deliver(MEMBER, [self.ant, f'postmaster@{DOMAIN}', 'Postmaster'], message())
        self.assert_reply(str(replies[0]), accepted(self.ant))
        for reply, address in zip(replies[1:], (f'postmaster@{DOMAIN}', 'postmaster@lists.example.com')):
            self.assert_reply(str(reply), taken(address))

    def test_what_the_author_wrote_never_enters_a_reply_unescaped(self):
        ugly = self.create('ugly', 'default_nonmember_action=hold')
        octets = crlf('From: "\x1b[31m\u202e" <e\u0301ve@example.org>\nSubject: \x07\n\nx\n')
        self.assert_reply(self.post(ugly, octets, sender=STRANGER), held(ugly))

    def test_a_utf8_list_in_a_reply(self):
        grün = self.create('grün', members=['bat@example.net'])
        self.assert_reply(self.post(grün, mail=' SMTPUTF8'), r'^250 2\.6\.0 \S+ accepted for gr\?n@lists\.example\.com$')
