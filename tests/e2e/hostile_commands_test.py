"""Commands that mean ill: without end, by the million, never read the replies. Memory stays bounded, and the others are served."""
import socket
import unittest

from lib.hostile import FULL, LIST, MEBI, MEMBER, Outlives, message, post, pour
from lib.lmtp import Client

MANY = 1000000 if FULL else 20000


class Lines(Outlives):
    def test_an_octet_at_a_time(self):
        client = self.client()
        for octet in b'LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<ant@lists.example.com>\r\nDATA\r\n' + message() + b'.\r\nQUIT\r\n':
            client.send(bytes([octet]))
        self.assertEqual(client.codes(6), [250, 250, 250, 354, 250, 221])

    def test_without_end(self):
        for start in b'', b'LHLO ', b'MAIL FROM:<', b'RCPT TO:<', b'BDAT ', b'XFORWARD NAME=':
            with self.subTest(start):
                client = self.client()
                client.send(start)
                pour(client, b'A' * MEBI, 20)
                self.assertEqual(client.command('').code, 500)
                self.assertEqual(client.command('NOOP').code, 250)

    def test_too_long_by_far(self):
        """Names, parameters and identifiers of a megabyte."""
        client = self.in_transaction()
        client.command('RSET')
        long = b'a' * MEBI
        for line in (b'LHLO ' + long, b'MAIL FROM:<bat@example.net> ENVID=' + long, b'MAIL FROM:<' + long + b'@example.net>', b'XFORWARD NAME=' + long,
                     b'VRFY ' + long, b'NOOP ' + long):
            with self.subTest(line[:20]):
                self.assertEqual(client.command(line).code, 500)
        client.command(f'MAIL FROM:<{MEMBER}>')
        self.assertEqual(client.command(b'RCPT TO:<ant@lists.example.com> ORCPT=rfc822;' + long).code, 500)
        self.assertEqual(client.command(f'RCPT TO:<{LIST}>').code, 250)

    def test_as_much_as_a_line_holds(self):
        client = self.client()
        client.lhlo()
        for line, code in ((b'MAIL FROM:<bat@example.net>' + b' A=b' * 240, 250), (b'MAIL FROM:<bat@example.net>' + b' A' * 480, 250),
                           (b'MAIL FROM:<bat@example.net> ENVID=' + b'e' * 900, 501), (b'XFORWARD' + b' NAME=a' * 140, 250),
                           (b'XFORWARD NAME=' + b'a' * 980, 250)):
            with self.subTest(line[:40]):
                self.assertEqual(client.command(line).code, code)
                client.command('RSET')

    def test_garbage(self):
        """Any octets but CR, LF and NUL: the twentieth of such lines ends the session."""
        client = self.client()
        noise = bytes(octet for octet in range(1, 256) if octet not in b'\r\n')
        pour(client, (noise + b'\r\n') * 1000, 20)
        self.assertEqual(client.codes(19), [500] * 19)
        self.assertRegex(str(client.reply()), r'^421 4\.7\.0 too many errors; closing$')
        self.assertTrue(client.at_end())

    def test_no_line_ends(self):
        for octets in b'NOOP\n' * 1000, b'NOOP\r' * 1000, b'\0' * 1000, b'LHLO x\r\nNOOP\0\r\n':
            with self.subTest(octets[:20]):
                client = self.client()
                pour(client, octets, 10)
                if octets.startswith(b'LHLO'):
                    self.assertEqual(client.reply().code, 250)
                self.assertRegex(str(client.reply()), r'^500 5\.5\.2 bare CR or LF in a command; closing$')
                self.assertTrue(client.at_end())
        self.wait_log(event='session ended')

    def test_no_tls_to_inject_into(self):
        """STARTTLS is not offered: what stands behind it is as plain as what stood before."""
        client = self.client()
        self.assertNotIn('STARTTLS', client.lhlo())
        client.send(f'STARTTLS\r\nMAIL FROM:<{MEMBER}>\r\nRCPT TO:<{LIST}>\r\nAUTH PLAIN AAAA\r\nRSET\r\n')
        self.assertEqual(client.codes(5), [500, 250, 250, 500, 250])
        client.send(b'\x16\x03\x01\x02\0\x01\0')  # a TLS client's first octets hold a NUL
        self.assertEqual(client.reply().code, 500)

    def test_chunks_of_any_size(self):
        for size, envelope, codes in (('999999999999999999', True, []), ('999999999999999999', False, []), ('99999999999999999999', True, [501]),
                                      ('-1', True, [501]), ('9223372036854775808 LAST', False, [501])):
            with self.subTest(size=size, envelope=envelope):
                client = self.client()
                client.lhlo()
                if envelope:
                    client.envelope(MEMBER, [LIST])
                client.send(f'BDAT {size}\r\n')
                if not codes:
                    pour(client, b'z' * MEBI, 40)
                    client.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(client.codes(len(codes)), codes)
                self.assertTrue(client.at_end())


class Numbers(Outlives):
    sessions = 25

    def test_replies_that_nobody_reads(self):
        """A million commands and no reply read: what the sockets hold, and no more, is answered."""
        clients = [self.client(greeting=False) for _ in range(20)]
        for client in clients:
            client.socket.setblocking(False)
            pour(client, b'HELP\r\nNOOP\r\n' * 20000, 25)
        self.assertEqual(post(self.daemon).code, 250)
        for client in clients:
            client.reset()

    def test_replies_read_at_last(self):
        """All of a pipelined group are there, in order."""
        client = self.client()
        client.socket.settimeout(30)
        client.lhlo()
        client.send('NOOP\r\nRSET\r\nVRFY x\r\n' * 1000)
        self.assertEqual(client.codes(3000), [250, 250, 252] * 1000)

    def test_recipients_in_one_transaction(self):
        client = self.client()
        client.lhlo()
        client.command(f'MAIL FROM:<{MEMBER}>')
        codes = []
        for at in range(0, MANY, 1000):
            client.send(''.join(f'RCPT TO:<ant+{at + i}@lists.example.com>\r\n' for i in range(1000)))
            codes += client.codes(1000)
        self.assertEqual(codes, [250] * 1000 + [452] * (MANY - 1000))

    def test_recipients_in_many_transactions(self):
        client = self.client()
        client.lhlo()
        for at in range(0, MANY, 1000):
            client.send(f'MAIL FROM:<{MEMBER}>\r\n' + ''.join(f'RCPT TO:<ant+{at + i}@lists.example.com>\r\n' for i in range(1000)) + 'RSET\r\n')
            self.assertEqual(client.codes(1002), [250] * 1002)

    def test_unknown_recipients(self):
        client = self.client()
        client.lhlo()
        client.command(f'MAIL FROM:<{MEMBER}>')
        for at in range(0, MANY // 4, 1000):
            client.send(''.join(f'RCPT TO:<x{at + i}@lists.example.com>\r\n' for i in range(1000)))
            self.assertEqual(client.codes(1000), [550] * 1000)

    def test_xforward(self):
        client = self.client()
        client.lhlo()
        client.send(('XFORWARD NAME=' + 'a' * 200 + ' ADDR=192.0.2.1 IDENT=' + 'b' * 200 + '\r\n') * 2000)
        self.assertEqual(client.codes(2000), [250] * 2000)

    def test_hellos(self):
        client = self.client()
        client.send(('LHLO ' + 'a' * 900 + '\r\n') * 2000)
        self.assertEqual(client.codes(2000), [250] * 2000)


class Recipients(Outlives):
    """They take memory as messages do."""
    CONFIG = {'limits': {'max_memory': '1M', 'max_message_size': '512K'}}
    sessions = 5

    def test_share_of_memory(self):
        """Some sessions take all that there is for recipients; who comes then is told to try again, until they have gone."""
        crowd = []
        for _ in range(4):
            client = Client(self.daemon.port)
            self.addCleanup(client.close)
            client.lhlo()
            crowd.append((client, [reply.code for reply in client.envelope(MEMBER, [f'ant+{at}@lists.example.com' for at in range(100)])]))
        codes = [code for _, some in crowd for code in some]
        self.assertEqual(set(codes), {250, 452})
        self.assertRegex(str(crowd[-1][0].command(f'RCPT TO:<{LIST}>')), r'^452 4\.3\.1 ')
        for client, _ in crowd:
            client.command('RSET')


if __name__ == '__main__':
    unittest.main()
