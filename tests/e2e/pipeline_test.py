"""What comes out: the octets of copies, setting by setting."""
import base64
import email
import email.policy
import hashlib
import re

from lib.lmtp import crlf
from lib.posting import DOMAIN, MEMBER, STRANGER, Served, accepted, code, message
from lib.tags import untagged

LIST_ID = f'<ant.{DOMAIN}>'
LISTS = {
    'List-Id': LIST_ID, 'List-Help': f'<mailto:ant-request@{DOMAIN}?subject=help>', 'List-Owner': f'<mailto:ant-owner@{DOMAIN}>', 'List-Post': f'<mailto:ant@{DOMAIN}>',
    'List-Subscribe': f'<mailto:ant-join@{DOMAIN}>', 'List-Unsubscribe': f'<mailto:ant-leave@{DOMAIN}>',
}


def names(header):
    """The names of the fields, in order."""
    return [line.split(b':')[0].decode() for line in re.sub(rb'\r\n(?=[ \t])', b'', header).split(b'\r\n') if line]


class Copies(Served):
    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')

    def copy(self, octets=None, *settings, address=None, **options):
        """The copy of a posting while the list has these settings."""
        address = address or self.ant
        if settings:
            before = [f'{name}={self.daemon.run("show", address, name).rstrip(chr(10)).split(" = ", 1)[-1]}' for name in (each.split('=')[0] for each in settings)]
            self.daemon.run('set', address, *settings)
        reply = self.post(address, octets, **options)
        self.assertRegex(reply, accepted(address))
        copy = self.copy_of(reply)
        if settings:
            self.daemon.run('set', address, *before)
        return copy

    def added(self, copy, octets):
        """The fields on top of what was sent, as {name: value}; the rest must be as it was."""
        self.assertTrue(copy.octets.endswith(octets), (copy.octets, octets))
        top = copy.octets[:len(copy.octets) - len(octets)]
        return {name: copy.fields(name)[0].decode() for name in names(top)}


class Default(Copies):
    def test_added_fields_and_nothing_else(self):
        octets = message(body='body\n\n.\n')
        reply = self.post(self.ant, octets)
        copy = self.copy_of(reply)
        added = self.added(copy, octets)
        received = added.pop('Received')
        self.assertRegex(received, rf'^from mta\.example\.org by lists\.example\.com with LMTP id {code(reply)} for <{self.ant}>; \w{{3}}, \d+ \w{{3}} \d{{4}} \d\d:\d\d:\d\d \+0000$')
        identity = re.search(rb'Message-ID: <(.*)>', octets)[1]
        digest = base64.b32encode(hashlib.sha1(identity).digest()).decode()
        self.assertEqual(added, {**LISTS, 'Precedence': 'list', 'X-Listward-Loop': self.ant, 'Message-ID-Hash': digest})
        self.assertEqual(names(copy.octets)[0], 'Received')
        self.assertEqual(copy.fields('Sender'), [])
        self.assertEqual((untagged(copy.sender.address), copy.addresses), (f'ant-bounces@{DOMAIN}', [MEMBER]))

    def test_every_octet_stays(self):
        """Odd fields, folding, 8 bit, an mbox line's remains, an attachment."""
        octets = (b'X-Odd :  spaced \t\r\nx-folded: one\r\n\ttwo\r\n   \r\n three\r\nSubject:\r\nFrom:bat@example.net (comment)\r\nno field at all\r\nX-8: gr\xfcn\r\n'
                  b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\nDate: yesterday\r\nMessage-ID: <odd@x>\r\n\r\npre\r\n--b\r\n\r\n\xff\x00\xfe\t \r\n--b--\r\nend')
        copy = self.copy(octets + b'\r\n')
        self.added(copy, octets + b'\r\n')

    def test_no_body(self):
        octets = crlf(f'From: {MEMBER}\nSubject: only a header\nMessage-ID: <only@x>\nDate: x\n')
        copy = self.copy(octets)
        self.assertIn(b'Subject: only a header\r\n', copy.octets)
        self.assertEqual(copy.body, b'')

    def test_removed_fields(self):
        """As README of the pipeline names them; others of the kind stay."""
        removed = ('Approved: secret\nApprove: secret\nX-Approved: secret\nX-Approve: secret\nUrgent: secret\nReturn-Receipt-To: a@b\nDisposition-Notification-To: a@b\n'
                   'X-Confirm-Reading-To: a@b\nX-PMRQC: 1\nReturn-Path: <a@b>\nList-Id: <other.example.org>\nList-Unsubscribe: <https://x>,\n <https://y>\nList-Archive: <https://x>\n'
                   'List-Unsubscribe-Post: List-Unsubscribe=One-Click\nMessage-ID-Hash: X\nX-Message-ID-Hash: X\nlist-post: x\n')
        kept = 'Approval: x\nX-List: x\nArchived-At: <https://x>\nX-Mailman-Version: 2\nErrors-To: x\nPrecedence: bulk\nSender: x@y\n'
        octets = message()
        copy = self.copy(crlf(removed) + crlf(kept) + octets)
        added = self.added(copy, crlf(kept) + octets)
        self.assertEqual({name: value for name, value in added.items() if name.startswith('List-')}, LISTS)
        self.assertNotIn('Precedence', added)
        self.assertNotIn(b'secret', copy.octets)

    def test_missing_message_id_and_date(self):
        """Made, the same for the same message whoever sends it, and answered as one posting."""
        self.daemon.run('set', self.ant, 'default_nonmember_action=accept')
        octets = crlf(f'From: {STRANGER}\nSubject: nothing\n\nhello\n')
        one, two = self.copy(octets), self.copy(octets, sender='other@example.org')
        self.assertRegex(one.fields('Message-ID')[0], rb'^<[^<> ]+@lists\.example\.com>$')
        self.assertRegex(one.fields('Date')[0], rb'^\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d \+0000$')
        self.assertEqual(one.fields('Message-ID'), two.fields('Message-ID'))
        digest = base64.b32encode(hashlib.sha1(one.fields('Message-ID')[0][1:-1]).digest())
        self.assertEqual(one.fields('Message-ID-Hash'), [digest])
        self.assertNotEqual(self.copy(octets.replace(b'hello', b'hallo')).fields('Message-ID'), one.fields('Message-ID'))
        self.assertRegex(self.post(self.ant, octets, sender=STRANGER), r'^250 2\.6\.0 \w+ accepted')
        self.assertRegex(self.post(self.ant, octets, sender=STRANGER), r'already accepted')

    def test_all_members_get_the_same_octets(self):
        many = self.create('many', members=[MEMBER, 'a@example.org', 'b@example.edu'])
        reply = self.post(many)
        self.daemon.wait_log(event='copies handed over', post=code(reply))
        copies = [caught for caught in self.sink.messages if code(reply).encode() in caught.header]
        self.assertEqual(sorted(address for copy in copies for address in copy.addresses), sorted([MEMBER, 'a@example.org', 'b@example.edu']))
        self.assertEqual(len({copy.octets for copy in copies}), 1)

    def test_smtputf8(self):
        """Said in Received, and asked for where the header needs it."""
        octets = message(subject='grün')
        copy = self.copy(octets, mail=' SMTPUTF8')
        self.assertRegex(copy.fields('Received')[0], rb'with UTF8LMTP id ')
        self.assertIn('SMTPUTF8', copy.params)
        self.assertNotIn('SMTPUTF8', self.copy(message(), mail=' SMTPUTF8').params)
        self.assertEqual(self.copy(message(body='grün\n'), mail=' BODY=8BITMIME').params.get('BODY'), '8BITMIME')


class Subject(Copies):
    """subject_prefix."""
    PREFIX = 'subject_prefix=[Ant] '

    def subject(self, text, *settings):
        fields = self.copy(crlf(f'From: {MEMBER}\n' + (f'Subject: {text}\n' if text is not None else '') + f'X: {text}\n\nhello {settings}\n'), *settings).fields('Subject')
        self.assertLessEqual(len(fields), 1)
        return fields[0].decode() if fields else None

    def test_put_before_once(self):
        for text, want in (('food', '[Ant] food'), ('Re: food', '[Ant] Re: food'), ('Re: [Ant] food', '[Ant] Re: food'), ('[Ant] food', '[Ant] food'),
                           ('AW: Re: [Ant] Re: food', '[Ant] Re: food'), ('[ant] food', '[Ant] food'), ('Re[2]: food', '[Ant] Re: food'), ('[Bee] food', '[Ant] [Bee] food'),
                           ('Fwd: food', '[Ant] Fwd: food')):
            with self.subTest(text):
                self.assertEqual(self.subject(text, self.PREFIX), want)

    def test_none(self):
        self.assertEqual(self.subject('food'), 'food')
        self.assertIn('[Ant]', self.subject(None, self.PREFIX))

    def test_numbered(self):
        for octets in ('food', 'Re: [Ant 7] food'):
            number = self.rows("SELECT next_number FROM list WHERE local = 'ant'")[0][0]
            self.assertEqual(self.subject(octets, 'subject_prefix=[Ant %d] '), f'[Ant {number}] {"Re: " if "Re" in octets else ""}food')
        number = self.rows("SELECT next_number FROM list WHERE local = 'ant'")[0][0]
        self.assertEqual(self.subject('padded', 'subject_prefix=[%05d] '), f'[{number:05}] padded')

    def test_encoded_words(self):
        """The rest keeps its octets; what is encoded stays so and can be read."""
        for text in ('=?utf-8?q?gr=C3=BCn?= food', '=?ISO-8859-1?B?Z3L8bg==?=\n =?utf-8?q?_Wiese?='):
            with self.subTest(text):
                got = self.copy(crlf(f'From: {MEMBER}\nSubject: {text}\n\n{text}\n'), self.PREFIX)
                self.assertIn(b'Subject: [Ant] ' + crlf(text) + b'\r\n', got.octets)
        decoded = email.message_from_bytes(self.copy(crlf(f'From: {MEMBER}\nSubject: =?utf-8?q?gr=C3=BCn?=\n\nx\n'), 'subject_prefix=[Grün] ').octets,
                                           policy=email.policy.default)
        self.assertEqual(decoded['Subject'].split(), ['[Grün]', 'grün'])
        decoded = email.message_from_bytes(self.copy(crlf(f'From: {MEMBER}\nSubject: =?utf-8?q?Re=3A_=5BAnt=5D_gr=C3=BCn?=\n\nx\n'), self.PREFIX).octets,
                                           policy=email.policy.default)
        self.assertEqual(decoded['Subject'], '[Ant] Re: grün')

    def test_everything_else_stays(self):
        octets = message(subject='food', body='x\n\n.\n')
        copy = self.copy(octets, self.PREFIX)
        self.added(copy, octets.replace(b'Subject: food', b'Subject: [Ant] food'))


class ReplyTo(Copies):
    def reply_to(self, own, *settings):
        return [value.decode() for value in self.copy(message(more=own), *settings).fields('Reply-To')]

    def test_choices(self):
        own = f'Reply-To: Eve <{STRANGER}>\n'
        explicit = 'reply_to_address=desk@example.net'
        strip = 'first_strip_reply_to=yes'
        ant = f'Ant <{self.ant}>'
        for settings, without, with_own in (
                (['reply_goes_to_list=no_munging'], [], [f'Eve <{STRANGER}>']),
                (['reply_goes_to_list=no_munging', strip], [], []),
                (['reply_goes_to_list=point_to_list'], [ant], [f'Eve <{STRANGER}>, {ant}']),
                (['reply_goes_to_list=point_to_list', strip], [ant], [ant]),
                (['reply_goes_to_list=explicit_header', explicit], ['desk@example.net'], [f'desk@example.net, Eve <{STRANGER}>']),
                (['reply_goes_to_list=explicit_header', explicit, strip], ['desk@example.net'], ['desk@example.net']),
                (['reply_goes_to_list=explicit_header_only', explicit], ['desk@example.net'], ['desk@example.net'])):
            with self.subTest(settings):
                self.assertEqual(self.reply_to('', *settings), without)
                self.assertEqual(self.reply_to(own, *settings), with_own)

    def test_what_is_so_already_is_not_touched(self):
        octets = message(more=f'Reply-To:   ANT@{DOMAIN} (the\n ants)\n')
        self.added(self.copy(octets, 'reply_goes_to_list=point_to_list'), octets)


class ListFields(Copies):
    def test_without(self):
        octets = message()
        added = self.added(self.copy(octets, 'include_rfc2369_headers=no'), octets)
        self.assertEqual(sorted(added), ['Message-ID-Hash', 'Precedence', 'Received', 'X-Listward-Loop'])

    def test_no_postings(self):
        octets = message()
        self.assertEqual(self.added(self.copy(octets, 'allow_list_posts=no'), octets)['List-Post'], 'NO')

    def test_description_stands_in_list_id(self):
        for description, want in (('All about ants', f'All about ants {LIST_ID}'), ('Ants, bees <and> "more"', f'"Ants, bees <and> \\"more\\"" {LIST_ID}')):
            octets = message()
            self.assertEqual(self.added(self.copy(octets, f'description={description}'), octets)['List-Id'], want)
        octets = message()
        value = self.added(self.copy(octets, 'description=Über Ameisen'), octets)['List-Id']
        self.assertTrue(value.isascii())
        self.assertEqual(str(email.header.make_header(email.header.decode_header(value))).replace('  ', ' '), f'Über Ameisen {LIST_ID}')

    def test_names_that_need_care(self):
        """A local part with what a URI may not hold, a domain in A-labels."""
        address = self.create('grün@bücher.example')
        reply = self.post(address, message(to='x@y'), mail=' SMTPUTF8')
        fields = self.copy_of(reply).fields('List-Post')
        self.assertEqual(fields, [b'<mailto:gr%C3%BCn@xn--bcher-kva.example>'])

    def test_roles_get_none(self):
        """Mail to the owners is no posting."""
        self.create('bee', owners=['owner@example.net'], members=[])
        octets = message()
        copy = self.copy_of(self.post(f'bee-owner@{DOMAIN}', octets))
        self.assertEqual(sorted(self.added(copy, octets)), ['Received', 'X-Listward-Loop'])


class Signatures(Copies):
    """A default list does nothing that breaks an author's DKIM signature."""

    def signed(self, *signatures, **options):
        """A message with a signature over each of these lists of names."""
        return message(more=''.join(f'DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=x; c=simple/simple;\n h={":".join(names_)}; bh=x;\n b=abc\n'
                                    for names_ in signatures), **options)

    def check(self, octets, names_, *settings):
        """What h= names is there as often as it was, with the octets it had, from the bottom up (RFC 6376 5.4.2); the body too."""
        copy = self.copy(octets, *settings)
        for name in set(names_):
            before, after = fields_as_written(octets, name), fields_as_written(copy.octets, name)
            signed = sum(each.lower() == name.lower() for each in names_)
            self.assertEqual(after[-signed:], before[-signed:], name)
            if signed > len(before):
                self.assertEqual(after, before, f'{name} is oversigned')
        self.assertEqual(copy.body, octets.split(b'\r\n\r\n', 1)[1])
        return copy

    def test_signed_fields_stay(self):
        names_ = ['From', 'To', 'Subject', 'Date', 'Message-ID']
        copy = self.check(self.signed(names_), names_)
        self.assertEqual(copy.fields('List-Id'), [LIST_ID.encode()])

    def test_oversigned_fields_are_not_added(self):
        names_ = ['From', 'From', 'Subject', 'Subject', 'Reply-To', 'List-Id', 'list-unsubscribe', 'Precedence', 'Message-ID-Hash', 'Sender']
        copy = self.check(self.signed(names_), names_)
        for name in ('List-Id', 'List-Unsubscribe', 'Precedence', 'Message-ID-Hash', 'Reply-To'):
            self.assertEqual(copy.fields(name), [], name)
        self.assertEqual(copy.fields('List-Post'), [LISTS['List-Post'].encode()])
        self.daemon.wait_log(event='field left out, a signature names it', field='List-Id')

    def test_missing_ones_that_are_oversigned_stay_missing(self):
        names_ = ['From', 'Date', 'Message-ID']
        octets = self.signed(names_).replace(b'\r\nDate:', b'\r\nX-Date:').replace(b'\r\nMessage-ID:', b'\r\nX-ID:')
        self.check(octets, names_)

    def test_several_signatures(self):
        copy = self.check(self.signed(['From'], ['From', 'List-Post'], ['Subject']), ['From', 'Subject', 'List-Post'])
        self.assertEqual(copy.fields('List-Post'), [])
        self.assertEqual(copy.fields('List-Id'), [LIST_ID.encode()])

    def test_what_the_owner_chose_is_done_all_the_same(self):
        names_ = ['From', 'Subject', 'Reply-To', 'List-Id']
        copy = self.copy(self.signed(names_, subject='food'), 'subject_prefix=[Ant] ', 'reply_goes_to_list=point_to_list')
        self.assertEqual((copy.fields('Subject'), copy.fields('Reply-To')), ([b'[Ant] food'], [f'Ant <{self.ant}>'.encode()]))

    def test_the_test_finds_fault(self):
        octets = self.signed(['From'])
        self.assertEqual(fields_as_written(octets, 'from'), [b'From: bat@example.net\r\n'])
        self.assertEqual(len(fields_as_written(octets, 'dkim-signature')[0].split(b'\r\n')), 4)


def fields_as_written(octets, name):
    """The fields of this name with their octets, folding included."""
    header = octets.split(b'\r\n\r\n', 1)[0] + b'\r\n'
    return [field for field in re.split(rb'(?<=\r\n)(?![ \t])', header) if field.split(b':')[0].strip().lower() == name.lower().encode()]
