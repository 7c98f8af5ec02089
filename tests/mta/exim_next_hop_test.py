"""The courier and a real Exim."""
import os
import unittest

from lib import certificates
from lib.mta import Exim
from lib.next_hop import EveryNextHop, NextHop, WithSmtputf8, many

TIMEOUT = 300


class Behind(EveryNextHop, WithSmtputf8, NextHop):
    MTA = Exim
    CAN_LACK = ('PIPELINING', 'CHUNKING', '8BITMIME', 'SMTPUTF8', 'DSN')
    TLS = 'X=TLS'


class Login(NextHop):
    MTA = Exim
    OPTIONS = {'tls': True, 'users': {'listward': 'correct horse'}}

    def password(self, text):
        path = os.path.join(self.daemon.scratch, 'password')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text + '\n')
        os.chmod(path, 0o600)
        return path

    def test_user(self):
        people = self.add_members(many(20))
        self.outlet(tls='starttls', tls_ca_file=certificates.ca(), tls_name='localhost', user='listward', password_file=self.password('wrong'))
        code = self.post()
        self.daemon.wait_log(event='outlet not reached')
        self.assertEqual(self.mta.delivered(self.marks[code]), {})
        self.password('correct horse')
        self.outlet()
        self.daemon.run('retry')
        self.account(code, sent=people)
        self.assertNotEqual(self.mta.log_lines('A=plain:listward'), [])


if __name__ == '__main__':
    unittest.main()
