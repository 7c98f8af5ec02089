"""What waits for a moderator: listing, deciding, the cap, the expiry."""
import json
import os
import pty
import re
import sqlite3
import subprocess

from lib.daemon import BINARY
from lib.posting import DISCARDED, DOMAIN, MEMBER, STRANGER, Served, accepted, code, held, message

DAY = 86400 * 10**6


class Hold(Served):
    config = {'auth': {'local_domains': 'example.org'}}

    def post_held(self, address, octets=None, sender=STRANGER, **options):
        reply = self.post(address, octets or message(sender), sender=sender, **options)
        self.assertRegex(reply, held(address))
        return code(reply)

    def age(self, ids, days):
        """As if they had come so long ago. The clock is not ours to set, so the rows are."""
        with sqlite3.connect(os.path.join(self.daemon.state, 'listward.db'), timeout=30) as database:
            database.executemany('UPDATE posting SET received_at = received_at - ?, held_at = held_at - ? WHERE code = ?', [(days * DAY, days * DAY, each) for each in ids])
        database.close()


class Decisions(Hold):
    def test_held_shows_id_sender_date_rule_subject(self):
        address = self.create('shown')
        self.assertEqual(self.daemon.run('held', address), '')
        one = self.post_held(address, message(STRANGER, 'first  one'))
        two = self.post_held(address, message(STRANGER, '=?utf-8?q?gr=C3=BCn=1B=5B31m?='))
        lines = self.daemon.run('held', address).splitlines()
        self.assertRegex(lines[0], rf'^{one}  {STRANGER}  20\d\d-\d\d-\d\d\S* ?\S*  nonmember-moderation  first  one$')
        self.assertRegex(lines[1], rf'^{two}  .*  grün')
        self.assertNotIn('\x1b', lines[1])
        rows = json.loads(self.daemon.run('held', '--json', address))
        self.assertEqual([(row['id'], row['sender'], row['rule'], row['reason']) for row in rows],
                         [(each, STRANGER, 'nonmember-moderation', f'you are not a member of {address}') for each in (one, two)])

    def test_held_shows_one_message(self):
        address = self.create('reading')
        octets = message(STRANGER, 'read me')
        one = self.post_held(address, octets)
        self.assertEqual(self.daemon.run('held', address, one), octets.decode())
        self.assertRegex(json.loads(self.daemon.run('held', '--json', address))[0]['date'], r'^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        for words, status in ((('held', address, 'nosuchid0000'), 1), (('held', '--json', address, one), 2)):
            done = self.daemon.cli(*words)
            self.assertEqual((done.code, done.out), (status, ''))
        other = self.create('elsewhere')
        self.assertIn(one, self.daemon.cli('held', other, one).err)

    def test_a_terminal_is_not_driven(self):
        address = self.create('escaping')
        one = self.post_held(address, message(STRANGER, 'escape') + b'\x1b[2Jbody\r\n')
        ours, theirs = pty.openpty()
        with os.fdopen(ours, 'rb', buffering=0) as screen:
            with subprocess.Popen([BINARY, '--config', self.daemon.conf, 'held', address, one], stdin=subprocess.DEVNULL, stdout=theirs) as process:
                os.close(theirs)
                shown = b''
                try:
                    while part := screen.read(4096):
                        shown += part
                except OSError:  # EIO: nobody has the other end any more
                    pass
        self.assertEqual(process.returncode, 0)
        self.assertIn(b'by the rule nonmember-moderation: you are not a member', shown)
        self.assertIn(b' [2Jbody', shown)
        self.assertNotIn(b'\x1b', shown)

    def test_accept(self):
        address = self.create('accepting', 'subject_prefix=[%d] ')
        ids = [self.post_held(address, message(STRANGER, f'wait {number}')) for number in range(3)]
        self.assertEqual(self.daemon.run('accept', address, ids[2], ids[0]), '2 accepted\n')
        copies = [self.copy_of(f'250 2.6.0 {each} x') for each in (ids[2], ids[0])]
        self.assertEqual([copy.fields('Subject') for copy in copies], [[b'[1] wait 2'], [b'[2] wait 0']])
        self.assertEqual([copy.addresses for copy in copies], [[MEMBER]] * 2)
        self.assertEqual(self.held_ids(address), [ids[1]])
        again = self.daemon.cli('accept', address, ids[0])
        self.assertEqual(again.code, 1)
        self.assertIn(ids[0], again.err)

    def test_discard_and_reject(self):
        address = self.create('dropping')
        one, two, three = (self.post_held(address) for _ in range(3))
        self.daemon.run('discard', address, one)
        done = self.daemon.cli('reject', '--comment', 'no', address, two)
        self.assertEqual(done.code, 0)
        self.assertIn('not told', done.err)
        self.assertEqual(self.held_ids(address), [three])
        self.daemon.run('accept', address, three)
        self.copy_of(f'250 2.6.0 {three} x')
        caught = b''.join(each.octets for each in self.sink.messages)
        for each in (one, two):
            self.assertNotIn(each.encode(), caught)

    def test_one_bad_id_does_not_keep_the_others(self):
        address = self.create('several')
        ids = [self.post_held(address) for _ in range(2)]
        done = self.daemon.cli('accept', address, ids[0], 'nosuch', ids[1])
        self.assertEqual(done.code, 1)
        self.assertIn('nosuch', done.err)
        self.assertEqual(self.held_ids(address), [])

    def test_an_id_of_another_list(self):
        one, two = self.create('mine'), self.create('theirs')
        each = self.post_held(one)
        self.assertEqual(self.daemon.cli('accept', two, each).code, 1)
        self.assertEqual(self.held_ids(one), [each])

    def test_who_joined_since_gets_it(self):
        address = self.create('joined')
        each = self.post_held(address)
        self.daemon.run('addmembers', '-W', '-', address, stdin='late@example.net\n')
        self.daemon.run('accept', address, each)
        self.assertEqual(sorted(self.copy_of(f'250 2.6.0 {each} x').addresses), [MEMBER, 'late@example.net'])

    def test_without_a_server(self):
        """Decided while the server is away; it goes out when it is back."""
        address = self.create('away')
        each = self.post_held(address)
        self.daemon.stop()
        self.daemon.run('accept', address, each)
        self.daemon.start()
        self.copy_of(f'250 2.6.0 {each} x')


class Cap(Hold):
    def test_the_oldest_unproven_one_goes(self):
        address = self.create('full', 'default_nonmember_action=hold', 'max_held=3')
        local = {'where': self.daemon.socket, 'xforward': 'SOURCE=LOCAL'}
        proven = self.post_held(address, **local)
        first, second = self.post_held(address), self.post_held(address)
        since = len(self.daemon.lines)
        third = self.post_held(address)
        self.assertEqual(self.held_ids(address), [proven, second, third])
        self.assertEqual(self.daemon.wait_log(since, event='held posting discarded to make room')['discarded'], first)
        fourth = self.post_held(address, **local)
        self.assertEqual(self.held_ids(address), [proven, third, fourth])

    def test_only_proven_ones(self):
        """Nobody's place is taken from him: 451, and the MTA keeps it."""
        address = self.create('fuller', 'default_nonmember_action=hold', 'max_held=2')
        local = {'where': self.daemon.socket, 'xforward': 'SOURCE=LOCAL'}
        ids = [self.post_held(address, **local) for _ in range(2)]
        octets = message(STRANGER)
        for options in ({}, local):
            self.assertRegex(self.post(address, octets, sender=STRANGER, **options), rf'^451 4\.7\.1 too many postings to {address} wait for its moderators$')
        self.assertEqual(self.held_ids(address), ids)
        self.daemon.run('discard', address, ids[0])
        self.assertRegex(self.post(address, octets, sender=STRANGER), held(address))

    def test_no_cap(self):
        address = self.create('endless', 'max_held=0')
        ids = [self.post_held(address) for _ in range(5)]
        self.assertEqual(self.held_ids(address), ids)

    def test_members_post_while_it_is_full(self):
        address = self.create('posting', 'max_held=1')
        self.post_held(address)
        self.assertRegex(self.post(address), accepted(address))


class Expiry(Hold):
    def test_after_max_days_to_hold(self):
        address, keeper = self.create('expiring', 'max_days_to_hold=3'), self.create('keeper', 'max_days_to_hold=0')
        old, young = self.post_held(address), self.post_held(address)
        kept = self.post_held(keeper)
        self.age([old], 4)
        self.age([young], 2)
        self.age([kept], 4000)
        self.daemon.restart()
        self.daemon.wait_for(lambda: self.held_ids(address) == [young], what='the old one goes')
        self.assertEqual(self.held_ids(keeper), [kept])
        self.daemon.run('accept', address, young)
        self.copy_of(f'250 2.6.0 {young} x')

    def test_a_shorter_time_set_later(self):
        address = self.create('shorter')
        each = self.post_held(address)
        self.age([each], 3)
        self.daemon.run('set', address, 'max_days_to_hold=2')
        self.daemon.wait_for(lambda: self.held_ids(address) == [], what='it goes')
        self.assertEqual(self.daemon.cli('accept', address, each).code, 1)


class Octets(Hold):
    def test_what_is_held_stays_whole(self):
        """Whatever else of the message has gone out: it was for two lists."""
        open_, slow = self.create('open', 'default_nonmember_action=accept'), self.create('slow')
        replies = self.post([open_, slow], message(STRANGER, body='both\n'), sender=STRANGER)
        self.copy_of(replies[0])
        self.daemon.restart()
        self.daemon.run('accept', slow, code(replies[1]))
        self.assertEqual(self.copy_of(replies[1]).body, b'both\r\n')

    def test_discarded_ones_leave_nothing(self):
        shut = self.create('shut', 'default_nonmember_action=discard')
        before = self.rows('SELECT count(*) FROM message')
        self.assertRegex(self.post(shut, message(STRANGER), sender=STRANGER), DISCARDED)
        self.assertEqual(self.rows('SELECT count(*) FROM message'), before)
