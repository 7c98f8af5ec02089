"""The sink and the raw client against each other and against smtplib: what the other tests stand on."""
import smtplib
import socket
import threading
import unittest

from lib import daemon, events, lmtp, ports
from lib.sink import Do, Sink

MESSAGE = b'Subject: one\r\n two\r\nX: y\r\n\r\n.dot\r\n..dots\r\nend\r\n'


class CatchingMail(unittest.TestCase):
    def setUp(self):
        self.sink = Sink(keywords=['PIPELINING', '8BITMIME', 'CHUNKING', 'DSN'])
        self.addCleanup(self.sink.stop)

    def client(self):
        client = lmtp.Client(self.sink.port)
        self.addCleanup(client.close)
        return client

    def ready_client(self):
        client = self.client()
        client.lhlo(verb='EHLO')
        return client

    def test_smtplib(self):
        with smtplib.SMTP('127.0.0.1', self.sink.port) as client:
            client.sendmail('ant@example.com', ['bat@example.net', 'cat@example.net'], MESSAGE, mail_options=['BODY=8BITMIME'])
        message = self.sink.wait_recipients(2)[0]
        self.assertEqual(message.octets, MESSAGE)
        self.assertEqual(message.addresses, ['bat@example.net', 'cat@example.net'])
        self.assertEqual(message.params['BODY'], '8BITMIME')
        self.assertEqual(message.body, b'.dot\r\n..dots\r\nend\r\n')
        self.assertEqual(message.fields('subject'), [b'one two'])
        self.assertEqual(self.sink.violations, [])

    def test_keywords(self):
        self.assertEqual(self.client().lhlo(verb='EHLO'), {'PIPELINING': '', '8BITMIME': '', 'CHUNKING': '', 'DSN': ''})

    def test_raw_octets(self):
        self.ready_client().deliver('a@example.com', ['b@example.com'], MESSAGE)
        self.assertEqual(self.sink.messages[0].raw, b'Subject: one\r\n two\r\nX: y\r\n\r\n..dot\r\n...dots\r\nend\r\n.\r\n')

    def test_empty_message(self):
        self.ready_client().deliver('', ['b@example.com'], b'')
        self.assertEqual((self.sink.messages[0].octets, self.sink.messages[0].sender.address), (b'', ''))

    def test_pipelined_group_is_one_write(self):
        client = self.ready_client()
        before = len(client.reads)
        client.envelope('a@example.com', [f'b{at}@example.com' for at in range(50)])
        self.assertEqual(len(client.reads) - before, 1)

    def test_bdat_in_one_flight(self):
        client = self.ready_client()
        client.send(b'MAIL FROM:<a@b.example> BODY=8BITMIME\r\nRCPT TO:<c@d.example> NOTIFY=NEVER\r\nBDAT 4\r\nab\r\nBDAT 3 LAST\r\n.\r\nNOOP\r\n')
        self.assertEqual(client.codes(5), [250] * 5)
        message = self.sink.messages[0]
        self.assertEqual((message.octets, message.chunks), (b'ab\r\n.\r\n', [4, 3]))
        self.assertEqual(message.recipients[0].params, {'NOTIFY': 'NEVER'})

    def test_scripted_replies(self):
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.0 later' if rcpt.address.startswith('b') else None
        self.sink.on['DOT'] = lambda session, message: '554 5.6.0 no' if b'spam' in message.octets else None
        client = self.ready_client()
        self.assertEqual([reply.code for reply in client.deliver('x@example.com', ['a@x.example', 'b@x.example'], 'ham')], [250, 450])
        self.assertEqual([reply.code for reply in client.deliver('x@example.com', ['a@x.example'], 'spam')], [554])
        self.assertEqual([path.address for path, _ in self.sink.messages[0].refused], ['b@x.example'])
        self.assertEqual((len(self.sink.messages), len(self.sink.failed)), (1, 1))

    def test_what_a_hook_did_is_announced(self):
        may_run = threading.Event()
        self.sink.on['CONNECT'] = lambda session, _: may_run.wait() and Do(b'', 'stall')
        connection = socket.create_connection(('127.0.0.1', self.sink.port))
        self.addCleanup(connection.close)
        self.sink.wait_sessions(1)
        with events.changed:
            may_run.set()
            self.assertTrue(events.changed.wait(events.SECONDS))

    def test_data_without_recipients(self):
        client = self.ready_client()
        self.sink.on['RCPT'] = lambda session, rcpt: '550 5.1.1 no'
        self.assertEqual(client.deliver('x@example.com', ['a@x.example'], 'ham')[0].code, 550)

    def test_close_at_any_point(self):
        for hook in 'CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'OCTETS', 'DOT':
            for how in 'close', 'reset':
                with self.subTest(hook=hook, how=how):
                    self.sink.on = {hook: lambda session, argument, how=how: Do(then=how)}
                    with self.assertRaises((lmtp.Closed, ConnectionError)), lmtp.Client(self.sink.port) as client:
                        client.lhlo(verb='EHLO')
                        client.deliver('x@example.com', ['a@x.example'], 'ham')

    def test_half_a_reply(self):
        self.sink.on['MAIL'] = lambda session, path: Do(b'25', 'close')
        client = self.ready_client()
        with self.assertRaises(lmtp.Closed):
            client.command('MAIL FROM:<>')

    def test_stall_ends_with_the_sink(self):
        self.sink.on['DATA'] = lambda session, argument: Do(then='stall')
        client = self.ready_client()
        client.envelope('x@example.com', ['a@x.example'])
        client.send('DATA\r\n')
        self.sink.stop()
        self.assertTrue(client.at_end())
        events.wait_for(lambda: not self.sink.open_sessions)

    def test_stopped_and_started_on_the_same_port(self):
        self.ready_client()
        self.sink.stop()
        with self.assertRaises(ConnectionRefusedError):
            lmtp.Client(self.sink.port)
        self.sink.start()
        self.assertEqual(self.ready_client().deliver('x@example.com', ['a@x.example'], 'ham')[0].code, 250)

    def test_stray_line_ends_are_noted(self):
        for octets in b'a\nb', b'a\rb', b'a\r\r\n':
            with self.subTest(octets):
                self.sink.violations.clear()
                self.ready_client().deliver('x@example.com', ['a@x.example'], octets)
                self.assertEqual(len(self.sink.violations), 1)

    def test_lmtp(self):
        client = self.client()
        client.lhlo()
        self.assertEqual([reply.code for reply in client.deliver('a@example.com', ['b@example.com', 'c@example.com'], MESSAGE)], [250, 250])
        self.assertEqual((self.sink.messages[0].octets, self.sink.violations), (MESSAGE, []))

    def test_quoted_local_part(self):
        self.ready_client().deliver('"a> b"@example.com', ['b@example.com'], b'x')
        self.assertEqual(self.sink.messages[0].sender.address, '"a> b"@example.com')

    def test_waiting_has_an_end(self):
        with self.assertRaises(AssertionError):
            self.sink.wait_recipients(1, seconds=0.05)


class OddsAndEnds(unittest.TestCase):
    def test_ports_differ(self):
        self.assertEqual(len({ports.free_port() for _ in range(20)}), 20)

    def test_logfmt(self):
        line = r'ts=2026-11-22T10:00:00.000000Z level=info event="posting accepted" text="a \"b\"\n\u0001 \\u" size=7'
        self.assertEqual(daemon.logfmt(line), {'ts': '2026-11-22T10:00:00.000000Z', 'level': 'info', 'event': 'posting accepted',
                                               'text': 'a "b"\n\x01 \\u', 'size': '7'})

    def test_no_log_line(self):
        self.assertEqual(daemon.logfmt('==7==ERROR: AddressSanitizer: x=y'), {})


if __name__ == '__main__':
    unittest.main()
