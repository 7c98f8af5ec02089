"""Rule 7 of what MTAs do: the same posting again, from one that missed the reply. The same answer with the same id, and nothing twice."""
import re

from lib.lmtp import Client
from lib.posting import DISCARDED, DOMAIN, MEMBER, STRANGER, Served, accepted, code, held, message, taken


def already(outcome, reply, address):
    return rf'^250 2\.6\.0 {code(reply)} already {outcome} for {re.escape(address)}$'


class Repeats(Served):
    @classmethod
    def furnish(cls):
        cls.ant, cls.bee = cls.create('ant'), cls.create('bee')

    def new(self, octets, sender=MEMBER, address=None):
        reply = self.post(address or self.ant, octets, sender=sender)
        self.assertRegex(reply, accepted(address or self.ant))
        return reply

    def count(self, table='posting'):
        return self.rows(f'SELECT count(*) FROM {table}')[0][0]


class Again(Repeats):
    def test_accepted(self):
        """A lost 250: the connection is gone before the reply is read."""
        octets = message(subject='lost reply')
        since = len(self.daemon.lines)
        with Client(self.daemon.port) as client:
            client.lhlo()
            client.envelope(MEMBER, [self.ant])
            client.command('DATA')
            client.send(octets + b'.\r\n')
            client.reset()
        first = self.daemon.wait_log(since, event='posting accepted')['post']
        before = self.count('delivery')
        for _ in range(2):
            reply = self.post(self.ant, octets)
            self.assertRegex(reply, rf'^250 2\.6\.0 {first} already accepted for {self.ant}$')
        self.copy_of(reply)
        self.assertEqual(self.count('delivery'), before)
        self.assertEqual(self.rows("SELECT count(*) FROM posting WHERE subject = 'lost reply'"), [(1,)])
        self.daemon.wait_log(since, event='posting repeated', post=first)

    def test_posted_once(self):
        """No second copy: one that comes later is the next to go out."""
        octets = message()
        first = self.new(octets)
        self.copy_of(first)
        self.sink.clear()
        self.post(self.ant, octets)
        self.copy_of(self.new(message()))
        self.assertEqual(len(self.sink.messages), 1)

    def test_held(self):
        octets = message(STRANGER)
        first = self.post(self.ant, octets, sender=STRANGER)
        self.assertRegex(first, held(self.ant))
        self.assertRegex(self.post(self.ant, octets, sender=STRANGER), already('held', first, self.ant))
        self.assertEqual(self.held_ids(self.ant).count(code(first)), 1)

    def test_held_and_accepted_since(self):
        octets = message(STRANGER)
        first = self.post(self.ant, octets, sender=STRANGER)
        self.daemon.run('accept', self.ant, code(first))
        self.assertRegex(self.post(self.ant, octets, sender=STRANGER), already('accepted', first, self.ant))

    def test_held_and_discarded_since(self):
        """It was held when it came: a repeat does not come back into the queue."""
        octets = message(STRANGER)
        first = self.post(self.ant, octets, sender=STRANGER)
        self.daemon.run('discard', self.ant, code(first))
        self.assertRegex(self.post(self.ant, octets, sender=STRANGER), already('held', first, self.ant))
        self.assertNotIn(code(first), self.held_ids(self.ant))

    def test_the_settings_of_today_do_not_change_yesterdays_answer(self):
        octets = message()
        first = self.new(octets)
        self.daemon.run('set', self.ant, 'emergency=yes')
        self.addCleanup(self.daemon.run, 'set', self.ant, 'emergency=no')
        self.assertRegex(self.post(self.ant, octets), already('accepted', first, self.ant))

    def test_mail_to_a_role(self):
        octets = message()
        for role in (f'ant-bounces+x@{DOMAIN}', f'ant-owner@{DOMAIN}', f'postmaster@{DOMAIN}'):
            before = self.count()
            first, second = self.post(role, octets), self.post(role, octets)
            self.assertRegex(first, taken(role))
            self.assertEqual(first, second)
            self.assertEqual(self.count(), before + 1)

    def test_after_a_restart(self):
        """Orderly, and by SIGKILL."""
        for end in (self.daemon.stop, self.daemon.kill):
            octets = message()
            first = self.new(octets)
            end()
            self.daemon.start()
            self.assertRegex(self.post(self.ant, octets), already('accepted', first, self.ant))
            self.copy_of(first)

    def test_in_one_transaction_and_the_next(self):
        """One of two lists had it already."""
        octets = message()
        first = self.new(octets)
        ant, bee = self.post([self.ant, self.bee], octets)
        self.assertRegex(ant, already('accepted', first, self.ant))
        self.assertRegex(bee, accepted(self.bee))

    def test_many_at_once(self):
        """Sessions that bring the same at the same time: one is the first."""
        octets = message()
        clients = [Client(self.daemon.port) for _ in range(8)]
        for client in clients:
            self.addCleanup(client.close)
            client.lhlo()
            client.envelope(MEMBER, [self.ant])
            client.command('DATA')
        for client in clients:
            client.send(octets + b'.\r\n')
        replies = [str(client.reply()) for client in clients]
        self.assertEqual(len({code(reply) for reply in replies}), 1, replies)
        self.assertEqual(sum('already' not in reply for reply in replies), 1, replies)


class NotTheSame(Repeats):
    def test_what_differs(self):
        octets = message(subject='the same')
        first = self.new(octets)
        for name, changed in (('the body', octets.replace(b'hello', b'hallo')), ('a blank in the body', octets.replace(b'hello', b'hello ')),
                              ('Subject', octets.replace(b'the same', b'not the same')), ('Date', octets.replace(b'10:00:00', b'10:00:01')),
                              ('Message-ID', octets.replace(b'@example.net>', b'@mail.example.net>')), ('From', octets.replace(b'From: ', b'From: Bat '))):
            with self.subTest(name):
                self.assertNotEqual(changed, octets)
                self.assertNotEqual(code(self.new(changed)), code(first))
        self.assertRegex(self.post(self.ant, octets), already('accepted', first, self.ant))

    def test_what_does_not_count(self):
        """What MTAs add and change on the way: trace fields, folding, the case of the reverse-path's domain."""
        octets = message(subject='a b')
        first = self.new(octets)
        for name, changed, sender in (('Received', b'Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\n' + octets, MEMBER),
                                      ('another field', b'X-Spam: no\r\n' + octets, MEMBER), ('folding', octets.replace(b'Subject: a', b'Subject: a\r\n'), MEMBER),
                                      ('To', octets.replace(b'To: ', b'To: The ants '), MEMBER), ('case', octets, 'bat@EXAMPLE.net')):
            with self.subTest(name):
                self.assertRegex(self.post(self.ant, changed, sender=sender), already('accepted', first, self.ant))

    def test_another_reverse_path_or_list(self):
        octets = message()
        first = self.new(octets)
        self.assertNotEqual(code(self.new(octets, 'other@example.net')), code(first))
        self.daemon.run('set', self.bee, 'default_nonmember_action=accept')
        self.assertNotEqual(code(self.new(octets, address=self.bee)), code(first))
        self.assertNotEqual(code(self.post(f'ant-owner@{DOMAIN}', octets)), code(first))

    def test_refused_and_discarded_ones_are_not_remembered(self):
        shut = self.create('shut', 'default_nonmember_action=discard', 'max_message_size=1')
        octets, large = message(STRANGER), message(STRANGER, body='x' * 2000)
        for _ in range(2):
            self.assertRegex(self.post(shut, octets, sender=STRANGER), DISCARDED)
            self.assertRegex(self.post(shut, large, sender=STRANGER), r'^552 ')
        self.daemon.run('set', shut, 'default_nonmember_action=accept', 'max_message_size=0')
        for each in (octets, large):
            self.assertRegex(self.post(shut, each, sender=STRANGER), accepted(shut))

    def test_a_list_of_the_same_name_made_anew(self):
        gone = self.create('gone')
        octets = message()
        first = self.new(octets, address=gone)
        self.daemon.run('remove', gone)
        self.create('gone')
        self.assertNotEqual(code(self.new(octets, address=gone)), code(first))


class Window(Repeats):
    config = {'retention': {'dedupe': '0'}}

    def test_no_window(self):
        octets = message()
        self.assertNotEqual(code(self.new(octets)), code(self.new(octets)))
