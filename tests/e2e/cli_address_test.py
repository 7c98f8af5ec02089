"""The commands about an address on all lists, from outside: findmember and changeaddress."""
import sqlite3
import unittest

from lib.commands import ANT, BEE, Commands
from lib.fanout import Gate
from lib.lmtp import Client, crlf
from lib.sink import Sink

OLD, NEW = 'old@example.net', 'new@example.net'


class FindMember(Commands):
    def setUp(self):
        super().setUp()
        for name in ANT, BEE:
            self.run_ok('create', name)
        self.run_ok('addmembers', '-d', 'mime', '-', BEE, stdin='Bat <Bat@example.net>\n')
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\ncat@b\u00fccher.example\n')
        self.run_ok('addmembers', '-d', 'disabled', '--role', 'owner', '-', ANT, stdin='bat@example.net\n')
        self.run_ok('addmembers', '--role', 'nonmember', '-', BEE, stdin='abate@example.org\n')
        self.bats = ['Bat@example.net  ant@example.com  member  regular  enabled', 'Bat@example.net  ant@example.com  owner  regular  by_moderator',
                     'Bat@example.net  bee@example.com  member  mime_digests  enabled']
        self.abate = 'abate@example.org  bee@example.com  nonmember  regular  enabled'

    def test_findmember(self):
        cat = 'cat@b\u00fccher.example  ant@example.com  member  regular  enabled'
        for pattern, want in (
            ('bat', [self.abate, *self.bats]), ('BAT@', self.bats), ('^bat', self.bats), ('^BAT@', self.bats), ('^a', [self.abate]), ('^.*@example', [self.abate, *self.bats]),
            ('B\u00dcCHER', [cat]), ('xn--bcher', [cat]), ('^cat@xn--', [cat]), ('bat@example.net', self.bats), ('', [self.abate, *self.bats, cat]),
        ):
            with self.subTest(pattern):
                self.assertEqual(self.lines('findmember', pattern), want)

    def test_roles(self):
        for options, want in (
            (('-r', 'any'), [self.abate, *self.bats]), (('--role', 'member'), [self.bats[0], self.bats[2]]), (('-r', 'owner'), [self.bats[1]]),
            (('-r', 'administrator'), [self.bats[1]]), (('-r', 'nonmember'), [self.abate]),
        ):
            with self.subTest(options):
                self.assertEqual(self.lines('findmember', *options, 'bat'), want)
        self.usage(('findmember', '-r', 'boss', 'bat'), '"boss"', 'administrator')
        self.fails(('findmember', '-r', 'moderator', 'bat'), 'contains "bat", with --role moderator')

    def test_json(self):
        self.assertEqual(self.json('findmember', '--json', '-r', 'owner', 'bat'),
                         [{'email': 'Bat@example.net', 'display_name': 'Bat', 'list': ANT, 'role': 'owner', 'delivery_mode': 'regular', 'delivery_status': 'by_moderator'}])
        self.fails(('findmember', '--json', 'nobody'), '"nobody"', out='[]\n')

    def test_findmember_refuses(self):
        self.fails(('findmember', 'nobody'), 'contains "nobody"')
        self.fails(('findmember', '^nobody'), 'matches "^nobody"')
        self.fails(('findmember', '^('), '"^("', 'parenthesis')
        self.usage(('findmember',), 'PATTERN')
        self.run_ok('delmembers', '--fromall', '-m', 'cat@b\u00fccher.example')
        self.fails(('findmember', 'cat'), '"cat"')

    def test_more_than_a_slice(self):
        self.run_ok('addmembers', '-', ANT, stdin=''.join(f'm{n:04}@example.net\n' for n in range(1200)))
        self.assertEqual([line.split()[0] for line in self.lines('findmember', 'm')][-1200:], [f'm{n:04}@example.net' for n in range(1200)])
        self.assertEqual(self.lines('findmember', '^m1199'), ['m1199@example.net  ant@example.com  member  regular  enabled'])


class ChangeAddress(Commands):
    def setUp(self):
        super().setUp()
        for name in ANT, BEE:
            self.run_ok('create', name)
        self.run_ok('addmembers', '-d', 'plain', '-', ANT, stdin=f'Name <{OLD}>\n')
        self.run_ok('addmembers', '--role', 'owner', '-', BEE, stdin=f'{OLD}\n')
        self.run_ok('addmembers', '-', BEE, stdin=f'{OLD}\n{NEW}\n')

    def everything(self):
        return self.lines('findmember', '')

    def test_changeaddress(self):
        want = ['ant@example.com: member moves', f'bee@example.com: member ends, {NEW} is member there already', 'bee@example.com: owner moves']
        before = self.everything()
        for option in '-n', '--dry-run':
            self.assertEqual(self.lines('changeaddress', option, OLD, NEW), want)
        self.assertEqual(self.everything(), before)
        self.assertEqual(self.lines('changeaddress', OLD, NEW), want)
        self.assertEqual(self.everything(), [f'{NEW}  ant@example.com  member  plaintext_digests  enabled', f'{NEW}  bee@example.com  member  regular  enabled',
                                             f'{NEW}  bee@example.com  owner  regular  enabled'])
        self.assertEqual(self.json('member', '--json', ANT, NEW)['display_name'], 'Name')
        self.fails(('changeaddress', OLD, NEW), f'{OLD} is on no list')

    def test_json(self):
        self.assertEqual(self.json('changeaddress', '--json', '-n', OLD, 'x@example.net'),
                         {'from': OLD, 'to': 'x@example.net', 'waiting_copies': 0,
                          'memberships': [{'list': ANT, 'role': 'member', 'moves': True}, {'list': BEE, 'role': 'member', 'moves': True}, {'list': BEE, 'role': 'owner', 'moves': True}]})

    def test_only_the_spelling(self):
        self.assertEqual(self.lines('changeaddress', OLD, 'Old@Example.net')[0], 'ant@example.com: member is written anew')
        self.assertEqual(self.lines('findmember', 'old@')[0], 'Old@Example.net  ant@example.com  member  plaintext_digests  enabled')
        self.fails(('changeaddress', OLD, 'Old@Example.net'), 'Old@Example.net is written so already')

    def test_changeaddress_refuses_and_changes_nothing(self):
        self.run_ok('ban', 'eve@example.org', BEE)
        self.run_ok('ban', r'^.*@spam\.example')
        before = self.everything()
        for words, parts in (
            ((OLD, 'eve@example.org'), ('bee@example.com: eve@example.org is banned',)), ((OLD, 'x@spam.example'), ('x@spam.example is banned',)),
            ((OLD, ANT), (f'ant@example.com: {ANT} is an address of the list itself',)), ((OLD, 'bee-owner@example.com'), ('bee@example.com: bee-owner@example.com is an address',)),
            ((OLD, 'nonsense'), ('"nonsense" is no address',)), (('nonsense', NEW), ('"nonsense" is no address',)), (('nobody@example.net', NEW), ('nobody@example.net is on no list',)),
            ((OLD, OLD), ('is written so already',)),
        ):
            for options in (), ('-n',):
                self.fails(('changeaddress', *options, *words), *parts)
        self.usage(('changeaddress', OLD), 'OLD NEW')
        self.assertEqual(self.everything(), before)


class ChangeAddressBesideTheServer(Commands):
    """What is on its way, and what comes next, goes to the new address."""

    def setUp(self):
        super().setUp()
        self.sink = Sink()
        self.addCleanup(self.sink.stop)
        self.daemon.close()
        self.daemon = type(self.daemon)(self.sink)
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        self.run_ok('create', ANT)
        self.run_ok('addmembers', '-', ANT, stdin=f'{OLD}\nother@example.net\n')

    def post(self, number):
        with Client(self.daemon.port) as client:
            client.lhlo()
            text = f'From: other@example.net\nTo: {ANT}\nSubject: {number}\nMessage-ID: <{number}@example.net>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nhello\n'
            reply, = client.deliver('other@example.net', [ANT], crlf(text))
            self.assertEqual(reply.code, 250)

    def rows(self, sql):
        database = sqlite3.connect(f'file:{self.daemon.state}/listward.db?mode=ro', uri=True)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def test_a_copy_that_waits(self):
        self.sink.on['RCPT'] = lambda session, path: '450 4.2.0 not now' if path.address == OLD else None
        self.post(1)
        self.daemon.wait_for(lambda: self.rows(f"SELECT 1 FROM recipient WHERE address = '{OLD}' AND state = 0"), what='a deferred copy')
        member, = self.rows('SELECT member.id FROM member JOIN address ON address.id = member.address_id WHERE email = ' + repr(OLD))
        want = ['ant@example.com: member moves', f'1 waiting copy goes to {NEW}']
        self.assertEqual(self.lines('changeaddress', '-n', OLD, NEW), want)
        self.assertEqual(self.json('changeaddress', '-n', '--json', OLD, NEW)['waiting_copies'], 1)
        self.assertEqual(self.lines('changeaddress', OLD, NEW), want)
        self.run_ok('retry')
        self.sink.wait_recipients(2)
        self.assertEqual(sorted(address for caught in self.sink.messages for address in caught.addresses), [NEW, 'other@example.net'])
        self.post(2)
        self.sink.wait_recipients(4)
        self.assertEqual(sorted(address for caught in self.sink.messages for address in caught.addresses), 2 * [NEW] + 2 * ['other@example.net'])
        self.assertEqual(self.rows('SELECT member.id FROM member JOIN address ON address.id = member.address_id WHERE email = ' + repr(NEW)), [member])

    def test_a_copy_that_is_being_sent(self):
        gate = Gate()
        self.sink.on['RCPT'] = lambda session, path: '450 4.2.0 not now' if path.address == OLD else None
        self.sink.on['DOT'] = gate
        self.post(1)
        gate.wait()
        self.run_ok('changeaddress', OLD, NEW)
        gate.open()
        self.daemon.wait_log(event='copies handed over')
        self.assertEqual(self.rows('SELECT address, state FROM recipient'), [(NEW, 0)])


if __name__ == '__main__':
    unittest.main()
