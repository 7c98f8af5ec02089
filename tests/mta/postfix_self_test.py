"""The real Postfix of these tests by itself: it takes mail, delivers it, defers, stops, starts, and leaves nothing behind."""
import os
import smtplib
import socket
import unittest

from lib import lmtp, ports
from lib.mta import Postfix
from lib.sink import Sink

MESSAGE = b'From: ant@example.org\r\nTo: bat@example.net\r\nSubject: one\r\n\r\n.dot\r\nend\r\n'


class ByItself(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postfix = Postfix().start()
        cls.addClassCleanup(cls.postfix.close)

    def test_delivers_into_a_mailbox(self):
        before = len(self.postfix.mail())
        self.postfix.send('ant@example.org', ['bat@example.net', 'cat@example.net'], MESSAGE)
        mails = self.postfix.wait_mail(before + 2)[before:]
        self.assertEqual({mail.to for mail in mails}, {'bat@example.net', 'cat@example.net'})
        self.assertEqual({mail.sender for mail in mails}, {'ant@example.org'})
        self.assertEqual(mails[0].body, b'.dot\nend\n')

    def test_refuses_who_is_gone(self):
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            self.postfix.send('ant@example.org', ['gone@example.net'], MESSAGE)
        self.assertEqual(refused.exception.recipients['gone@example.net'][0], 550)

    def test_takes_utf8_addresses(self):
        before = len(self.postfix.mail())
        self.postfix.send('änt@example.org', ['bät@example.net'], MESSAGE, mail_options=['SMTPUTF8'])
        self.assertEqual(self.postfix.wait_mail(before + 1)[-1].to, 'bät@example.net')

    def test_runs_commands_inside(self):
        self.assertIn('mta.example.org', self.postfix.run('postconf', '-h', 'myhostname'))


class StoppedAndStarted(unittest.TestCase):
    def test_keeps_its_queue(self):
        """Mail for a closed port waits in the queue, over a stop and a start, and goes out when the port is open."""
        port = ports.free_port()
        with Postfix(lists={'lists.example.com': f'inet:127.0.0.1:{port}'}) as postfix:
            postfix.send('ant@example.org', ['test@lists.example.com'], MESSAGE)
            postfix.wait_log('status=deferred.*refused')
            postfix.wait_queue('deferred')
            postfix.stop()
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(('127.0.0.1', postfix.port))
            postfix.start()
            waiting = postfix.wait_queue('deferred')
            self.assertEqual([entry['recipients'][0]['address'] for entry in waiting], ['test@lists.example.com'])
            with Sink(port=port) as sink:
                sink.on['OTHER'] = greet
                postfix.flush()
                message = sink.wait_messages(1)[0]
                self.assertEqual(message.addresses, ['test@lists.example.com'])
                postfix.wait_log('status=sent')
            postfix.wait_queue()

    def test_leaves_nothing_behind(self):
        postfix = Postfix().start()
        master, scratch = postfix.master, postfix.scratch
        postfix.close()
        self.assertFalse(os.path.exists(scratch))
        self.assertFalse(os.path.exists(f'/proc/{master}'))
        with open('/proc/self/mounts', encoding='utf-8') as mounts:
            self.assertNotIn(scratch, mounts.read())


def greet(session, line):
    """LMTP enough for one recipient: LHLO is EHLO by another name."""
    return f'250 {session.sink.hostname}' if line.startswith('LHLO') else None


class Reading(unittest.TestCase):
    def test_line_ends_of_the_message(self):
        self.assertEqual(lmtp.crlf('a\nb\r\n'), b'a\r\nb\r\n')


if __name__ == '__main__':
    unittest.main()
