"""The commands about members and bans from outside: their options, what they say and how they end."""
import re
import tempfile
import unittest

from lib.commands import ANT, BEE, CONTROL, Commands

TIMEOUT = 300


class Members(Commands):
    def setUp(self):
        super().setUp()
        self.run_ok('create', ANT)

    def add(self, text, *options):
        return self.run_ok('addmembers', '-W', *options, '-', ANT, stdin=text)

    def test_addmembers(self):
        self.assertEqual(self.add('bat@example.net\nCat <cat@example.net>\n"Dog, Mr" <dog@example.net>\n\n# nobody\n  elk@example.net  '),
                         '4 added, 0 were there already, 0 bad lines\n')
        self.assertEqual(self.add('BAT@example.net\nfox@example.net\n'), '1 added, 1 were there already, 0 bad lines\n')
        self.assertEqual(self.lines('members', ANT),
                         ['bat@example.net', 'Cat <cat@example.net>', 'Dog, Mr <dog@example.net>', 'elk@example.net', 'fox@example.net'])

    def test_addmembers_from_a_file(self):
        with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
            file.write('bat@example.net\r\ncat@example.net\r\n')
            file.flush()
            self.assertEqual(self.run_ok('addmembers', file.name, ANT), '2 added, 0 were there already, 0 bad lines\n')
        self.assertEqual(self.lines('members', ANT), ['bat@example.net', 'cat@example.net'])

    def test_bad_lines_are_numbered_and_the_good_ones_added(self):
        text = b'bat@example.net\nno address\n\n\xff\xfe@example.net\nEvil \x1b]0;x\x07 <eve@example.net>\nant@example.com\n' + b'x' * 5000 + b'\ncat@example.net'
        done = self.daemon.cli('addmembers', '-', ANT, stdin=text)
        self.assertEqual((done.code, done.out), (1, '2 added, 0 were there already, 5 bad lines\n'))
        self.assertEqual(re.findall(r'^listward: line (\d+): ', done.err, re.M), ['2', '4', '5', '6', '7'])
        self.assertEqual(done.err.count('\n'), 6)
        self.assertTrue(done.err.endswith('listward: a line holds one address, or Name <address>\n'))
        self.assertIsNone(CONTROL.search(done.err))
        self.assertLess(max(map(len, done.err.split('\n'))), 400)
        self.assertEqual(self.lines('members', ANT), ['bat@example.net', 'cat@example.net'])

    def test_addmembers_refuses(self):
        self.fails(('addmembers', '-', BEE), BEE, '`listward lists`', stdin='bat@example.net\n')
        self.fails(('addmembers', '/no/such/file', ANT), '/no/such/file')
        self.usage(('addmembers', '-d', 'nope', '-', ANT), '"nope"', 'regular, mime, plain, summary or disabled')
        self.usage(('addmembers', '--role', 'nope', '-', ANT), '"nope"', 'member, owner, moderator or nonmember')
        self.usage(('addmembers', '-i', '-', ANT), 'invitations', 'without -i')
        self.usage(('addmembers', '-w', '-', ANT), '-w', 'cannot be sent yet')
        self.assertEqual(self.lines('members', ANT), [])

    def test_a_banned_address_is_not_added(self):
        self.run_ok('ban', 'eve@example.org', ANT)
        done = self.daemon.cli('addmembers', '-', ANT, stdin='eve@example.org\n')
        self.assertEqual(done.code, 1)
        self.assertIn('line 1: eve@example.org is banned', done.err)

    def test_ten_thousand_from_a_pipe(self):
        text = ''.join(f'member{n}@example.net\n' for n in range(10000))
        self.assertEqual(self.add(text), '10000 added, 0 were there already, 0 bad lines\n')
        found = self.lines('members', ANT)
        self.assertEqual(found, text.splitlines())
        self.assertEqual(self.run_ok('delmembers', '-l', ANT, '-a'), '10000 removed\n')

    def test_delivery_and_roles(self):
        for mode, address in ('mime', 'm'), ('plain', 'p'), ('summary', 's'), ('disabled', 'd'), ('regular', 'r'):
            self.add(f'{address}@example.net\n', '-d', mode)
        for role in 'owner', 'moderator', 'nonmember':
            self.add(f'{role}@example.net\n', '--role', role)
        rows = [
            ((), ['m', 'p', 's', 'd', 'r']), (('-r',), ['d', 'r']), (('--regular',), ['d', 'r']), (('-n', 'any'), ['d']), (('--nomail', 'byadmin'), ['d']),
            (('-n', 'byuser'), []), (('-n', 'enabled'), ['m', 'p', 's', 'r']),
            (('-d', 'any'), ['m', 'p', 's']), (('-d', 'mime'), ['m']), (('--digest', 'plaintext'), ['p']), (('-d', 'summary'), ['s']),
            (('-R', 'owner'), ['owner']), (('-R', 'moderator'), ['moderator']), (('-R', 'nonmember'), ['nonmember']), (('-R', 'administrator'), ['owner', 'moderator']),
            (('-R', 'any'), ['m', 'p', 's', 'd', 'r', 'owner', 'moderator', 'nonmember']),
        ]
        for options, names in rows:
            with self.subTest(options=options):
                self.assertEqual(self.lines('members', *options, ANT), [f'{name}@example.net' for name in names])
        self.assertEqual(self.json('members', '--json', '-d', 'mime', ANT),
                         [{'email': 'm@example.net', 'display_name': '', 'role': 'member', 'delivery_mode': 'mime_digests', 'delivery_status': 'enabled'}])
        self.usage(('members', '-R', 'nope', ANT), '"nope"', 'administrator')
        self.usage(('members', '-d', 'nope', ANT), '"nope"', 'summary')
        self.usage(('members', '-n', 'nope', ANT), '"nope"', 'byadmin')
        self.fails(('members', BEE), BEE)

    def test_delmembers(self):
        self.add(''.join(f'{name}@example.net\n' for name in 'abcdef'))
        self.assertEqual(self.run_ok('delmembers', '-l', ANT, '-m', 'a@example.net', '--member', 'B@example.net'), '2 removed\n')
        self.assertEqual(self.run_ok('delmembers', '--list', ANT, '--file', '-', stdin='Name <c@example.net>\n\n'), '1 removed\n')
        self.fails(('delmembers', '-l', ANT, '-m', 'd@example.net', '-m', 'a@example.net'), 'a@example.net is not there', out='1 removed\n')
        self.assertEqual(self.lines('members', ANT), ['e@example.net', 'f@example.net'])
        self.add('own@example.net\n', '--role', 'owner')
        self.assertEqual(self.run_ok('delmembers', '-l', ANT, '--all'), '2 removed\n')
        self.assertEqual(self.run_ok('delmembers', '-l', ANT, '-a', '--role', 'owner'), '1 removed\n')
        self.assertEqual(self.lines('members', '-R', 'owner', ANT), [])

    def test_delmembers_from_all_lists(self):
        self.run_ok('create', BEE)
        for name, addresses in (ANT, 'abd'), (BEE, 'bcd'):
            self.run_ok('addmembers', '-', name, stdin=''.join(f'{address}@example.net\n' for address in addresses))
        self.assertEqual(self.run_ok('delmembers', '--fromall', '-m', 'a@example.net', '-m', 'B@example.net'), '3 removed\n')
        self.fails(('delmembers', '--fromall', '-f', '-'), 'nobody@example.net is not there', stdin='c@example.net\nnobody@example.net\n', out='1 removed\n')
        self.assertEqual((self.lines('members', ANT), self.lines('members', BEE)), (['d@example.net'], ['d@example.net']))

    def test_delmembers_from_all_lists_in_slices(self):
        self.run_ok('create', BEE)
        text = ''.join(f'member{n}@example.net\n' for n in range(450))
        self.add(text)
        self.run_ok('addmembers', '-', BEE, stdin=text + 'last@example.net\n')
        self.assertEqual(self.run_ok('delmembers', '--fromall', '-f', '-', stdin=text), '900 removed\n')
        self.assertEqual((self.lines('members', ANT), self.lines('members', BEE)), ([], ['last@example.net']))

    def test_delmembers_refuses(self):
        self.add('a@example.net\n')
        self.usage(('delmembers', '-m', 'a@example.net'), '-l LIST or --fromall')
        self.usage(('delmembers', '-l', ANT, '--fromall', '-m', 'a@example.net'), '-l LIST or --fromall')
        self.usage(('delmembers', '--fromall', '-a'), '--fromall takes -m or -f')
        self.usage(('delmembers', '-l', ANT), '-m ADDRESS, -f FILE or -a')
        self.usage(('delmembers', '-l', ANT, '-a', '-m', 'a@example.net'), '-m ADDRESS, -f FILE or -a')
        self.usage(('delmembers', '-l', ANT, '-a', '--role', 'nope'), '"nope"')
        self.fails(('delmembers', '-l', BEE, '-a'), BEE)
        self.fails(('delmembers', '-l', ANT, '-f', '/no/such/file'), '/no/such/file', out='0 removed\n')
        self.assertEqual(self.lines('members', ANT), ['a@example.net'])

    def test_syncmembers(self):
        self.add('a@example.net\nb@example.net\nc@example.net\n')
        self.run_ok('member', ANT, 'b@example.net', 'delivery_status=by_user')
        file = 'B@example.net\nd@example.net\nd@example.net\n'
        want = ['+ d@example.net', '- a@example.net', '- c@example.net']
        self.assertEqual(self.lines('syncmembers', '-n', '-', ANT, stdin=file), want)
        self.assertEqual(self.lines('members', ANT), ['a@example.net', 'b@example.net', 'c@example.net'])
        self.fails(('syncmembers', '--max-removals', '1', '-', ANT), '2 of 3 members', '--max-removals 1 allows 1', 'nothing was changed', '-n', stdin=file)
        self.assertEqual(self.lines('members', ANT), ['a@example.net', 'b@example.net', 'c@example.net'])
        self.assertEqual(self.lines('syncmembers', '--max-removals', '2', '-', ANT, stdin=file), want)
        self.assertEqual(self.lines('members', ANT), ['b@example.net', 'd@example.net'])
        self.assertEqual(self.lines('members', '-n', 'byuser', ANT), ['b@example.net'])
        self.assertEqual(self.lines('syncmembers', '--no-change', '-', ANT, stdin=file), [])
        self.fails(('syncmembers', '-', BEE), BEE, stdin='')

    def test_syncmembers_stops_at_bad_lines(self):
        self.add('a@example.net\nb@example.net\n')
        done = self.daemon.cli('syncmembers', '-', ANT, stdin=b'a@example.net\nbad\nc@example.net\n\xff\x1b]@example.net\n')
        self.assertEqual((done.code, done.out), (1, ''))
        lines = done.err.splitlines()
        self.assertEqual([line[:len('listward: line 2')] for line in lines[:-1]], ['listward: line 2', 'listward: line 4'])
        self.assertIn('2 bad lines; nothing was changed', lines[-1])
        self.assertIsNone(CONTROL.search(done.err))
        self.fails(('syncmembers', '/', ANT), '/ cannot be read')
        self.assertEqual(self.lines('members', ANT), ['a@example.net', 'b@example.net'])

    def test_syncmembers_passes_over_who_may_not_join(self):
        self.run_ok('ban', 'eve@example.org', ANT)
        self.add('a@example.net\n')
        file = f'eve@example.org\nz@example.net\nb@example.net\n{ANT}\n'
        for options in ('-n',), ():
            done = self.daemon.cli('syncmembers', *options, '-', ANT, stdin=file)
            with self.subTest(options=options):
                self.assertEqual((done.code, done.out.splitlines()), (1, ['+ z@example.net', '+ b@example.net', '- a@example.net']))
                self.assertIn('line 1: eve@example.org is banned', done.err)
                self.assertIn(f'line 4: {ANT} is an address of the list itself', done.err)
                self.assertEqual(done.err.count('\n'), 2)
        self.assertEqual(self.lines('members', ANT), ['z@example.net', 'b@example.net'])

    def test_syncmembers_does_not_empty_a_list(self):
        self.add('a@example.net\nb@example.net\n')
        for nobody in '', '\n\n# an export that failed\n':
            self.fails(('syncmembers', '-', ANT), 'no member at all', 'all 2', 'nothing was changed', '--max-removals 100%', stdin=nobody)
            self.fails(('syncmembers', '-n', '-', ANT), 'no member at all', stdin=nobody, out='- a@example.net\n- b@example.net\n')
        self.assertEqual(self.lines('members', ANT), ['a@example.net', 'b@example.net'])
        self.assertEqual(self.lines('syncmembers', '--max-removals', '100%', '-', ANT, stdin=''), ['- a@example.net', '- b@example.net'])
        self.assertEqual(self.lines('syncmembers', '-', ANT, stdin=''), [])

    def test_syncmembers_max_removals(self):
        everybody = [f'm{n}@example.net' for n in range(10)]
        self.add('\n'.join(everybody))
        keep = '\n'.join(everybody[3:])
        leave = [f'- {address}' for address in everybody[:3]]
        for limit, most in ('29%', 2), ('2', 2), ('0', 0), ('0%', 0):
            self.fails(('syncmembers', '--max-removals', limit, '-', ANT), '3 of 10 members', f'--max-removals {limit} allows {most}', stdin=keep)
            self.fails(('syncmembers', '-n', '--max-removals', limit, '-', ANT), '3 of 10 members', stdin=keep, out='\n'.join(leave) + '\n')
        for nonsense in '-1', 'x', '', '%', '101%', '1%%', '1.5%':
            self.usage(('syncmembers', f'--max-removals={nonsense}', '-', ANT), '--max-removals', stdin=keep)
        self.assertEqual(self.lines('members', ANT), everybody)
        self.assertEqual(self.lines('syncmembers', '--max-removals', '30%', '-', ANT, stdin=keep), leave)
        self.assertEqual(self.lines('members', ANT), everybody[3:])

    def test_syncmembers_delivery(self):
        self.add('a@example.net\n')
        self.run_ok('syncmembers', '-d', 'mime', '-', ANT, stdin='a@example.net\nb@example.net\n')
        self.run_ok('syncmembers', '--delivery', 'disabled', '-', ANT, stdin='a@example.net\nb@example.net\nc@example.net\n')
        self.assertEqual(self.lines('members', '-r', '-n', 'enabled', ANT), ['a@example.net'])
        self.assertEqual(self.lines('members', '-d', 'mime', ANT), ['b@example.net'])
        self.assertEqual(self.lines('members', '-n', 'byadmin', ANT), ['c@example.net'])
        self.usage(('syncmembers', '-d', 'nope', '-', ANT), '"nope"', 'regular, mime, plain, summary or disabled')

    def test_mail_that_cannot_be_sent_yet(self):
        self.add('a@example.net\n')
        for words, pairs in (
            (('addmembers', '-', ANT), ('wW welcome-msg',)),
            (('delmembers', '-l', ANT, '-m', 'a@example.net'), ('gG goodbye-msg', 'nN admin-notify')),
            (('syncmembers', '-', ANT), ('wW welcome-msg', 'gG goodbye-msg', 'aA admin-notify')),
        ):
            for letters, name in map(str.split, pairs):
                for option in f'-{letters[0]}', f'--{name}':
                    self.usage((words[0], option, *words[1:]), words[0], option, 'cannot be sent yet', stdin='b@example.net\n')
        self.assertEqual(self.lines('members', ANT), ['a@example.net'])
        self.run_ok('syncmembers', '-W', '-G', '-A', '--no-welcome-msg', '--no-goodbye-msg', '--no-admin-notify', '-', ANT, stdin='b@example.net\n')
        self.assertEqual(self.lines('members', ANT), ['b@example.net'])
        self.run_ok('delmembers', '-G', '-N', '--no-goodbye-msg', '--no-admin-notify', '-l', ANT, '-a')
        self.assertEqual(self.lines('members', ANT), [])

    def test_members_in_other_shapes(self):
        self.add('Bat <bat@example.net>\ncat@example.net\n')
        self.add('own@example.net\n', '--role', 'owner')
        for option in '-e', '--email-only':
            self.assertEqual(self.lines('members', option, ANT), ['bat@example.net', 'cat@example.net'])
        for option in '-c', '--count-only':
            self.assertEqual(self.run_ok('members', option, ANT), '2\n')
        self.assertEqual(self.run_ok('members', '-c', '-R', 'any', ANT), '3\n')
        self.assertEqual(self.run_ok('members', '-c', '-d', 'any', ANT), '0\n')
        self.assertEqual(self.json('members', '--json', '-e', ANT), ['bat@example.net', 'cat@example.net'])
        self.assertEqual(self.json('members', '--json', '-c', ANT), 2)

    def test_members_changes_nobody(self):
        for options, command in (('-a', '--add'), 'addmembers'), (('-x', '--delete'), 'delmembers -f'), (('-s', '--sync'), 'syncmembers'):
            for option in options:
                self.usage(('members', option, '-', ANT), option, f'`listward {command}', stdin='bat@example.net\n')
        self.assertEqual(self.lines('members', ANT), [])

    def test_member(self):
        self.add('Bat <bat@example.net>\n')
        self.assertEqual(self.lines('member', ANT, 'BAT@example.net'),
                         ['address = bat@example.net', 'role = member', 'display_name = Bat', 'delivery_mode = regular', 'delivery_status = enabled',
                          'moderation_action = default', 'receive_own_postings = true', 'receive_list_copy = true'])
        changes = {'delivery_mode': 'summary_digests', 'delivery_status': 'by_user', 'moderation_action': 'hold', 'receive_own_postings': 'false',
                   'receive_list_copy': 'false', 'display_name': 'The Bat'}
        self.run_ok('member', ANT, 'bat@example.net', *(f'{name}={value}' for name, value in changes.items()))
        now = self.json('member', '--json', ANT, 'bat@example.net')
        self.assertEqual({name: now[name] for name in changes}, changes)
        self.run_ok('member', ANT, 'bat@example.net', 'moderation_action=default')
        self.assertEqual(self.json('member', '--json', ANT, 'bat@example.net')['moderation_action'], 'default')

    def test_member_refuses(self):
        self.add('bat@example.net\n')
        self.fails(('member', ANT, 'cat@example.net'), 'cat@example.net is no member of', ANT)
        self.fails(('member', '--role', 'owner', ANT, 'bat@example.net'), 'is no owner of')
        self.usage(('member', '--role', 'nope', ANT, 'bat@example.net'), '"nope"')
        self.fails(('member', ANT, 'bat@example.net', 'nope=1'), '"nope"')
        self.fails(('member', ANT, 'bat@example.net', 'delivery_mode=nope'), 'delivery_mode', 'nope', 'mime_digests')
        self.fails(('member', ANT, 'bat@example.net', 'delivery_status=by_user', 'nope'), '"nope" is not NAME=VALUE')
        self.assertEqual(self.json('member', '--json', ANT, 'bat@example.net')['delivery_status'], 'enabled')  # all or none

    def test_bans(self):
        self.run_ok('ban', 'eve@example.org')
        self.run_ok('ban', r'^.*@spam\.example', ANT)
        self.assertEqual((self.lines('bans'), self.lines('bans', ANT)), (['eve@example.org'], [r'^.*@spam\.example']))
        self.assertEqual(self.json('bans', '--json', ANT), [r'^.*@spam\.example'])
        self.fails(('ban', 'EVE@example.org'), 'banned already')
        self.fails(('ban', '^(', ANT), '"^("', 'parenthesis')
        self.fails(('ban', 'nobody', ANT), '"nobody"', 'address', '^')
        self.fails(('ban', 'eve@example.org', BEE), BEE)
        self.fails(('bans', BEE), BEE)
        self.fails(('bans', '--json', BEE), BEE)
        self.fails(('unban', 'eve@example.org', ANT), 'not banned')
        self.run_ok('unban', 'eve@example.org')
        self.run_ok('unban', r'^.*@spam\.example', ANT)
        self.assertEqual((self.lines('bans'), self.lines('bans', ANT)), ([], []))


if __name__ == '__main__':
    unittest.main()
