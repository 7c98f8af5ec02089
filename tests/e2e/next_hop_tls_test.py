"""TLS and AUTH: who is not who it should be, or cannot be told a secret safely, gets nothing, and nobody pays for it."""
import os
import unittest

from lib import certificates
from lib.next_hop_matrix import ALL, Matrix
from lib.sink import Do


class Secure(Matrix):
    COUNT = 3

    def setUp(self):
        super().setUp()
        with open(os.path.join(self.daemon.state, 'password'), 'w', encoding='ascii') as file:
            file.write('s3cret\n')
        os.chmod(file.name, 0o600)
        self.sink.keywords = ALL

    def use(self, tls, **keys):
        """`keys`: more of [outlet]; what was set by the last call is gone."""
        self.hang_up()
        self.sink.tls = tls if tls != 'no' else None
        self.sink.certificate, self.sink.key = certificates.of('server')
        self.sink.client_ca, self.sink.users, self.sink.required = None, {}, False
        self.daemon.configure({'outlet': {'tls': tls, 'tls_ca_file': certificates.ca(), 'tls_verify': None, 'tls_certificate': None, 'tls_key': None,
                                          'user': None, 'password_file': None, **keys}})
        self.daemon.restart()

    def log_in(self, tls='starttls'):
        self.use(tls, user='ant', password_file='password')
        self.sink.users, self.sink.required = {'ant': 's3cret'}, True

    def refused(self, why):
        """The next hop gets nothing, and an alarm says why. Returns what waits."""
        since = len(self.daemon.lines)
        first = len(self.sink.sessions)
        code = self.post()
        self.assertRegex(self.daemon.wait_log(since, event='the outlet refuses us')['error'], why)
        self.daemon.wait_log(since, event='outlet not reached')
        said = [line for session in self.sink.sessions[first:] for line in session.commands]
        self.assertEqual([line for line in said if not line.startswith(('EHLO', 'STARTTLS', 'AUTH', 'QUIT'))], [])
        return code

    def mended(self, code):
        """Then it waited at no cost."""
        self.daemon.run('retry')
        ledger = self.account(code, sent=self.people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {1})


class Matrices(Secure):
    """As without TLS: some of all that may happen."""
    SHAPE = 'always'

    def check_some(self, *steps):
        self.check_all(ALL, steps=steps, actions=('4xx', '5xx', '421 and gone', 'cut', 'reset', 'garbage'))
        self.assertEqual({bool(session.tls) for session in self.sink.sessions if any(line.startswith('MAIL') for line in session.commands)}, {True})

    def test_starttls(self):
        self.use('starttls')
        self.check_some('STARTTLS', 'MAIL', 'DOT')

    def test_implicit(self):
        self.use('implicit')
        self.check_some('CONNECT', 'RCPT', 'DOT')

    def test_auth(self):
        self.log_in()
        self.check_some('EHLO', 'AUTH', 'RCPT')


class Certificate(Secure):
    def test_not_good(self):
        for tls in 'starttls', 'implicit':
            self.use(tls)
            for kind, why in (('expired', 'expired'), ('wrong-name', '127.0.0.1'), ('other-signer', 'issuer|signed'), ('self-signed', 'self')):
                with self.subTest(tls=tls, kind=kind):
                    self.sink.certificate, self.sink.key = certificates.of(kind)
                    code = self.refused(why)
                    self.sink.certificate, self.sink.key = certificates.of('server')
                    self.mended(code)
                    self.hang_up()

    def test_not_looked_at(self):
        self.use('starttls', tls_verify='no', tls_ca_file=None)
        self.sink.certificate, self.sink.key = certificates.of('expired')
        self.account(self.post(), sent=self.people)

    def test_ours(self):
        """Asked for: shown if there is one; without it the server may refuse us."""
        client = certificates.of('client')
        self.use('starttls', tls_certificate=client.certificate, tls_key=client.key)
        self.sink.client_ca = certificates.ca()
        self.account(self.post(), sent=self.people)
        self.assertEqual(self.sink.sessions[-1].tls['client'], 'lists.example.com')
        self.use('starttls')
        self.sink.client_ca = certificates.ca()
        since = len(self.daemon.lines)
        code = self.post()
        self.daemon.wait_log(since, event='outlet not reached')
        self.assertEqual(self.copies(code), {})
        self.sink.client_ca = None
        self.mended(code)

    def test_starttls_not_offered(self):
        self.use('starttls')
        self.sink.on['EHLO'] = lambda session, line: '250 sink.example.net'
        code = self.refused('offers no STARTTLS')
        self.sink.on.clear()
        self.mended(code)

    def test_no_tls_behind_starttls(self):
        self.use('starttls')
        for answer in Do('220 go on\r\nwhat?', 'close'), Do(b'220 go on\r\n250-x\r\n250 AUTH PLAIN\r\n'):
            with self.subTest(answer=answer):
                self.hang_up()
                self.sink.on['STARTTLS'] = lambda session, line, answer=answer: answer
                code = self.refused('octets came in before it began')
                self.sink.on.clear()
                self.mended(code)


class Login(Secure):
    def test_refused(self):
        self.log_in()
        self.sink.users = {'ant': 'other'}
        code = self.refused('login as ant: the server said: 535')
        self.assertNotIn('s3cret', '\n'.join(self.daemon.lines))
        self.sink.users = {'ant': 's3cret'}
        self.mended(code)

    def test_not_offered(self):
        self.log_in('no')
        self.sink.users = {}
        code = self.refused('offers neither AUTH PLAIN nor LOGIN')
        self.sink.users = {'ant': 's3cret'}
        self.mended(code)

    def test_each_mechanism(self):
        for tls in 'no', 'implicit':
            self.log_in(tls)
            for mechanism in 'PLAIN', 'LOGIN':
                with self.subTest(tls=tls, mechanism=mechanism):
                    self.hang_up()
                    self.sink.mechanisms = ['CRAM-MD5', mechanism]
                    self.account(self.post(), sent=self.people)
                    self.assertEqual(self.sink.sessions[-1].auth, (mechanism, 'ant'))


if __name__ == '__main__':
    unittest.main()
