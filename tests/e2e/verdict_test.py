"""The rules, one after the other, and the settings they read."""
from lib.lmtp import crlf
from lib.posting import DISCARDED, DOMAIN, MEMBER, STRANGER, Served, accepted, held, message

NOT_A_MEMBER = r'you are not a member of {}'


class Rules(Served):
    """Over a return path that counts as proven by [lmtp] unproven = refuse: a refusal stays one."""
    config = {'lmtp': {'unproven': 'refuse'}}

    def refused(self, address, who='stranger'):
        text = {'stranger': rf'you are not a member of {address}; to become one, write to {address.replace("@", "-owner@")}',
                'record': rf'you may not post to {address}; if you think you should, write to {address.replace("@", "-owner@")}',
                'member': rf'members do not post to {address}; write to {address.replace("@", "-owner@")} instead'}[who]
        return f'^550 5\\.7\\.1 {text}$'

    def assert_post(self, address, want, octets=None, sender=MEMBER, **options):
        self.assertRegex(self.post(address, octets, sender=sender, **options), want)


class Moderation(Rules):
    def wait_for_moderator(self, address):
        return held(address, rf'postings to {address} wait for a moderator')

    def test_actions_for_members(self):
        """By the list's default, and by the member's own record, which goes first."""
        address = self.create('members', members=[MEMBER, 'own@example.net'])
        default = {'accept': accepted(address), 'hold': self.wait_for_moderator(address), 'reject': self.refused(address, 'member'), 'discard': DISCARDED,
                   'defer': accepted(address)}
        own = {**default, 'reject': self.refused(address, 'record')}
        for action in default:
            self.daemon.run('set', address, f'default_member_action={action}')
            with self.subTest('default', action=action):
                self.assert_post(address, default[action])
        self.daemon.run('set', address, 'default_member_action=discard')
        for action in own:
            self.daemon.run('member', address, 'own@example.net', f'moderation_action={action}')
            with self.subTest('own', action=action):
                self.assert_post(address, own[action], message('own@example.net'), 'own@example.net')
        self.daemon.run('member', address, 'own@example.net', 'moderation_action=default')
        self.assert_post(address, DISCARDED, message('own@example.net'), 'own@example.net')

    def test_actions_for_nonmembers(self):
        address = self.create('strangers')
        self.daemon.run('addmembers', '-W', '--role', 'nonmember', '-', address, stdin='known@example.org\n')
        default = {'accept': accepted(address), 'hold': held(address, NOT_A_MEMBER.format(address)), 'reject': self.refused(address), 'discard': DISCARDED,
                   'defer': accepted(address)}
        own = {**default, 'hold': self.wait_for_moderator(address), 'reject': self.refused(address, 'record')}
        for action in default:
            self.daemon.run('set', address, f'default_nonmember_action={action}')
            with self.subTest('default', action=action):
                self.assert_post(address, default[action], message(STRANGER), STRANGER)
                self.assert_post(address, default[action], message('known@example.org'), 'known@example.org')
        for action in own:
            self.daemon.run('member', '--role', 'nonmember', address, 'known@example.org', f'moderation_action={action}')
            with self.subTest('own', action=action):
                self.assert_post(address, own[action], message('known@example.org'), 'known@example.org')
        self.assert_post(address, accepted(address))

    def test_conceal_members(self):
        """Members and strangers get the same answer, whatever is to happen to them."""
        address = self.create('private', 'conceal_members=yes', members=[MEMBER, 'muted@example.net'])
        self.daemon.run('member', address, 'muted@example.net', 'moderation_action=reject')
        for action in ('reject', 'hold'):
            self.daemon.run('set', address, f'default_nonmember_action={action}')
            for sender in (STRANGER, 'muted@example.net'):
                with self.subTest(action, sender=sender):
                    self.assert_post(address, self.wait_for_moderator(address), message(sender), sender)
        self.assertEqual(self.daemon.run('show', self.create('closed', options=['--style', 'private-default']), 'conceal_members').split()[-1], 'true')

    def test_emergency(self):
        address = self.create('emergency', 'emergency=yes')
        for sender in (MEMBER, STRANGER):
            self.assert_post(address, held(address, rf'all postings to {address} wait for a moderator at present'), message(sender), sender)
        self.daemon.run('set', address, 'emergency=no')
        self.assert_post(address, accepted(address))

    def test_announce_style(self):
        address = self.create('news', members=[MEMBER], owners=['boss@example.net'], options=['--style', 'legacy-announce'])
        self.assert_post(address, self.refused(address, 'member'))
        self.assert_post(address, self.refused(address), message(STRANGER), STRANGER)
        self.assert_post(address, accepted(address), message('boss@example.net'), 'boss@example.net')


class Senders(Rules):
    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')

    def from_fields(self, *fields):
        return crlf('\n'.join(fields) + '\nSubject: x\nMessage-ID: <' + repr(abs(hash(fields))) + '@x>\n\nhello\n')

    def test_which_fields_prove_membership(self):
        """From, the reverse-path and Sender; never Reply-To, since anybody may ask for answers to a member."""
        other = STRANGER
        for name, fields, sender, want in (
                ('From', [f'From: {MEMBER}'], other, True), ('From with a name', [f'From: "Eve <{other}>" <{MEMBER}>'], other, True),
                ('From, second author', [f'From: {other}, Bat <{MEMBER}>'], other, True), ('the reverse-path', [f'From: {other}'], MEMBER, True),
                ('Sender', [f'From: {other}', f'Sender: {MEMBER}'], other, True), ('From in another case', ['From: BAT@Example.NET'], other, True),
                ('Reply-To', [f'From: {other}', f'Reply-To: {MEMBER}'], other, False), ('To', [f'From: {other}', f'To: {MEMBER}'], other, False),
                ('a name that looks like it', [f'From: "{MEMBER}" <{other}>'], other, False), ('a comment', [f'From: {other} ({MEMBER})'], other, False),
                ('X-From', [f'From: {other}', f'X-From: {MEMBER}'], other, False)):
            with self.subTest(name):
                self.assert_post(self.ant, accepted(self.ant) if want else self.refused(self.ant), self.from_fields(*fields), sender)

    def test_the_first_member_in_order_decides(self):
        """From, reverse-path, Reply-To, Sender."""
        order = self.create('order', members=['accept@example.net', 'hold@example.net', 'discard@example.net'])
        for action in ('accept', 'hold', 'discard'):
            self.daemon.run('member', order, f'{action}@example.net', f'moderation_action={action}')
        want = {'accept': accepted(order), 'hold': held(order), 'discard': DISCARDED}
        for first, second, third in (('accept', 'hold', 'discard'), ('hold', 'discard', 'accept'), ('discard', 'accept', 'hold')):
            with self.subTest(first):
                fields = [f'Sender: {third}@example.net', f'From: {first}@example.net']
                self.assert_post(order, want[first], self.from_fields(*fields), f'{second}@example.net')
                fields = [f'Sender: {third}@example.net', f'From: {STRANGER}', f'Reply-To: {second}@example.net']
                self.assert_post(order, want[first], self.from_fields(*fields), f'{first}@example.net')
                self.assert_post(order, want[third], self.from_fields(*fields), STRANGER)

    def test_nobody(self):
        """No author and a reverse-path that is none of a person's."""
        self.assert_post(self.ant, DISCARDED, self.from_fields('From: nobody'), '')
        self.assert_post(self.ant, accepted(self.ant), self.from_fields('From: nobody'), MEMBER)

    def test_idn_and_utf8_authors(self):
        utf8 = self.create('utf8', members=['grün@bücher.example'])
        for address in ('grün@bücher.example', 'grün@xn--bcher-kva.example', 'GRÜN@BÜCHER.example', 'gru\u0308n@bücher.example'):
            with self.subTest(address):
                self.assert_post(utf8, accepted(utf8), crlf(f'From: <{address}>\nSubject: {address}\n\nhello\n'), STRANGER, mail=' SMTPUTF8')
                self.assert_post(utf8, accepted(utf8), message(STRANGER), address, mail=' SMTPUTF8')
        self.assert_post(utf8, self.refused(utf8), message('grun@bücher.example'), 'grun@xn--bcher-kva.example')


class Bans(Rules):
    @classmethod
    def furnish(cls):
        cls.ant, cls.bee = cls.create('ant', 'default_nonmember_action=accept'), cls.create('bee', 'default_nonmember_action=accept')

    def check(self, sender, ant, bee, octets=None):
        octets = octets or message(sender)
        for address, is_banned in ((self.ant, ant), (self.bee, bee)):
            with self.subTest(sender=sender, address=address):
                self.assert_post(address, self.refused(address, 'record') if is_banned else accepted(address), octets, sender)

    def test_of_a_list(self):
        self.daemon.run('ban', 'One@Example.org', self.ant)
        self.check('one@example.org', True, False)
        self.check('ONE@EXAMPLE.ORG', True, False)
        self.check('someone@example.org', False, False)
        self.daemon.run('unban', 'one@example.org', self.ant)
        self.check('one@example.org', False, False)

    def test_of_the_site(self):
        self.daemon.run('ban', 'two@example.org')
        self.check('two@example.org', True, True)
        self.daemon.run('unban', 'two@example.org')
        self.check('two@example.org', False, False)

    def test_patterns(self):
        self.daemon.run('ban', r'^.*@spam\.example', self.ant)
        self.daemon.run('ban', r'^bot[0-9]+@')
        self.check('any@spam.example', True, False)
        self.check('any@SPAM.example', True, False)
        self.check('any@notspam.example', False, False)
        self.check('bot7@example.org', True, True)
        self.check('robot7@example.org', False, False)
        self.assertIn('^.*@spam\\.example', self.daemon.run('bans', self.ant).splitlines())
        self.assertEqual(self.daemon.run('bans').splitlines(), ['^bot[0-9]+@'])
        self.daemon.run('unban', r'^bot[0-9]+@')
        self.check('bot7@example.org', False, False)

    def test_every_sender_counts(self):
        """Whoever is named: From, Sender, Reply-To, reverse-path. A member, too."""
        self.daemon.run('ban', 'three@example.org', self.ant)
        for field in ('Sender', 'Reply-To'):
            self.check(MEMBER, True, False, message(more=f'{field}: three@example.org\n'))
        self.check(MEMBER, True, False, message('three@example.org'))
        self.check('three@example.org', True, False, message())
        self.daemon.run('ban', MEMBER, self.ant)
        self.check(MEMBER, True, False)
        self.daemon.run('unban', MEMBER, self.ant)

    def test_what_is_no_pattern(self):
        for text in ('^(', 'no address', ''):
            done = self.daemon.cli('ban', text, self.ant)
            self.assertEqual((done.code, done.err != ''), (1, True), text)
        self.assertEqual(self.daemon.cli('unban', 'nobody@example.org', self.ant).code, 1)


class BeforeMembership(Rules):
    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant', 'default_nonmember_action=accept')

    def test_automatic_messages_are_discarded(self):
        report = 'MIME-Version: 1.0\nContent-Type: multipart/report;\n report-type="{}"; boundary=x\n'
        for name, more, want in (('a vacation reply', 'Auto-Submitted: auto-replied\n', DISCARDED), ('with a comment', 'auto-submitted: (x) Auto-Replied; a=b\n', DISCARDED),
                                 ('a delivery report', report.format('delivery-status'), DISCARDED), ('a read receipt', report.format('disposition-notification'), DISCARDED),
                                 ('auto-generated', 'Auto-Submitted: auto-generated\n', accepted(self.ant)), ('no', 'Auto-Submitted: no\n', accepted(self.ant)),
                                 ('a feedback report', report.format('feedback-report'), accepted(self.ant))):
            for sender in (MEMBER, STRANGER):
                with self.subTest(name, sender=sender):
                    self.assert_post(self.ant, want, message(sender, more=more), sender)
        self.assert_post(self.ant, DISCARDED, sender='')

    def test_loops(self):
        other = self.create('other', 'default_nonmember_action=accept')
        received = 'Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\n'
        for name, more, ant, bee in (('hop', f'X-Listward-Loop: {self.ant}\n', True, False), ('hop, among others', f'X-Listward-Loop: x@y\nX-Listward-Loop: {self.ant}\n', True, False),
                                     ('List-Id', f'List-Id: <ant.{DOMAIN}>\n', True, False), ('List-Id with words', f'List-ID: "Ants" <ANT.{DOMAIN}>\n', True, False),
                                     ('other List-Id', 'List-Id: <bee.example.org>\n', False, False),
                                     ('50 hops', received * 50, False, False), ('51 hops', received * 51, True, True)):
            for address, loop in ((self.ant, ant), (other, bee)):
                with self.subTest(name, address=address):
                    self.assert_post(address, rf'^554 5\.4\.6 {address} has seen this message before: ' if loop else accepted(address), message(more=more))

    def test_what_came_out_does_not_go_in_again(self):
        copy = self.copy_of(self.post(self.ant))
        self.assert_post(self.ant, r'^554 5\.4\.6 ', copy.octets, STRANGER)
        self.assertRegex(self.post(self.ant, copy.octets), rf'^250 2\.6\.0 \w+ already accepted for {self.ant}$')  # as if an MTA sent the author's again
        self.assertEqual(copy.fields('X-Listward-Loop'), [self.ant.encode()])

    def test_what_is_malformed_and_what_is_only_odd(self):
        head = f'From: {MEMBER}\n'
        for name, octets, want in (('NUL in the header', crlf(f'{head}Subject: a\0b\n\nx\n'), None), ('no field', b'\r\nhello\r\n', None), ('nothing', b'', None),
                                   ('a header over 256 KiB', message(more=f'X-A: {"x" * 900}\n' * 300), None),
                                   ('too many fields', message(more='X:\n' * 5001), None),
                                   ('NUL in the body', crlf(f'{head}Subject: nul\n\na\0b\n'), 'fine'), ('8 bit in the header', crlf(f'{head}Subject: grün\n\nx\n'), 'fine'),
                                   ('no octet of UTF-8', head.encode() + b'\r\nSubject: \xff\xfe\r\n\r\nx\r\n', 'fine'),
                                   ('a long line', crlf(f'{head}Subject: long\n\n{"x" * 100000}\n'), 'fine'), ('a long field', crlf(f'{head}Subject: {"x" * 100000}\n\nx\n'), 'fine'),
                                   ('From only', crlf(head), 'fine'), ('no From', crlf('Subject: no From\n\nx\n'), 'fine'),
                                   ('an mbox line', crlf(f'From x\n{head}Subject: mbox\n\nx\n'), 'fine'), ('no field in between', crlf(f'{head}what is this\nSubject: between\n\nx\n'), 'fine'),
                                   ('two From', crlf(f'{head}{head}Subject: two\n\nx\n'), 'fine'), ('5,000 fields', message(more='X:\n' * 4990), 'fine')):
            with self.subTest(name):
                self.assert_post(self.ant, accepted(self.ant) if want else r'^550 5\.6\.0 the message cannot be read: \S.+$', octets)

    def test_size_comes_before_membership(self):
        small = self.create('small', 'max_message_size=1')
        self.assert_post(small, r'^552 5\.3\.4 ', message(STRANGER, body='x' * 2000), STRANGER)
        self.daemon.run('set', small, 'max_size_action=hold')
        self.assert_post(small, self.refused(small), message(STRANGER, body='x' * 2000), STRANGER)
        self.assert_post(small, held(small, f'{small} takes up to 1 KiB, this has 3'), message(body='x' * 2000))
        self.daemon.run('set', small, 'max_message_size=0')
        self.assert_post(small, accepted(small), message(body='x' * 2000))
