"""An outlet that breaks: connections cut at every step, replies that are none. Nothing is lost, nobody gets two copies, and nobody is blamed."""
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


class Garbage(Breaking):
    def test_in_place_of_a_reply(self):
        people = self.add_members(3)
        for hook, reply in (('MAIL', b'hello\r\n'), ('RCPT', b'999 what\r\n'), ('DATA', b'250ok\r\n'), ('DOT', b'\r\n'), ('MAIL', b'250-a\r\n550 b\r\n'),
                            ('RCPT', b'\xff\xfe\x00\r\n'), ('DOT', b'100 continue\r\n'), ('MAIL', b'250 ' + b'x' * 200000 + b'\r\n'),
                            ('RCPT', b'250-x\r\n' * 10000 + b'250 y\r\n'), ('DATA', b'HTTP/1.1 400 Bad Request\r\n\r\n'), ('DOT', b'451 a\n')):
            with self.subTest(hook=hook, reply=reply[:30]):
                self.check_steps(hook, Do(reply), people)

    def test_as_a_greeting(self):
        people = self.add_members(3)
        for reply in b'hello\r\n', b'999 what\r\n', b'250ok\r\n':
            with self.subTest(reply):
                self.check_steps('CONNECT', Do(reply), people)
        self.check_steps('EHLO', Do(b'250-a\r\n250 ' + b'x' * 200000 + b'\r\n'), people)

    def test_354_for_everything(self):
        people = self.add_members(3)
        for hook in 'MAIL', 'RCPT', 'DOT':
            with self.subTest(hook):
                self.check_steps(hook, Do('354 go on'), people)

    def test_a_broken_peer_ends_in_the_schedule(self):
        """A peer that breaks every time: after five breaks its recipients go over to the schedule of retries, and to their lifetime."""
        self.daemon.configure({'courier': {'retry_first': '1s', 'retry_max': '1s', 'retry_lifetime': '1s'}})
        self.daemon.restart()
        people = self.add_members(3)
        self.sink.on['DATA'] = lambda session, argument: Do(then='close')
        code = self.post()
        self.wait_done(60)
        fates = self.ledger(code)
        self.assertEqual({address: fate.state for address, fate in fates.items()}, dict.fromkeys(people, 'failed'))
        for fate in fates.values():
            self.assertRegex(fate.reply, '^given up after ')
        self.assertEqual(self.bounces(), [])
        self.assertEqual(self.sink.messages, [])


if __name__ == '__main__':
    unittest.main()
