"""What the outlet refuses, recipient by recipient and as a whole: who is tried again, who has failed, for which reason, and whose bounce it is."""
import unittest

from lib.fanout import LIST, Fanout
from lib.sink import Do


class Refusing(Fanout):
    def refuse(self, hook, reply, times=1, matching=lambda argument: True):
        """The next `times` matching calls of the hook get this reply."""
        left = [times]

        def answer(session, argument):
            if left[0] and matching(argument):
                left[0] -= 1
                return reply
            return None
        self.sink.on[hook] = answer

    def refuse_address(self, replies, times=1):
        """{address: reply}, each of them `times` times."""
        left = dict.fromkeys(replies, times)

        def answer(session, rcpt):
            if left.get(rcpt.address):
                left[rcpt.address] -= 1
                return replies[rcpt.address]
            return None
        self.sink.on['RCPT'] = answer

    def check_no_bounce(self):
        self.assertEqual(self.bounces(), [])


class Recipients(Refusing):
    def test_each_has_its_own(self):
        people = self.add_members(700)
        later = dict.fromkeys(people[10:700:100], '450 4.2.1 mailbox busy')
        gone = dict.fromkeys(people[20:700:50], '550 5.1.1 no such user')
        self.refuse_address({**later, **gone}, times=1)
        ledger = self.account(self.post(), sent=[one for one in people if one not in gone], failed=gone, reason='^550 5.1.1 no such user$')
        self.assertEqual(self.bounces(), sorted(gone))
        for address in later:
            self.assertEqual(ledger[address].attempts, 2)
        self.assertEqual(self.number('SELECT count(*) FROM recipient'), len(later) + len(gone))

    def test_temporary_for_all(self):
        people = self.add_members(120)
        self.refuse_address(dict.fromkeys(people, '451 4.3.0 not now'))
        ledger = self.account(self.post(), sent=people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {2})
        self.check_no_bounce()

    def test_temporary_several_times(self):
        people = self.add_members(3)
        self.refuse_address({people[1]: '450 4.2.0 wait'}, times=3)
        ledger = self.account(self.post(), sent=people)
        self.assertEqual([ledger[one].attempts for one in people], [1, 4, 1])

    def test_temporary_then_for_good(self):
        people = self.add_members(3)
        replies = ['450 4.2.0 wait', '550 5.2.1 mailbox disabled']
        self.sink.on['RCPT'] = lambda session, rcpt: replies.pop(0) if rcpt.address == people[1] and replies else None
        ledger = self.account(self.post(), sent=[people[0], people[2]], failed=[people[1]], reason='^550 5.2.1 mailbox disabled$')
        self.assertEqual(ledger[people[1]].attempts, 2)
        self.assertEqual(self.bounces(), [people[1]])

    def test_who_left_meanwhile_is_not_tried_again(self):
        people = self.add_members(3)
        self.refuse_address({people[0]: '450 4.2.0 wait'})
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code, deferred=1)
        self.daemon.run('delmembers', '-l', LIST, '-m', people[0])
        self.wait_posted_again()
        self.assertEqual(self.copies(code), dict.fromkeys(people[1:], 1))
        self.assertEqual(self.ledger(code)[people[0]].state, 'left')

    def wait_posted_again(self):
        """Whose turn it would be has had it: a delivery that ends without a copy says nothing in the log, but another one that waits as long does."""
        last = self.add_members(['last@example.net'])
        self.refuse_address(dict.fromkeys(last, '450 4.2.0 wait'))
        self.post()
        self.wait_done()

    def test_many_replies(self):
        """Every code and text a server may give; the text is kept as it is."""
        good = {'550 5.1.1 no such user': True, '553 5.1.3 bad syntax': True, '551 not here': True, '554': True, '550-5.7.1 first\r\n550 5.7.1 second': True,
                '552 5.2.2 mailbox full': True, '556 5.1.10 null MX': True, '501 5.1.3 odd address': True,
                '555 5.5.4 unknown parameter': False, '503 5.5.1 bad sequence': False, '530 5.7.0 authenticate': False, '500 what': False}
        people = self.add_members(len(good))
        replies = dict(zip(people, good))
        self.refuse_address(replies)
        ledger = self.account(self.post(), failed=people, reason='^5')
        self.assertEqual(self.bounces(), sorted(one for one in people if good[replies[one]]))
        self.assertEqual(ledger[people[4]].reply, '550 5.7.1 first second')
        self.assertEqual(ledger[people[3]].reply, '554')

    def test_text_of_any_octets(self):
        people = self.add_members(2)
        self.sink.on['RCPT'] = lambda session, rcpt: Do(b'550 5.1.1 a\xff\x01\tb ' + 'grüße'.encode() + b' ' + b'x' * 900 + b'\r\n') if rcpt.address == people[0] else None
        ledger = self.account(self.post(), sent=people[1:], failed=people[:1], reason='^550 5.1.1 a')
        self.assertLessEqual(len(ledger[people[0]].reply.encode()), 1100)


class TooMany(Refusing):
    COURIER = {'retry_first': '1h', 'connections': 1}  # nobody is put off for an hour

    def limit(self, most, reply):
        self.sink.on['RCPT'] = lambda session, rcpt: reply if len(session.recipients) >= most else None

    def test_of_a_transaction(self):
        people = self.add_members(520)
        for reply in '452 4.5.3 too many recipients', '452 too many', '552 5.5.3 too many recipients':
            with self.subTest(reply):
                self.sink.clear()
                self.limit(150, reply)
                self.daemon.restart()
                self.account(self.post(), sent=people)
                self.assertEqual([len(mail.addresses) for mail in self.sink.messages], [150, 150, 150, 50, 20])

    def test_the_limit_is_remembered(self):
        people = self.add_members(520)
        self.limit(100, '452 4.5.3 too many recipients')
        self.account(self.post(), sent=people)
        self.account(self.post(), sent=people)
        rcpts = [line for session in self.sink.sessions for line in session.commands if line.startswith('RCPT')]
        self.assertLessEqual(len(rcpts), 2 * 520 + 400)  # the first transaction offered all

    def test_one_at_a_time(self):
        people = self.add_members(30)
        self.limit(1, '452 4.5.3 too many recipients')
        self.account(self.post(), sent=people)
        self.assertEqual([len(mail.addresses) for mail in self.sink.messages], [1] * 30)


class Whole(Refusing):
    """Refusals of the message: they say nothing about a member."""

    def test_mail(self):
        people = self.add_members(600)
        self.refuse('MAIL', '550 5.7.1 not from you', times=2)
        self.account(self.post(), failed=people, reason='^550 5.7.1 not from you$')
        self.check_no_bounce()
        self.daemon.wait_log(event='the outlet refuses a message', reply='550 5.7.1 not from you')

    def test_mail_for_now(self):
        people = self.add_members(20)
        self.refuse('MAIL', '451 4.7.1 greylisted')
        ledger = self.account(self.post(), sent=people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {2})

    def test_after_the_dot(self):
        people = self.add_members(20)
        for reply in '554 5.7.1 spam', '552 5.3.4 too large', '550 no':
            with self.subTest(reply):
                self.refuse('DOT', reply)
                self.account(self.post(), failed=people, reason=f'^{reply}$')
                self.check_no_bounce()
                self.account(self.post(), sent=people)

    def test_after_the_dot_for_now(self):
        people = self.add_members(20)
        for reply in '451 4.3.0 disk', '452 4.3.1 full':
            with self.subTest(reply):
                self.refuse('DOT', reply)
                ledger = self.account(self.post(), sent=people)
                self.assertEqual({fate.attempts for fate in ledger.values()}, {2})

    def test_data(self):
        people = self.add_members(20)
        self.refuse('DATA', '554 5.3.0 no')
        self.account(self.post(), failed=people, reason='^554 5.3.0 no$')
        self.refuse('DATA', '451 4.3.0 later')
        self.account(self.post(), sent=people)
        self.check_no_bounce()

    def test_nobody_accepted_but_data_is(self):
        """A pipelined DATA answered 354 must be ended by an empty message (RFC 2920 3.1), which nobody gets."""
        people = self.add_members(3)
        self.refuse_address(dict.fromkeys(people, '550 5.1.1 no such user'))
        self.sink.on['OTHER'] = lambda session, line: '500 5.5.2 stray line'
        self.account(self.post(), failed=people, reason='^550 5.1.1 ')
        self.account(self.post(), sent=people)
        self.assertEqual([line for line in self.sink.sessions[0].commands if line == '.'], [])


class Lifetime(Refusing):
    COURIER = {'retry_first': '1s', 'retry_max': '1s', 'retry_lifetime': '2s'}

    def test_given_up(self):
        people = self.add_members(3)
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.0 never' if rcpt.address == people[0] else None
        ledger = self.account(self.post(), sent=people[1:], failed=people[:1], reason=r'^given up after 3 attempts: 450 4\.2\.0 never$')
        self.assertEqual(ledger[people[0]].attempts, 3)

    def test_schedule_doubles(self):
        """By the database's times: the first pause is the configured one, the next twice as long."""
        self.daemon.configure({'courier': {'retry_first': '1s', 'retry_max': '1h', 'retry_lifetime': '1d'}})
        self.daemon.restart()
        people = self.add_members(1)
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.0 wait'
        code = self.post()
        for attempt, pause in (1, 1), (2, 2):
            self.daemon.wait_log(event='copies handed over', post=code, count=attempt)
            attempts, at, first = self.rows('SELECT attempts, next_at, first_at FROM recipient')[0]
            self.assertEqual(attempts, attempt)
            passed = (at - first) / 1e6
            self.assertGreaterEqual(passed, sum(range(attempt)) + pause - 0.001)
            self.assertLess(passed, sum(range(attempt)) + pause + 10)
        self.sink.on.clear()
        self.account(code, sent=people)


if __name__ == '__main__':
    unittest.main()
