"""Next hops that mean ill: replies without end, a flood of keywords, replies before they are asked for, certificates of megabytes, silence.
Memory stays bounded, the log says what is wrong, nothing is lost, and posters are served meanwhile."""
import re
import unittest

from lib import certificates, events
from lib.hostile import FULL, MEBI, Outlives, post
from lib.posting import code
from lib.sink import Do

FLOOD = 100 if FULL else 20  # MiB


class Hop(Outlives):

    def afresh(self):
        """The next posting makes a new connection."""
        self.sink.stop()
        self.sink.start()

    def tearDown(self):
        self.sink.on.clear()
        super().tearDown()

    def broken(self, hook, answer, why):
        """A posting is accepted, the log says why it does not go on, and it does when the next hop behaves again."""
        self.afresh()
        since = len(self.daemon.lines)
        self.sink.on[hook] = lambda session, argument: answer
        posting = code(post(self.daemon))
        self.daemon.wait_for(lambda: re.search(why, '\n'.join(self.daemon.lines[since:])), what=f'{why} in the log')
        self.sink.on.clear()
        self.daemon.run('retry')
        self.daemon.wait_log(since, event='copies handed over', post=posting, sent=1)


class NextHops(Hop):
    def test_replies_without_end(self):
        for hook, start in (('CONNECT', b'220 '), ('EHLO', b'250-'), ('MAIL', b'250 '), ('RCPT', b'250 '), ('DATA', b'354 '), ('DOT', b'250 ')):
            with self.subTest(hook):
                self.broken(hook, Do(start + b'x' * FLOOD * MEBI, 'close'), 'a line of more than|closed the connection|deferred=1')

    def test_lines_without_end(self):
        for hook, line in (('CONNECT', b'220-x\r\n'), ('MAIL', b'250-x\r\n'), ('RCPT', b'250-x\r\n'), ('DATA', b'354-x\r\n'), ('DOT', b'250-x\r\n')):
            with self.subTest(hook):
                self.broken(hook, Do(line * 1000000, 'close'), 'a reply of more than 256 lines|deferred=1')

    def test_a_hundred_thousand_keywords(self):
        self.broken('EHLO', Do(b'250-sink\r\n' + b''.join(b'250-X%d\r\n' % n for n in range(100000)) + b'250 PIPELINING\r\n'), 'a reply of more than 256 lines')

    def test_keywords_of_any_length(self):
        lines = [b'250-sink'] + [b'250-' + bytes([65 + n % 26]) * 900 for n in range(200)] + [b'250-SIZE ' + b'9' * 900, b'250-AUTH ' + b'PLAIN ' * 150, b'250 PIPELINING', b'']
        self.afresh()
        self.sink.on['EHLO'] = lambda session, line: Do(b'\r\n'.join(lines))
        posting = code(post(self.daemon))
        self.wait_log(event='copies handed over', post=posting, sent=1)

    def test_replies_before_they_are_asked_for(self):
        """Who says 250 to everything has taken it, by his own word; who says less gets it again."""
        for hook, answer in (('CONNECT', b'220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n'), ('EHLO', b'250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n'),
                             ('MAIL', b'250 x\r\n250 x\r\n354 x\r\n250 x\r\n' * 1000), ('DATA', b'354 x\r\n250 x\r\n' * 100000)):
            with self.subTest(hook):
                self.afresh()
                self.sink.on[hook] = lambda session, argument, answer=answer: Do(answer, 'close')
                posting = code(post(self.daemon))
                self.daemon.wait_for(lambda posting=posting: self.daemon.log_lines(self.since, event='copies handed over', post=posting)
                                     or self.daemon.log_lines(self.since, event='outlet not reached'), what='an end of it')
                self.sink.on.clear()
                self.daemon.run('retry')
                self.daemon.wait_log(self.since, event='copies handed over', post=posting, sent=1)

    def test_silence(self):
        """After 354, and in the middle of everything else: who posts does not notice."""
        for hook in 'EHLO', 'DATA', 'DOT':
            with self.subTest(hook):
                self.afresh()
                silent = []
                self.sink.on[hook] = lambda session, argument, silent=silent: silent.append(session) or Do(b'354 go' if hook == 'DATA' else b'', 'stall')
                first = code(post(self.daemon))
                events.wait_for(lambda silent=silent: silent, what='silence')
                for _ in range(10):
                    self.assertEqual(post(self.daemon).code, 250)
                self.sink.on.clear()
                self.afresh()
                self.daemon.run('retry')
                self.daemon.wait_log(self.since, event='copies handed over', post=first, sent=1)


class Tls(Hop):
    CONFIG = {'outlet': {'tls': 'starttls', 'tls_ca_file': certificates.ca()}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sink.tls = 'starttls'
        cls.sink.certificate, cls.sink.key = certificates.of('server')

    def setUp(self):
        self.good = self.sink.certificate
        super().setUp()

    def test_certificates_of_10_MB(self):
        """A chain of them."""
        with open(certificates.ca(), encoding='ascii') as file:
            authority = file.read()
        with open(self.good, encoding='ascii') as file:
            own = file.read()
        long = self.daemon.scratch + '/chain'
        with open(long, 'w', encoding='ascii') as file:
            file.write(own + authority * (10 * MEBI // len(authority)))
        self.sink.certificate = long
        since = len(self.daemon.lines)
        self.afresh()
        posting = code(post(self.daemon))
        self.daemon.wait_for(lambda: re.search('outlet not reached.*(excessive|too long|too large)', '\n'.join(self.daemon.lines[since:])), what='a complaint')
        self.sink.certificate = self.good
        self.daemon.run('retry')
        self.daemon.wait_log(since, event='copies handed over', post=posting, sent=1)

    def test_a_handshake_that_never_ends(self):
        self.afresh()
        silent = []
        self.sink.on['STARTTLS'] = lambda session, line: silent.append(session) or Do(b'220 go on\r\n', 'stall')
        first = code(post(self.daemon))
        events.wait_for(lambda: silent, what='a handshake')
        for _ in range(10):
            self.assertEqual(post(self.daemon).code, 250)
        self.sink.on.clear()
        self.afresh()
        self.daemon.run('retry')
        self.daemon.wait_log(self.since, event='copies handed over', post=first, sent=1)

    def test_a_handshake_that_is_none(self):
        self.broken('STARTTLS', Do(b'220 go on\r\n\x16\x03\x03\xff\xff' + b'\0' * FLOOD * MEBI, 'close'), 'came in before it began|wrong version|TLS|record')


if __name__ == '__main__':
    unittest.main()
