"""What `listward mta exim` prints, run by a real Exim with Debian's configuration: the recommended set-up."""
import smtplib
import unittest

from lib.mta.exim_setup import FRONT, EximSetUp
from lib.mta.setup_checks import OUTSIDE, SetUpChecks, text_of

TIMEOUT = 300


class Recommended(EximSetUp, SetUpChecks, unittest.TestCase):
    SERVICES = ('readsocket',)
    DIALOGUE = FRONT

    def test_each_recipient_has_its_verdict(self):
        """Of a client that knows PRDR."""
        octets = self.message('each', 'eve@outside.example', body='grüße\r\n' * 1000)
        answer = self.send_prdr('eve@outside.example', [self.ant, self.bee, 'dora@example.net', f'nosuch@{self.DOMAIN}', self.closed], octets)
        self.assertEqual([text[:3] for text in answer.rcpt], ['250', '250', '250', '550', '250'])
        self.assertEqual([text[:3] for text in answer.data], ['550', '250', '250', '550', '250'])
        self.assertRegex(answer.data[0], r'^550 5\.7\.1 .*member')
        self.assertEqual(sorted(mail.to for mail in self.wait_copies('each', 2)), ['bob@example.net', 'dora@example.net'])
        self.assertEqual({mail.body for mail in self.copies('each')}, {'grüße\n'.encode() * 1000})
        self.assertNotIn('each', self.held(self.ant) + self.held(self.closed))
        self.assert_no_bounce()

    def test_no_recipient_is_left(self):
        answer = self.send_prdr('eve@outside.example', [self.ant, self.closed], self.message('none', 'eve@outside.example'))
        self.assertEqual([text[:3] for text in answer.data], ['550', '550', '550'])
        self.assert_no_bounce()

    def test_one_recipient_with_prdr(self):
        answer = self.send('eve@outside.example', [self.ant], self.message('single', 'eve@outside.example'), options=['PRDR'])
        self.assertRegex(answer.data, r'^550 5\.7\.1 .*member')

    def test_a_verdict_is_obeyed(self):
        """Of large and 8-bit mail, too: what is accepted in front of the queue is not judged once more behind it."""
        bodies = {'crs': 'a\rb\r\n', 'plain': 'hello\r\n', 'empty': '', 'blank': '\r\n\r\n', 'unended': 'no line end', 'eight': 'grüße\r\n\t.\r\n..\r\n', 'large': ('x' * 70 + '\r\n') * 20000}
        for name, body in bodies.items():
            since = len(self.daemon.lines)
            self.assert_taken(self.patient('ann@example.net', [self.ant], self.message(f'obeyed-{name}', 'ann@example.net', body=body), options=['BODY=8BITMIME']))
            self.wait_copies(f'obeyed-{name}', 1)
            self.daemon.wait_log(since, event='posting accepted', proof='front')


    def test_a_header_that_exim_cuts(self):
        """Beyond 64 KiB: judged behind the queue, as if nobody had asked."""
        since = len(self.daemon.lines)
        octets = self.message('cut', 'ann@example.net', more='References: ' + ' <0123456789@example.org>\r\n' * 4000)
        self.assert_taken(self.patient('ann@example.net', [self.ant], octets))
        self.daemon.wait_log(since, event='posting accepted', proof='none')
        self.assert_no_bounce()

    def test_larger_than_the_server_takes(self):
        octets = self.message('huge', 'ann@example.net', body=('x' * 70 + '\r\n') * 375000)
        self.assertRegex(self.send('ann@example.net', [self.ant], octets).data, r'^552 5\.3\.4 ')
        self.assert_no_bounce()

    def test_in_chunks(self):
        """As other Exims send."""
        since = len(self.daemon.lines)
        for sender, answer in ('ann@example.net', '250 '), ('eve@outside.example', '550 5.7.1 '):
            octets = self.message('chunks-' + sender[:3], sender, body='grüße\r\n.\r\n' * 2000)
            with smtplib.SMTP('127.0.0.1', self.mta.port, source_address=(OUTSIDE, 0)) as client:
                client.ehlo()
                client.mail(sender)
                client.rcpt(self.ant)
                client.send(b'BDAT 1000\r\n' + octets[:1000])
                self.assertEqual(client.getreply()[0], 250)
                client.send(f'BDAT {len(octets) - 1000} LAST\r\n'.encode() + octets[1000:])
                self.assertTrue(text_of(client.getreply()).startswith(answer))
        self.daemon.wait_log(since, event='posting accepted', proof='front')

    def test_what_exim_adds(self):
        """Own clients may leave out Message-ID and Date: Exim adds them before it asks."""
        since = len(self.daemon.lines)
        octets = f'From: ann@example.net\r\nTo: {self.ant}\r\nSubject: bare\r\n\r\nhello\r\n'.encode()
        self.assert_taken(self.patient('ann@example.net', [self.ant], octets, source='127.0.0.1'))
        self.daemon.wait_log(since, event='posting accepted', proof='front')

    def test_nobody_forges_a_question(self):
        """Spaces, quotes, brackets and commas in addresses stay in them."""
        for sender in '"x> ant@lists.example.com"@outside.example', '"x y\\"> 7"@outside.example':
            self.assertRegex(self.send(sender, [self.ant], self.message('forged', 'eve@outside.example')).data, r'^550 5\.7\.1 .*member')
        for name in '"ant ann"', '"ant>"', '"ant@lists.example.com <ann@example.net"', '"nosuch\\" ant"', '"ant,"':
            self.assertRegex(self.send('eve@outside.example', [f'{name}@{self.DOMAIN}'], self.message('forged', 'eve@outside.example')).rcpt[0], r'^550 ')
        self.assertEqual(self.daemon.log_lines(event='request not understood'), [])


if __name__ == '__main__':
    unittest.main()
