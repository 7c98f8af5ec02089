"""The command line from outside: every command with its options, what it says and how it ends, without a server and beside one."""
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import unittest

from lib.commands import ANT, BEE, CONTROL, Commands
from lib.daemon import BINARY, Daemon
from lib.lmtp import Client, crlf
from lib.sink import Sink

TIMEOUT = 300


def message(sender, subject='hello', number=[0]):
    number[0] += 1
    return crlf(f'From: {sender}\nTo: {ANT}\nSubject: {subject}\nMessage-ID: <cli{number[0]}@example.net>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nhello\n')


class General(Commands):
    def test_help(self):
        for words in ('--help',), ('-h',):
            self.assertIn('Exit status: 0 done, 1 refused or failed, 2 usage.', self.run_ok(*words))
        self.assertIn('make the domain if it is new', self.run_ok('create', '--help'))

    def test_help_is_a_command_too(self):
        self.assertEqual(self.run_ok('help'), self.run_ok('--help'))
        for command in 'create', 'members', 'serve', 'help':
            self.assertEqual(self.run_ok('help', command), self.run_ok(command, '--help'))
        self.usage(('help', 'nope'), '"nope" is no command')
        self.usage(('help', 'create', 'remove'), 'usage: listward help')

    def test_version(self):
        self.assertRegex(self.run_ok('--version'), r'^listward \d+\.\d+\.\d+\n$')
        self.assertEqual(self.run_ok('version'), self.run_ok('--version'))

    def test_usage(self):
        self.usage((), 'no command', 'listward --help')
        self.usage(('nope',), '"nope" is no command', 'listward --help')
        self.usage(('--nope',), '--nope')
        self.usage(('lists', '--nope'), 'lists', '--nope')
        self.usage(('create',), 'usage: listward create LIST')
        self.usage(('create', ANT, BEE), 'usage: listward create LIST')
        self.usage(('addmembers', '-'), 'usage: listward addmembers FILE LIST')
        self.usage(('version', 'x'), 'usage: listward version\n')

    def test_a_command_that_lists_nothing_takes_no_json(self):
        self.usage(('create', '--json', ANT), '--json')

    def test_the_configuration_is_found(self):
        self.run_ok('create', ANT)
        self.assertEqual(self.lines('-C', self.daemon.conf, 'lists'), [ANT])
        out = subprocess.run([BINARY, 'lists'], env={**os.environ, 'LISTWARD_CONFIG': self.daemon.conf}, capture_output=True, text=True, check=True,
                             stdin=subprocess.DEVNULL)
        self.assertEqual(out.stdout, ANT + '\n')


class Configuration(Commands):
    def write(self, text):
        with open(self.daemon.conf, 'w', encoding='utf-8') as file:
            file.write(text)

    def test_errors_name_file_section_and_key(self):
        conf = self.daemon.conf
        for text, parts in (
            ('[nope]\nx = 1\n', ('[nope]', '`listward conf`')),
            ('[server]\nnope = 1\n', ('[server]', 'nope', '`listward conf`')),
            ('[lmtp]\nunproven = maybe\n', ('[lmtp]', 'unproven', 'maybe', 'one of hold, discard, refuse')),
            ('[outlet]\nport = 70000\n', ('[outlet]', 'port', '70000', 'from 1 to 65535')),
            ('[outlet]\nport = 25 # the MTA\n', ('[outlet]', 'port', '25 # the MTA')),
            ('[limits]\nmax_message_size = 10\n', ('[limits]', 'max_message_size', 'from 1K to 2G')),
            ('[retention]\ndedupe = soon\n', ('[retention]', 'dedupe', 'soon', 'a time such as 7d')),
            ('[lmtp]\nsocket_mode = 0999\n', ('[lmtp]', 'socket_mode', '0999', 'octal')),
            ('no section\n', ()),
        ):
            self.write(text)
            for command in ('conf',), ('lists',), ('serve',):
                self.fails(command, conf, *parts)

    def test_the_server_looks_at_what_values_mean(self):
        for section, key, value in ('server', 'site_owner', 'the boss'), ('lmtp', 'trusted_peers', 'unix, mail'), ('auth', 'local_domains', 'example.com, a b'):
            with self.subTest(key=key):
                self.write(f'[server]\nstate_dir = {self.daemon.state}\nuser =\n[{section}]\n{key} = {value}\n')
                self.fails(('serve',), self.daemon.conf, f'[{section}]', key, value.split(', ')[-1])

    def test_a_file_that_is_named_must_be_there(self):
        os.unlink(self.daemon.conf)
        self.fails(('lists',), self.daemon.conf)

    def test_databases_that_do_not_exist_yet(self):
        for url, word in ('postgresql://x/y', 'PostgreSQL'), ('mysql:x', 'sqlite:PATH'), ('sqlite:', 'sqlite:PATH'):
            self.daemon.configure({'database': {'url': url}})
            self.fails(('lists',), '[database] url', word)

    def test_a_user_that_does_not_exist(self):
        if os.geteuid() != 0:
            self.skipTest('root: only root becomes somebody')
        self.daemon.configure({'server': {'user': 'nobody-by-that-name'}})
        self.fails(('lists',), '[server] user', 'nobody-by-that-name', 'adduser')

    def test_a_deep_state_dir_is_made_for_the_user(self):
        if os.geteuid() != 0:
            self.skipTest('root: only root becomes somebody')
        os.chmod(self.daemon.scratch, 0o755)
        deep = os.path.join(self.daemon.scratch, 'a', 'b')
        self.daemon.configure({'server': {'user': 'nobody', 'state_dir': deep}})
        self.assertEqual(self.run_ok('lists'), '')
        self.assertEqual(os.stat(deep).st_mode & 0o777, 0o700)

    def test_a_server_in_trouble_is_no_success(self):
        asked = []

        def serve():
            for _ in range(2):
                client, _ = listener.accept()
                with client:
                    asked.append(client.recv(100))
                    client.sendall(b'trouble the disk is on fire\r\n.\r\n')

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(self.daemon.state, 'control.sock'))
            listener.listen()
            thread = threading.Thread(target=serve)
            thread.start()
            self.fails(('adddomain', 'example.com'), 'done, but the running server has not seen it', 'the disk is on fire')
            self.fails(('retry',), 'done, but the running server has not seen it', 'the disk is on fire')
            thread.join()
        self.assertEqual(asked, [b'changed\r\n', b'retry\r\n'])

    def test_a_state_dir_that_cannot_be_made(self):
        self.daemon.configure({'server': {'state_dir': self.daemon.conf + '/x'}})
        self.fails(('lists',), self.daemon.conf + '/x')

    def test_conf(self):
        self.daemon.configure({'outlet': {'port': '2525'}})
        self.assertEqual(self.run_ok('conf', '-s', 'outlet', '-k', 'port'), '[outlet]\n# its port, where host names none\nport = 2525\n')
        self.assertEqual(self.json('conf', '--json', '--section', 'outlet', '--key', 'port'), {'outlet': {'port': '2525'}})
        self.assertIn('[retention]\n', self.run_ok('conf'))
        self.assertEqual(self.run_ok('conf', '-k', 'listen').count('listen = '), 8)
        self.usage(('conf', '-s', 'nope'), 'no such section or key')
        self.usage(('conf', '-s', 'outlet', '-k', 'nope'), 'no such section or key')

    def test_what_conf_prints_is_a_configuration(self):
        first = self.run_ok('conf')
        self.write(first)
        self.assertEqual(self.run_ok('conf'), first)

    def test_info(self):
        self.assertIn(f'config: {self.daemon.conf}\n', self.run_ok('info'))
        short, full = self.json('info', '--json'), self.json('info', '--verbose', '--json')
        self.assertEqual(set(full) - set(short), {'styles', 'rules', 'handlers'})
        self.assertIn('loop', full['rules'].split(', '))
        self.assertEqual(short['state_dir'], self.daemon.state)
        self.assertIn('\nhandlers: ', self.run_ok('info', '-v'))

    def test_what_needs_no_configuration(self):
        self.write('nonsense\n')
        self.run_ok('version')
        self.run_ok('help', 'create')
        self.run_ok('create', '--help')
        self.usage(('create',), 'usage: listward create')


class Lists(Commands):
    def test_create_remove_lists(self):
        self.assertEqual(self.run_ok('create', ANT), f'{ANT}: created\n')
        self.run_ok('create', '-s', 'private-default', 'bee@other.example')
        self.assertEqual(self.lines('lists'), [ANT, 'bee@other.example'])
        self.assertEqual(self.lines('lists', '--domain', 'other.example'), ['bee@other.example'])
        self.assertEqual(self.lines('lists', '--domain', 'other.example', '--domain', 'example.com'), ['bee@other.example', ANT])
        self.assertEqual(self.lines('lists', '-a'), [ANT])
        self.assertEqual(self.lines('domains'), ['example.com', 'other.example'])
        self.assertEqual(self.run_ok('remove', ANT), f'{ANT}: removed\n')
        self.assertEqual(self.run_ok('remove', '-q', 'bee@other.example'), '')
        self.assertEqual(self.lines('lists'), [])
        self.fails(('remove', ANT), f'there is no list {ANT}', '`listward lists`')

    def test_a_removed_list_leaves_nothing_to_one_of_the_same_name(self):
        self.run_ok('create', '-o', 'own@example.net', ANT)
        self.run_ok('set', ANT, 'subject_prefix=[old] ')
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
        self.run_ok('ban', 'eve@example.org', ANT)
        self.run_ok('remove', ANT)
        self.run_ok('create', ANT)
        self.assertEqual(self.run_ok('show', ANT, 'subject_prefix'), '\n')
        self.assertEqual(self.lines('members', ANT) + self.lines('members', '-R', 'owner', ANT) + self.lines('bans', ANT), [])

    def test_create_refuses(self):
        self.run_ok('create', ANT)
        self.fails(('create', ANT), ANT, 'exists')
        self.fails(('create', 'Ant@EXAMPLE.com'), 'exists')
        self.fails(('create', 'ant'), '"ant" is no address')
        self.fails(('create', 'a b@example.com'), 'is no address')
        self.fails(('create', '-D', 'bee@new.example'), 'new.example')
        self.fails(('create', '--no-domain', 'bee@new.example'), 'new.example')
        self.fails(('create', '-o', 'nobody', BEE), '"nobody" is no address')
        self.usage(('create', '-s', 'nope', BEE), 'nope', '`listward info -v`')
        for name in 'postmaster', 'abuse', 'mailer-daemon', 'noreply':
            self.fails(('create', f'{name}@example.com'), name, 'reserved')
        self.assertEqual(self.lines('lists'), [ANT])
        self.assertEqual(self.lines('domains'), ['example.com'])

    def test_role_addresses_are_kept_for_their_list(self):
        self.run_ok('create', ANT)
        for suffix in 'admin', 'bounces', 'confirm', 'join', 'leave', 'owner', 'request', 'subscribe', 'unsubscribe':
            self.fails(('create', f'ant-{suffix}@example.com'), f'ant-{suffix}', '--force')
        self.run_ok('create', '--force', 'ant-owner@example.com')
        self.run_ok('create', '--force', 'bee-owner@example.com')
        self.fails(('create', BEE), 'bee', '--force')
        self.run_ok('create', '--force', BEE)

    def test_what_create_says_and_sends(self):
        self.assertEqual(self.run_ok('create', '-q', '-N', '--language', 'en', ANT), '')
        self.assertEqual(self.run_ok('create', '--quiet', '--no-notify', '-o', 'own@example.net', 'cow@example.com'), '')
        for option in '-n', '--notify':
            self.usage(('create', option, BEE), option, 'cannot be sent yet')
        self.usage(('create', '--language', 'fr', BEE), '"fr"', 'en')
        self.assertEqual(self.lines('lists'), [ANT, 'cow@example.com'])

    def test_owners(self):
        self.run_ok('create', '-o', 'a@example.net', '--owner', 'b@example.net', ANT)
        self.assertEqual(self.lines('members', '-R', 'owner', ANT), ['a@example.net', 'b@example.net'])
        self.assertEqual(self.lines('members', '--role', 'administrator', ANT), ['a@example.net', 'b@example.net'])

    def test_names_and_descriptions(self):
        self.run_ok('create', ANT)
        self.run_ok('set', ANT, 'description=about ants', 'display_name=Ants')
        self.assertEqual(self.lines('lists', '-n', '-d'), [f'{ANT} [Ants]', '    about ants', '1 lists'])
        self.assertEqual(self.lines('lists', '--names', '--descriptions', '--quiet'), [f'{ANT} [Ants]', '    about ants'])
        self.assertEqual(self.json('lists', '--json'),
                         [{'fqdn_listname': ANT, 'list_id': 'ant.example.com', 'display_name': 'Ants', 'description': 'about ants'}])

    def test_domains(self):
        self.assertEqual(self.run_ok('domains'), '')
        self.run_ok('adddomain', '--description', 'of bees', '--alias', 'hive.example', 'bees.example')
        self.run_ok('create', '-D', 'ant@bees.example')
        self.assertEqual(self.json('domains', '--json'), [{'domain': 'bees.example', 'description': 'of bees', 'alias_domain': 'hive.example', 'lists': 1}])
        self.fails(('adddomain', 'bees.example'), 'bees.example', 'exists')
        self.fails(('adddomain', 'no domain'), 'no domain')
        self.fails(('deldomain', 'bees.example'), 'bees.example', 'lists')
        self.fails(('deldomain', 'nope.example'), 'nope.example')
        self.run_ok('remove', 'ant@bees.example')
        self.run_ok('deldomain', 'bees.example')
        self.assertEqual(self.lines('domains'), [])


class Settings(Commands):
    def setUp(self):
        super().setUp()
        self.run_ok('create', ANT)

    def test_values_as_people_type_them(self):
        rows = [
            ('emergency=yes', 'true'), ('emergency=off', 'false'), ('emergency=1', 'true'), ('emergency=FALSE', 'false'),
            ('max_message_size=10M', '10240'), ('max_message_size=40', '40'), ('max_message_size=500K', '500'), ('max_message_size=0', '0'),
            ('default_member_action=HOLD', 'hold'), ('subject_prefix=[ant %d] ', '[ant %d] '), ('max_held=7', '7'), ('description=a = b', 'a = b'),
        ]
        for assignment, stored in rows:
            with self.subTest(assignment=assignment):
                self.run_ok('set', ANT, assignment)
                self.assertEqual(self.run_ok('show', ANT, assignment.split('=')[0]), stored + '\n')

    def test_show(self):
        shown = dict(line.split(' = ', 1) for line in self.lines('show', ANT))
        self.assertEqual((shown['default_nonmember_action'], shown['max_message_size'], shown['posting_address']), ('reject', '10240', ANT))
        typed = self.json('show', '--json', ANT)
        self.assertEqual((typed['emergency'], typed['max_held'], typed['acceptable_aliases'], typed['subject_prefix']), (False, 500, [], ''))
        self.assertEqual(set(typed), set(shown))
        self.assertEqual(self.json('show', '--json', ANT, 'max_held'), {'max_held': 500})
        self.usage(('show', ANT, 'nope'), '"nope"', f'`listward show {ANT}`')
        self.fails(('show', BEE), BEE)

    def test_refusals(self):
        for assignment, parts in (
            ('emergency=maybe', ('emergency', '"maybe"', 'true or false')), ('max_held=-1', ('max_held', 'from 0')), ('max_held=x', ('max_held', 'from 0')),
            ('default_member_action=explode', ('default_member_action', 'explode', 'hold, reject, discard, accept, defer')),
            ('post_id=7', ('post_id', 'read-only')), ('archive_policy=never', ('archive_policy', 'this version')),
            ('subject_prefix+=x', ('subject_prefix',)), ('reply_to_address=nobody', ('reply_to_address', 'nobody')),
        ):
            self.fails(('set', ANT, assignment), *parts)
        self.usage(('set', ANT, 'nope=1'), '"nope"', f'`listward show {ANT}`')
        self.usage(('set', ANT, 'emergency'), '"emergency" is not NAME=VALUE')
        self.usage(('set', ANT, '=yes'), '"=yes" is not NAME=VALUE')
        self.usage(('set', ANT), 'usage: listward set')
        self.fails(('set', BEE, 'emergency=yes'), BEE)

    def test_all_or_none(self):
        self.fails(('set', ANT, 'max_held=7', 'emergency=maybe'), 'emergency')
        self.usage(('set', ANT, 'max_held=7', 'nope=1'), 'nope')
        self.assertEqual(self.run_ok('show', ANT, 'max_held'), '500\n')

    def test_styles(self):
        for style, action in ('listward-default', 'reject'), ('legacy-default', 'hold'), ('legacy-announce', 'reject'), ('private-default', 'hold'):
            self.run_ok('create', '--style', style, f'{style}@example.com')
            self.assertEqual(self.run_ok('show', f'{style}@example.com', 'default_nonmember_action'), action + '\n')

    def test_nothing_drives_the_terminal(self):
        self.run_ok('set', ANT, 'info=one\ntwo \x1b[31m\x07 three')
        self.assertEqual(self.run_ok('show', ANT, 'info'), 'one\ntwo  [31m  three\n')
        self.assertIsNone(CONTROL.search(self.run_ok('show', ANT)))
        self.fails(('set', ANT, 'display_name=\x1b[31m'), 'display_name')
        self.fails(('remove', '\x1b[31m@example.com'), '@example.com')


class Served(Commands):
    """Beside a running server."""

    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.stop)
        self.daemon = Daemon(self.sink)
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    def post(self, sender, octets=None, to=ANT):
        with Client(self.daemon.port) as client:
            client.lhlo()
            return client.deliver(sender, [to], octets or message(sender))[0]

    def test_a_change_is_in_force_when_the_command_has_ended(self):
        with Client(self.daemon.port) as client:  # one session all the while
            client.lhlo()

            def post(sender='bat@example.net'):
                client.command('RSET')
                return str(client.deliver(sender, [ANT], message(sender))[0])

            self.assertTrue(post().startswith('550 5.1.1'))
            self.run_ok('create', ANT)
            self.assertIn('you are not a member', post())
            self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
            self.assertIn('accepted', post())
            for n in range(5):
                self.run_ok('set', ANT, f'subject_prefix=[{n}] ')
                self.assertIn('accepted', post())
                caught = self.sink.wait_messages(n + 2)[-1]
                self.assertEqual(caught.fields('Subject'), [f'[{n}] hello'.encode()])
            self.run_ok('set', ANT, 'emergency=on')
            self.assertIn('held for the moderators', post())
            self.run_ok('set', ANT, 'emergency=off')
            self.run_ok('member', ANT, 'bat@example.net', 'moderation_action=discard')
            self.assertRegex(post(), r'^250 2\.6\.0 \w+ done$')
            self.run_ok('member', ANT, 'bat@example.net', 'moderation_action=default')
            self.run_ok('ban', 'bat@example.net', ANT)
            self.assertRegex(post(), r'^250 2\.6\.0 \w+ done$')
            self.run_ok('unban', 'bat@example.net', ANT)
            self.run_ok('delmembers', '-l', ANT, '-a')
            self.assertIn('you are not a member', post())
            self.run_ok('remove', ANT)
            self.assertTrue(post().startswith('550 5.1.1'))

    def hold_one(self, sender='eve@example.org', octets=None):
        reply = self.post(sender, octets)
        self.assertIn('held for the moderators', str(reply))
        return str(reply).split()[2]

    def test_moderation(self):
        self.run_ok('create', ANT)
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
        self.run_ok('set', ANT, 'default_nonmember_action=hold')
        ids = [self.hold_one(octets=message('eve@example.org', f'number {n}')) for n in range(4)]
        held = self.lines('held', ANT)
        self.assertEqual([line.split()[0] for line in held], ids)
        self.assertRegex(held[0], rf'^{ids[0]}  eve@example\.org  \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d  nonmember-moderation  number 0$')
        first = self.json('held', '--json', ANT)[0]
        self.assertEqual((first['id'], first['sender'], first['rule'], first['subject'], first['proven']), (ids[0], 'eve@example.org', 'nonmember-moderation', 'number 0', False))
        self.assertIn('not a member', first['reason'])

        self.run_ok('accept', ANT, ids[0])
        self.assertEqual(self.sink.wait_messages(1)[0].fields('Subject'), [b'number 0'])
        self.run_ok('discard', ANT, ids[1])
        done = self.daemon.cli('reject', '--comment', 'not here', ANT, ids[2])
        self.assertEqual((done.code, done.out), (0, '1 rejected\n'))
        self.assertIn('authors were not told', done.err)
        self.fails(('accept', ANT, ids[0]), ids[0], f'`listward held {ANT}`')
        self.fails(('accept', ANT, 'nothing', ids[3]), 'nothing', out='1 accepted\n')  # the others are done all the same
        self.assertEqual(self.sink.wait_messages(2)[1].fields('Subject'), [b'number 3'])
        self.assertEqual(self.run_ok('held', ANT), '')
        self.fails(('held', BEE), BEE)
        self.usage(('accept', ANT), 'usage: listward accept LIST ID')

    def test_a_strangers_subject_does_not_drive_the_terminal(self):
        self.run_ok('create', ANT)
        evil = crlf(f'From: =?utf-8?q?=1b=5b31m?= <eve@example.org>\nTo: {ANT}\nSubject: =?utf-8?q?=1b=5d0;x=07=c2=9b31m?= \x1b[31m\n\nx\n')
        self.hold_one(octets=evil)
        for words in ('held', ANT), ('held', '--json', ANT):
            out = self.run_ok(*words)
            self.assertIn('eve@example.org', out)
            self.assertIsNone(CONTROL.search(out), out)
        author = evil.replace(b'eve@', b'"\x1b[31mev"@')
        for octets in evil, author:
            explained = self.daemon.cli('explain', ANT, '-', stdin=octets)
            self.assertEqual(explained.code, 0)
            self.assertIsNone(CONTROL.search(explained.out))

    def test_explain_says_what_the_server_answers(self):
        self.run_ok('create', ANT)
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
        self.run_ok('ban', 'ban@example.org')
        for sender in 'bat@example.net', 'eve@example.org', 'ban@example.org', '':
            with self.subTest(sender=sender):
                octets = message(sender or 'daemon@example.org')
                out = self.run_ok('explain', '--sender', sender, ANT, '-', stdin=octets)
                want = re.sub(r'^(250 2\.6\.0) \w+ ', r'\1 ID ', str(self.post(sender, octets)))
                self.assertEqual(out.splitlines()[-1], f'reply: {want}')

    def test_explain(self):
        self.run_ok('create', ANT)
        octets = message('eve@example.org')
        text = octets.replace(b'\r\n', b'\n')
        for options, reply in (
            ((), 'reply: 250 2.6.0 ID held'), (('--door', 'lmtp'), 'reply: 250 2.6.0 ID held'), (('--door', 'front'), 'reply: 550 5.7.1'),
            (('--proven',), 'reply: 550 5.7.1'), (('--sender', ''), 'reply: 250 2.6.0 ID done'),
        ):
            with self.subTest(options=options):
                out = self.lines('explain', *options, ANT, '-', stdin=text)
                self.assertTrue(out[-1].startswith(reply), out[-1])
                rules = self.json('info', '-v', '--json')['rules'].split(', ')
                self.assertEqual([line.split()[0] for line in out[:len(rules)]], rules)
                self.assertRegex('\n'.join(out), r'nonmember-moderation +HIT +reject')
        shown = json.loads(self.run_ok('explain', '--json', '--door', 'front', ANT, '-', stdin=text))
        self.assertEqual((shown['verdict'], shown['rule'], shown['door'], shown['return_path'], shown['sender']),
                         ('reject', 'nonmember-moderation', 'front', 'unproven', 'eve@example.org'))
        with tempfile.NamedTemporaryFile() as file:
            file.write(octets)
            file.flush()
            self.assertEqual(self.lines('explain', ANT, file.name), self.lines('explain', ANT, '-', stdin=text))
        self.usage(('explain', '--door', 'back', ANT, '-'), '"back"', 'lmtp or front')
        self.fails(('explain', ANT, '/no/such/file'), '/no/such/file')
        self.fails(('explain', BEE, '-'), BEE, stdin='')
        self.assertEqual(self.run_ok('held', ANT), '')  # nothing is stored

    def test_status(self):
        status = self.json('status', '--json')
        self.assertEqual(status['pid'], self.daemon.process.pid)
        self.assertEqual((status['lists'], status['accepted'], status['alarms']), (0, 0, 0))
        self.run_ok('create', ANT)
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
        self.post('bat@example.net')
        self.daemon.wait_log(event='copies handed over')
        shown = dict(line.split(None, 1) for line in self.lines('status'))
        self.assertEqual((shown['lists'], shown['accepted'], shown['sent']), ('1', '1', '1'))
        self.daemon.stop()
        self.fails(('status',), 'no server is running', self.daemon.state)

    def test_queue_retry_ledger(self):
        self.assertEqual(self.run_ok('queue'), 'nothing waits\n')
        self.assertEqual(self.run_ok('retry'), '0 due now\n')
        self.run_ok('create', ANT)
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\ncat@example.net\ndog@example.net\n')
        answers = {'cat@example.net': '450 4.2.1 later, says \x1b[31m', 'dog@example.net': '550 5.1.1 no such mailbox'}
        self.sink.on['RCPT'] = lambda session, path: answers.get(path.address)
        post = str(self.post('bat@example.net')).split()[2]
        self.daemon.wait_log(event='copies handed over')
        lines = {line.split('  ')[0]: line.split('  ') for line in self.lines('ledger', post)}
        self.assertEqual({address: line[1] for address, line in lines.items()},
                         {'bat@example.net': 'sent', 'cat@example.net': 'deferred', 'dog@example.net': 'failed'})
        self.assertIn('no such mailbox', lines['dog@example.net'][4])
        self.assertIsNone(CONTROL.search(self.run_ok('ledger', post)))
        one = self.json('ledger', '--json', post, 'CAT@example.net')
        self.assertEqual([(line['address'], line['state'], line['attempts']) for line in one], [('cat@example.net', 'deferred', 1)])
        self.assertIn('recipients', self.run_ok('queue'))
        self.assertEqual({row['queue']: row['count'] for row in self.json('queue', '--json')}['recipients'], 1)
        answers.clear()
        self.assertEqual(self.run_ok('retry'), '1 due now\n')
        self.sink.wait_recipients(2)
        self.daemon.wait_log(event='copies handed over', count=2)
        self.assertEqual(self.run_ok('queue'), 'nothing waits\n')
        self.assertEqual(self.json('ledger', '--json', post, 'cat@example.net')[0]['state'], 'sent')

    def test_retry_counts_what_waits_for_a_next_hop(self):
        self.sink.stop()
        self.run_ok('create', ANT)
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
        self.post('bat@example.net')
        self.daemon.wait_log(event='outlet not reached')
        self.daemon.stop()
        self.assertEqual({row['queue']: row['count'] for row in self.json('queue', '--json')}['chunks'], 1)
        self.assertEqual(self.run_ok('retry'), '1 due now\n')

    def test_ledger_refuses(self):
        self.fails(('ledger', 'nothing'), 'nothing', 'listward held')
        self.fails(('ledger', '--json', 'nothing'), 'nothing')
        self.usage(('ledger',), 'usage: listward ledger')

    def test_bulk_commands_leave_the_server_its_turn(self):
        self.run_ok('create', ANT)
        self.run_ok('addmembers', '-', ANT, stdin='bat@example.net\n')
        text = ''.join(f'member{n}@example.org\n' for n in range(5000))
        self.run_ok('create', BEE)
        bulk = subprocess.Popen([BINARY, '--config', self.daemon.conf, 'addmembers', '-', BEE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=self.daemon.env)
        bulk.stdin.write(text[:len(text) // 2])
        bulk.stdin.flush()
        replies = [str(self.post('bat@example.net')) for _ in range(5)]
        out, err = bulk.communicate(text[len(text) // 2:], timeout=120)
        self.assertEqual((out, err), ('5000 added, 0 were there already, 0 bad lines\n', ''))
        self.assertEqual([reply.split()[3] for reply in replies], ['accepted'] * 5)


if __name__ == '__main__':
    unittest.main()
