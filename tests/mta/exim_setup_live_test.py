"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: addresses asked for live, delivery over TCP and over the unix socket."""
import grp
import os
import stat
import unittest

from lib.mta.exim_setup import EximSetUp
from lib.mta.setup_checks import SetUpChecks

TIMEOUT = 300


class Live(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'live'
    SERVICES = ('readsocket',)


class LmtpSocket(EximSetUp, SetUpChecks, unittest.TestCase):
    SETUP = 'lmtp-socket'
    SERVICES = ('readsocket',)

    def test_8_bit_and_utf8(self):
        self.assert_taken(self.patient('eve@outside.example', [self.bee], self.message('eight', 'eve@outside.example', body='grüße\r\n'), options=['BODY=8BITMIME']))
        self.assertEqual(self.wait_copies('eight', 1)[0].body, 'grüße\n'.encode())
        answer = self.send('änn@outside.example', [self.bee], self.message('utf8', 'änn@outside.example'), options=['SMTPUTF8', 'BODY=8BITMIME'], utf8=True)
        self.assertRegex(answer.rcpt[0], r'^553 5\.6\.7 ')


class SocketGroup(EximSetUp, unittest.TestCase):
    """Exim is let to the sockets by their group alone, as [lmtp] socket_group = Debian-exim does."""
    SETUP = 'lmtp-socket'
    SERVICES = ('readsocket',)
    CONF = {'lmtp': {'socket_mode': '0660', 'socket_group': 'daemon'}}

    @classmethod
    def make_mta(cls):
        """Where that group has the number that this machine's `daemon` has."""
        mta = super().make_mta()
        group = str(grp.getgrnam('daemon').gr_gid)
        for file in 'passwd', 'group':
            with open(mta.path('lower/etc', file), encoding='utf-8') as lines:
                text = lines.read()
            user = mta.USERS['Debian-exim']
            mta.write(f'lower/etc/{file}', text.replace(f'Debian-exim:x:{user}:{user}:', f'Debian-exim:x:{user}:{group}:').replace(f'Debian-exim:x:{user}:\n', f'Debian-exim:x:{group}:\n'))
        return mta

    test_a_posting = SetUpChecks.test_a_posting

    def test_nobody_else(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.daemon.socket).st_mode), 0o660)
        self.assertTrue(self.may_write('Debian-exim'))
        self.assertFalse(self.may_write('vmail'))

    def may_write(self, user):
        return 'yes' in self.mta.run('setpriv', '--reuid', user, '--regid', user, '--clear-groups', 'sh', '-c', 'if test -w "$1"; then echo yes; fi', 'sh', self.daemon.socket)


if __name__ == '__main__':
    unittest.main()
