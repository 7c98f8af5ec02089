"""A peer whose replies are none, or not the ones that can be: the connection is of no use any more, and nobody pays for it."""
import unittest

from lib.fanout import Breaking
from lib.sink import Do


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
