"""Copies of the members' own: who gets them, what in them is the member's, and that everything else is the same."""
import collections
import email
import email.header
import email.policy
import json
import re
import unittest

from lib import events, tags
from lib.fanout import BOUNCES, LIST, Fanout, Gate, addresses, message
from lib.lmtp import Client

DOMAIN = 'big.example'


class Copies(Fanout):
    """Copies are told apart by their recipients."""

    def set(self, *settings):
        self.daemon.run('set', LIST, *settings)

    def secrets(self):
        """The newest first."""
        return [secret for (secret,) in self.rows('SELECT secret FROM tag_key ORDER BY id DESC')]

    def posting_id(self, code):
        return self.number('SELECT id FROM posting WHERE code = ?', code)

    def members(self):
        return dict(self.rows('SELECT address.email, member.id FROM member JOIN address ON address.id = member.address_id'))

    def mails(self, code):
        mark = re.compile(rb'\sid\s+' + code.encode() + rb'\s')
        with events.changed:
            return [mail for mail in self.sink.messages if mark.search(mail.header)]

    def check_senders(self, code, personal):
        """Each sender is the list's -bounces with a tag of one of our keys: of the posting, and of the member if the copy is its own."""
        secrets, members, list_id, posting = self.secrets(), self.members(), self.number('SELECT id FROM list'), self.posting_id(code)
        own = set()
        for mail in self.mails(code):
            self.assertEqual(tags.untagged(mail.sender.address), BOUNCES)
            got = tags.read(mail.sender.address, secrets, list_id)
            if mail.addresses[0] in personal:
                self.assertEqual(got, (posting, members[mail.addresses[0]]))
                self.assertEqual(len(mail.addresses), 1)
                own.update(mail.addresses)
            else:
                self.assertEqual(got, (posting, 0))
        self.assertEqual(own, set(personal))

    def check_same(self, code, but=b''):
        """All copies are the same octets, but for the field that is named."""
        def rest(mail):
            return re.sub(rb'(?m)^' + but + rb':.*\r\n(?:[ \t].*\r\n)*', b'', mail.octets, count=1) if but else mail.octets
        self.assertEqual(len({rest(mail) for mail in self.mails(code)}), 1)
        self.assertEqual(len({mail.body for mail in self.mails(code)}), 1)


class Choice(Copies):
    COURIER = {'personal_domains': f'other.example, {DOMAIN.upper()}', 'retry_first': '1s'}

    def test_always(self):
        people = self.add_members(120)
        self.set('personal=always')
        code = self.post(message('always', body='.dot\nbody\n'))
        self.account(code, sent=people)
        self.check_senders(code, personal=people)
        self.check_same(code)
        self.assertEqual([mail.fields('Precedence') for mail in self.mails(code)], [[b'list']] * 120)
        self.assertEqual(self.rows('SELECT shape, count FROM chunk ORDER BY id'), [(1, 50), (1, 50), (1, 20)])

    def test_never(self):
        people = self.add_members([*addresses(3), f'a@{DOMAIN}'])
        self.set('personal=never')
        code = self.post()
        self.account(code, sent=people)
        self.check_senders(code, personal=[])
        self.assertEqual([sorted(mail.addresses) for mail in self.mails(code)], [sorted(people)])

    def test_auto(self):
        """Those in the domains have their own; the one below them and all others share."""
        own = [f'a@{DOMAIN}', f'B@{DOMAIN.capitalize()}', 'c@other.example']
        people = self.add_members([*addresses(30), *own[:2], f'd@mail.{DOMAIN}', *addresses(30, start=31), own[2]])
        code = self.post()
        self.account(code, sent=people)
        self.check_senders(code, personal=own)
        self.check_same(code)
        self.assertEqual(sorted(len(mail.addresses) for mail in self.mails(code)), [1, 1, 1, 61])
        self.assertEqual(sorted(self.rows('SELECT shape, count FROM chunk')), [(0, 61), (1, 3)])

    def test_auto_after_a_bounce(self):
        people = self.add_members(5)
        self.sink.on['RCPT'] = lambda session, path: '550 5.1.1 who?' if path.address == people[2] else None
        code = self.post()
        self.account(code, sent=[one for one in people if one != people[2]], failed=[people[2]], reason='^550 5.1.1 who')
        self.sink.on.clear()
        code = self.post()
        self.account(code, sent=people)
        self.check_senders(code, personal=[people[2]])

    def test_a_retry_keeps_its_shape(self):
        people = self.add_members([*addresses(3), f'a@{DOMAIN}'])
        tried = collections.Counter()

        def once(_, path):
            tried[path.address] += 1
            return '450 4.2.1 later' if tried[path.address] == 1 and path.address in people[2:] else None
        self.sink.on['RCPT'] = once
        code = self.post()
        self.account(code, sent=people)
        self.check_senders(code, personal=[people[3]])

    def test_many(self):
        """Mixed to and fro: everybody has one copy."""
        people = [f'm{number}@{DOMAIN if number % 3 == 0 else "example.net"}' for number in range(1500)]
        self.add_members(people)
        code = self.post()
        self.account(code, sent=people)
        self.check_senders(code, personal=[one for one in people if one.endswith(DOMAIN)])
        self.check_same(code)


class Personalize(Copies):
    def test_individual(self):
        """Copies of their own, although personal says never."""
        people = self.add_members(3)
        self.set('personalize=individual', 'personal=never')
        code = self.post()
        self.account(code, sent=people)
        self.check_senders(code, personal=people)
        self.check_same(code)
        self.assertEqual({tuple(mail.fields('To')) for mail in self.mails(code)}, {(LIST.encode(),)})

    def full(self, octets, names=None):
        names = names or {'m1@example.net': 'Mia Maier', 'm2@example.net': '', 'm3@example.net': '"Maier, M."', 'm4@example.net': 'Jürgen'}
        self.add_members([f'{name} <{address}>' if name else address for address, name in names.items()])
        self.set('personalize=full')
        code = self.post(octets)
        self.account(code, sent=names)
        self.check_senders(code, personal=names)
        self.check_same(code, but=b'To')
        for mail in self.mails(code):
            parsed = email.message_from_bytes(mail.octets, policy=email.policy.default)
            name = names[mail.addresses[0]].strip('"')
            self.assertEqual([(one.display_name, one.addr_spec) for one in parsed['To'].addresses], [(name, mail.addresses[0])])
            self.assertEqual(len(mail.fields('To')), 1)
        return email.message_from_bytes(self.mails(code)[0].octets, policy=email.policy.default)

    def test_full(self):
        copy = self.full(message('full', body='.dot\nbody\n'))
        self.assertEqual(str(copy['Cc']), LIST)

    def test_full_nobody_is_lost(self):
        octets = message('lost').replace(f'To: {LIST}'.encode(), f'To: Bob <bob@example.org>,\r\n {LIST}\r\nTO: c@example.org\r\nCc: "O, W" <o@example.org>'.encode())
        copy = self.full(octets)
        self.assertEqual([one.addr_spec for one in copy['Cc'].addresses], ['o@example.org', LIST, 'bob@example.org', 'c@example.org'])
        self.assertEqual(len(copy.get_all('Cc')), 1)

    def test_full_without_to(self):
        copy = self.full(message('none').replace(f'To: {LIST}\r\n'.encode(), b''))
        self.assertEqual(str(copy['Cc']), LIST)

    def test_full_resumed(self):
        """After a crash in the middle the rest gets the same header, with its own To."""
        self.daemon.configure({'courier': {'connections': 1}})
        self.daemon.restart()
        people = self.add_members(120)
        self.set('personalize=full')
        gate = Gate()
        self.sink.on['DOT'] = lambda _, mail: gate(_, mail) if mail.addresses[0] == people[70] and not gate.opened.is_set() else None
        code = self.post()
        gate.wait(1)
        self.daemon.kill()
        gate.open()
        self.daemon.start()
        self.account(code, sent=people, twice=50)
        self.check_senders(code, personal=people)
        self.check_same(code, but=b'To')
        for mail in self.mails(code):
            self.assertEqual(mail.fields('To'), [mail.addresses[0].encode()])


class Tags(Copies):
    def bounce_to(self, address):
        with Client(self.daemon.port) as client:
            client.lhlo()
            return str(client.deliver('', [address], message('returned', sender='mailer-daemon@example.net'))[0])

    def test_mail_to_the_senders_is_taken(self):
        people = self.add_members(2)
        self.set('personal=always')
        self.account(self.post(), sent=people)
        for mail in self.sink.messages:
            self.assertRegex(self.bounce_to(mail.sender.address), r'^250 2\.6\.0 \w+ taken for ')
            self.assertRegex(self.bounce_to(mail.sender.address.upper()), r'^250 2\.6\.0 \w+ taken for ')
        kept = {argument for (argument,) in self.rows("SELECT argument FROM posting WHERE address LIKE 'ant-bounces%'")}
        self.assertEqual(kept, {tags.split(mail.sender.address)[1] for mail in self.sink.messages})

    def test_keys_are_rotated(self):
        self.assertEqual(self.daemon.run('tagkeys'), 'no keys yet: the first copy makes one\n')
        self.assertEqual(json.loads(self.daemon.run('tagkeys', '--json')), [])
        people = self.add_members(1)
        self.account(self.post(), sent=people)
        first = self.secrets()
        self.assertEqual((len(first), len(first[0])), (1, 32))
        self.assertRegex(self.daemon.run('tagkeys', '--rotate'), r'^2  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  makes the tags\n1  .*  is believed\n$')
        self.assertEqual([(key['id'], key['makes_tags']) for key in json.loads(self.daemon.run('tagkeys', '--json'))], [(2, True), (1, False)])
        self.account(self.post(), sent=people)
        before, after = (mail.sender.address for mail in self.sink.messages)
        newest = self.secrets()[:1]
        self.assertNotEqual(newest, first)
        self.assertEqual((tags.read(before, first, 1), tags.read(after, newest, 1)), ((1, 0), (2, 0)))
        with self.assertRaises(AssertionError):
            tags.read(after, first, 1)
        for _ in range(20):
            self.daemon.run('tagkeys', '--rotate')
        self.assertEqual(len(self.daemon.run('tagkeys').splitlines()), 16)

    def test_a_name_too_long_for_tags(self):
        name = 'a' * 40 + '@lists.example.com'
        self.make_list(name)
        people = self.add_members(2, to=name)
        self.daemon.run('set', name, 'personal=always')
        self.account(self.post(to=name), sent=people)
        self.assertEqual({mail.sender.address for mail in self.sink.messages}, {'a' * 40 + '-bounces@lists.example.com'})

    def test_owners_mail(self):
        self.set('personal=always')
        self.daemon.run('addmembers', '-W', '--role', 'owner', '-', LIST, stdin='o@example.org\np@example.org\n')
        with Client(self.daemon.port) as client:
            client.lhlo()
            self.assertEqual(client.deliver('eve@example.org', ['ant-owner@lists.example.com'], message('owner'))[0].code, 250)
        self.sink.wait_recipients(2)
        mail, = self.sink.messages
        self.assertEqual((tags.untagged(mail.sender.address), sorted(mail.addresses)), (BOUNCES, ['o@example.org', 'p@example.org']))
        self.assertEqual(tags.read(mail.sender.address, self.secrets(), 1), (1, 0))


if __name__ == '__main__':
    unittest.main()
