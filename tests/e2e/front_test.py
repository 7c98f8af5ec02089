"""A verdict that was given in front of the MTA's queue stands for the delivery over LMTP that follows; probes of addresses are no postings."""
import json
import os
import sqlite3

from lib import ports
from lib.lmtp import Client
from lib.milter import Milter
from lib.posting import DISCARDED, DOMAIN, MEMBER, STRANGER, UNKNOWN, Served, accepted, held, message

NOT_A_MEMBER = r'550 5\.7\.1 you are not a member of '
WEEK = 7 * 86400 * 10**6


class Front(Served):
    port = ports.free_port()
    config = {'milter': {'listen': f'127.0.0.1:{port}'}, 'log': {'level': 'debug'}}

    def judge(self, recipients, octets, sender=MEMBER):
        """What the author sees: 'a', 'd', or a reply."""
        with Milter(self.port) as milter:
            verdict = milter.post(sender, recipients if isinstance(recipients, list) else [recipients], octets)
        return verdict.text or verdict.answer

    def verdicts(self):
        return self.rows('SELECT count(*) FROM front_verdict')[0][0]


class Obeyed(Front):
    """(the list's settings and members in front, and behind)"""

    def ways(self):
        yield 'accepted', {}, {'default_member_action': 'discard'}, MEMBER, 'a', accepted
        yield 'held', {'default_member_action': 'hold'}, {'default_member_action': 'accept'}, MEMBER, 'a', held
        yield 'discarded', {'default_nonmember_action': 'discard'}, {'default_nonmember_action': 'accept'}, STRANGER, 'd', lambda address: DISCARDED
        yield 'refused', {}, {'default_nonmember_action': 'accept'}, STRANGER, NOT_A_MEMBER, lambda address: '^' + NOT_A_MEMBER + address

    def change(self, address, settings):
        if settings:
            self.daemon.run('set', address, *(f'{name}={value}' for name, value in settings.items()))

    def test_whatever_changes(self):
        for name, before, after, sender, answer, reply in self.ways():
            with self.subTest(name):
                address, octets, seen = self.create(name), message(sender), len(self.daemon.lines)
                self.change(address, before)
                self.assertRegex(self.judge(address, octets, sender), answer)
                front = self.daemon.wait_log(since=seen, list=address)
                self.change(address, after)
                seen = len(self.daemon.lines)
                self.assertRegex(self.post(address, octets, sender), reply(address))
                behind = self.daemon.wait_log(since=seen, list=address)
                self.assertEqual((behind['proof'], behind['rule'], behind['reason']), ('front', front['rule'], front['reason']))

    def test_a_ban_comes_after_it(self):
        address, octets = self.create('banned'), message()
        self.assertEqual(self.judge(address, octets), 'a')
        self.daemon.run('ban', MEMBER, address)
        self.assertRegex(self.judge(address, message()), r'^550 5\.7\.1 ')
        self.assertRegex(self.post(address, octets), accepted(address))

    def test_through_a_crash(self):
        address, octets = self.create('crash'), message(STRANGER)
        self.assertRegex(self.judge(address, octets, STRANGER), NOT_A_MEMBER)
        self.daemon.kill()
        self.daemon.start()
        self.assertRegex(self.post(address, octets, STRANGER), NOT_A_MEMBER)

    def test_for_each_of_several(self):
        octets = message()
        lists = [self.create('several-1'), self.create('several-2', 'default_member_action=hold'), self.create('several-3', members=()), f'several-1-owner@{DOMAIN}']
        self.assertEqual(self.judge(lists, octets), 'a')
        for address in lists[:3]:
            self.daemon.run('set', address, 'default_member_action=discard', 'default_nonmember_action=discard')
        replies = self.post(lists, octets)
        for reply, want in zip(replies, (accepted(lists[0]), held(lists[1]), held(lists[2], 'you are not a member of .*'), r'^250 2\.6\.0 \w+ taken for ')):
            self.assertRegex(reply, want)
        proofs = [self.daemon.wait_log(list=address, code=250, proof=proof)['proof'] for address, proof in zip(lists, ('front', 'front', 'none', 'none'))]
        self.assertEqual(proofs, ['front', 'front', 'none', 'none'], 'the author was not told of the refusal')

    def test_no_bounce_to_somebody_who_was_not_told(self):
        """Whatever else the message is for: a list, a role, somebody else. Told, the same author is refused."""
        for name, more in (('a list', self.create('open', 'default_nonmember_action=accept')), ('a role', f'open-owner@{DOMAIN}'), ('somebody else', 'x@elsewhere.example')):
            with self.subTest(name):
                address, octets = self.create(f'closed-{name.replace(" ", "-")}'), message(STRANGER)
                self.assertEqual(self.judge([address, more], octets, STRANGER), 'a')
                self.assertRegex(self.post(address, octets, STRANGER), held(address))
                self.assertRegex(self.judge(address, message(STRANGER), STRANGER), NOT_A_MEMBER)

    def test_judged_again_in_front(self):
        """Who joins, and sends the same once more, is in."""
        address, octets = self.create('again'), message(STRANGER)
        self.assertRegex(self.judge(address, octets, STRANGER), NOT_A_MEMBER)
        self.daemon.run('addmembers', '-W', '-', address, stdin=STRANGER + '\n')
        self.assertEqual(self.judge(address, octets, STRANGER), 'a')
        self.assertRegex(self.post(address, octets, STRANGER), accepted(address))


    def test_counted_once(self):
        """A refusal when it is told; what passes, when it is delivered."""
        address, counts = self.create('counted'), ('front', 'accepted', 'held', 'refused', 'discarded')
        before = json.loads(self.daemon.run('status', '--json'))
        for sender, recipients in ((MEMBER, [address]), (STRANGER, [address]), (STRANGER, [address, f'counted-owner@{DOMAIN}'])):
            octets = message(sender)
            if self.judge(recipients, octets, sender) == 'a':
                self.post(address, octets, sender)
        after = json.loads(self.daemon.run('status', '--json'))
        self.assertEqual([after[name] - before[name] for name in counts], [4, 1, 1, 1, 0])


class NotFound(Front):
    def test_what_the_mta_adds(self):
        """Fields on top make no other message of it; another case of the sender neither."""
        address, octets = self.create('added'), message(STRANGER)
        self.assertRegex(self.judge(address, octets, STRANGER), NOT_A_MEMBER)
        for more in (b'Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\n', b'Return-Path: <x@example.org>\r\nX-Spam: no\r\n'):
            self.assertRegex(self.post(address, more + octets, STRANGER.upper()), NOT_A_MEMBER)

    def test_what_the_mta_changes(self):
        """Judged anew, and unproven: nothing bounces."""
        address, octets = self.create('changed'), message(STRANGER)
        self.assertRegex(self.judge(address, octets, STRANGER), NOT_A_MEMBER)
        for name, changed, sender in (('the body', octets + b'-- \r\nchecked\r\n', STRANGER), ('the subject', octets.replace(b'Subject: ', b'Subject: [EXT] '), STRANGER),
                                      ('the reverse-path', octets, f'srs0=x=y@{DOMAIN}')):
            with self.subTest(name):
                self.assertRegex(self.post(address, changed, sender), held(address))
                self.assertEqual(self.daemon.wait_log(event='posting held', list=address)['proof'], 'none')

    def test_when_it_is_old(self):
        address, octets = self.create('old'), message(STRANGER)
        self.assertRegex(self.judge(address, octets, STRANGER), NOT_A_MEMBER)
        self.assertRegex(self.post(address, octets, STRANGER), NOT_A_MEMBER)
        with sqlite3.connect(os.path.join(self.daemon.state, 'listward.db'), timeout=30) as database:
            database.execute('UPDATE front_verdict SET at = at - ?', [WEEK])
        database.close()
        self.assertRegex(self.post(address, octets, STRANGER), held(address))
        self.daemon.reload()  # which is a round of housekeeping
        self.daemon.wait_for(lambda: self.verdicts() == 0, what='the old verdicts gone')

    def test_repeats(self):
        """Accepted before: that is the answer in front, too, and nothing new is remembered."""
        address, octets = self.create('repeats'), message()
        self.assertRegex(self.post(address, octets), accepted(address))
        before = self.verdicts()
        self.daemon.run('ban', MEMBER, address)
        self.assertRegex(self.judge(address, message()), r'^550 5\.7\.1 ')
        self.daemon.run('set', address, 'verdict_at_rcpt=no')
        self.assertEqual(self.judge(address, octets), 'a')
        self.assertEqual(self.verdicts(), before)
        self.assertRegex(self.post(address, octets), 'already accepted')


class Full(Front):
    def test_strangers_come_again_later(self):
        address = self.create('full', 'default_nonmember_action=hold', 'max_held=1', members=(MEMBER, 'mod@example.net'))
        self.daemon.run('member', address, 'mod@example.net', 'moderation_action=hold')
        first, second = message(STRANGER), message(STRANGER)
        self.assertEqual(self.judge(address, first, STRANGER), 'a')
        self.assertEqual(self.judge(address, second, STRANGER), 'a')
        self.assertRegex(self.post(address, first, STRANGER), held(address))
        self.assertRegex(self.judge(address, message(STRANGER), STRANGER), rf'^451 4\.7\.1 too many postings to {address} wait for its moderators$')
        ours = message('mod@example.net')
        self.assertEqual(self.judge(address, ours, 'mod@example.net'), 'a')
        self.assertEqual(self.judge(address, message()), 'a')
        self.assertRegex(self.post(address, second, STRANGER), held(address))  # as was said
        self.assertRegex(self.post(address, ours, 'mod@example.net'), held(address))
        self.assertEqual(len(self.held_ids(address)), 1)


class Probes(Served):
    """Nobody sends anything: Postfix's verify(8), Exim's call-outs."""
    callout = ports.free_port()
    config = {'lmtp': {'callout_listen': f'127.0.0.1:{callout}'}, 'log': {'level': 'debug'}}
    PROBES = {
        'Postfix': 'XFORWARD SOURCE=LOCAL\r\nMAIL FROM:<double-bounce@mta.example.org> SIZE=236\r\nRCPT TO:<{}>\r\nRSET\r\nQUIT\r\n',
        'Postfix, with a null sender': 'XFORWARD SOURCE=LOCAL\r\nMAIL FROM:<> SIZE=236\r\nRCPT TO:<{}>\r\nRSET\r\nQUIT\r\n',
        'Postfix, with a sender that changes': 'XFORWARD SOURCE=LOCAL\r\nMAIL FROM:<probejqy6@spam.example> SIZE=236\r\nRCPT TO:<{}>\r\nRSET\r\nQUIT\r\n',
        'Exim': 'MAIL FROM:<>\r\nRCPT TO:<{}>\r\nQUIT\r\n',
    }

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant')
        cls.daemon.run('ban', r'^.*@(spam\.example|mta\.example\.org)', cls.ant)

    def probe(self, words, address, port):
        """The answer to RCPT, and the lines of the log."""
        since = len(self.daemon.lines)
        with Client(port) as client:
            client.lhlo()
            client.send(words.format(address).encode())
            replies = [str(client.reply()) for _ in range(words.count('\r\n'))]
            self.assertTrue(client.at_end())
        return next(reply for reply in replies if reply.startswith(('250 2.1.5', '55'))), self.daemon.log_lines(since)

    def test_they_are_answered_by_the_recipient_alone(self):
        for name, words in self.PROBES.items():
            for port in (self.daemon.port, self.callout):
                with self.subTest(name, callout=port == self.callout):
                    self.assertEqual(self.probe(words, self.ant, port)[0], '250 2.1.5 recipient ok')
                    self.assertEqual(self.probe(words, f'ant-bounces+x=y@{DOMAIN}', port)[0], '250 2.1.5 recipient ok')
                    self.assertRegex(self.probe(words, f'nosuch@{DOMAIN}', port)[0], UNKNOWN)

    def test_they_are_logged_low(self):
        for name, words in self.PROBES.items():
            for address in (self.ant, f'nosuch@{DOMAIN}'):
                with self.subTest(name, address=address):
                    _, lines = self.probe(words, address, self.daemon.port)
                    self.assertEqual([line for line in lines if line['level'] != 'debug'], [])
                    self.assertEqual([line['to'] for line in lines if line['event'] == 'recipient refused'], [address] * (address != self.ant))

    def test_mail_to_nobody_is_not(self):
        """A message follows, or would have: the postmaster wants to know."""
        since = len(self.daemon.lines)
        with Client(self.daemon.port) as client:
            client.lhlo()
            client.send(f'MAIL FROM:<{MEMBER}>\r\nRCPT TO:<nosuch@{DOMAIN}>\r\nDATA\r\nRSET\r\n'.encode())
            self.assertEqual([client.reply().code for _ in range(4)], [250, 550, 503, 250])
        line = self.daemon.wait_log(since=since, event='recipient refused')
        self.assertEqual((line['level'], line['to'], line['from']), ('info', f'nosuch@{DOMAIN}', MEMBER))

    def test_they_are_no_postings(self):
        counts = ('accepted', 'held', 'refused', 'discarded', 'repeated', 'taken', 'front', 'trouble')
        before = json.loads(self.daemon.run('status', '--json'))
        for words in self.PROBES.values():
            self.probe(words, self.ant, self.daemon.port)
            self.probe(words, f'nosuch@{DOMAIN}', self.callout)
        after = json.loads(self.daemon.run('status', '--json'))
        self.assertEqual([after[name] for name in counts], [before[name] for name in counts])
        self.assertEqual(self.rows('SELECT count(*) FROM message'), [(0,)])
