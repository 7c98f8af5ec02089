"""Connections to the outlet cut at every step. Nothing is lost, nobody gets two copies, and nobody is blamed."""
import unittest

from lib.fanout import Breaking, message
from lib.sink import Do

CUT = ('CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'OCTETS', 'DOT')


class Cut(Breaking):
    def test_closed(self):
        people = self.add_members(30)
        for hook in CUT:
            with self.subTest(hook):
                self.check_steps(hook, Do(then='close'), people)

    def test_reset(self):
        people = self.add_members(30)
        for hook in 'CONNECT', 'RCPT', 'OCTETS', 'DOT':
            with self.subTest(hook):
                self.check_steps(hook, Do(then='reset'), people)

    def test_in_the_middle_of_a_reply(self):
        people = self.add_members(3)
        for hook, part in ('CONNECT', b'2'), ('EHLO', b'250-a\r\n250-'), ('MAIL', b'25'), ('RCPT', b'250-x\r\n'), ('DATA', b'354 go'), ('DOT', b'45'):
            with self.subTest(hook):
                self.check_steps(hook, Do(part, 'close'), people)

    def test_in_a_large_body(self):
        people = self.add_members(3)
        self.sink.on['OCTETS'] = lambda session, octets: Do(then='reset') if octets > 1000000 and session.number == 0 else None
        self.account(self.post(message('large', body=('z' * 70 + '\n') * 60000)), sent=people)
        self.assertEqual(len(self.sink.sessions), 2)

    def test_after_some_recipients(self):
        """Those who were refused before the break keep their answer; the others are tried at once on a fresh connection."""
        people = self.add_members(100)
        gone = people[:10]

        def answer(session, rcpt):
            if rcpt.address in gone:
                return '550 5.1.1 no such user'
            return Do(then='close') if session.number == 0 and rcpt.address == people[50] else None
        self.sink.on['RCPT'] = answer
        self.account(self.post(), sent=people[10:], failed=gone, reason='^550 5.1.1 ')
        self.assertEqual(self.bounces(), gone)

    def test_421(self):
        """The server is about to close: nobody was refused by it."""
        people = self.add_members(150)
        for hook, after in ('MAIL', 0), ('RCPT', 0), ('RCPT', 120), ('DATA', 0), ('DOT', 0):
            for then in 'close', 'go':
                with self.subTest(hook=hook, then=then, after=after):
                    self.check_steps(hook, Do('421 4.3.2 shutting down', then), people, after)


class AfterTheDot(Breaking):
    def test_taken_but_not_said(self):
        """The peer has taken the message and its reply is lost: nobody can know. They are tried again, which the ledger says."""
        people = self.add_members(5)
        self.sink.on['DOT'] = lambda session, mail: Do(b'2', 'close') if session.number == 0 else None
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code, deferred=5)
        self.assertRegex(self.number('SELECT reply FROM recipient'), '^no reply to the message .*may arrive twice')
        self.wait_done()
        self.assertEqual(self.copies(code), dict.fromkeys(people, 2))


if __name__ == '__main__':
    unittest.main()
