"""What every MTA of these tests is shown to do: a test case for each inherits this."""
import os
import smtplib
import socket

from lib import certificates, events, ports
from lib.sink import Sink

MESSAGE = b'From: ant@example.org\r\nTo: bat@example.net\r\nSubject: one\r\n\r\n.dot\r\nend\r\n'
LISTS = 'lists.example.com'


class SelfTest:
    MTA = None  # the class
    OFFERS = set()  # of these keywords, all by itself
    CAN_LACK = set()  # of them

    def mta(self, **options):
        mta = self.MTA(**options).start()
        self.addCleanup(mta.close)
        return mta

    def session(self, mta):
        client = smtplib.SMTP('127.0.0.1', mta.port, timeout=events.SECONDS)
        self.addCleanup(client.close)
        client.ehlo()
        return client

    def test_mailboxes(self):
        mta = self.mta()
        mta.send('ant@example.org', ['bat@example.net', 'cat+x@example.net'], MESSAGE)
        mails = mta.wait_mail(2)
        self.assertEqual({mail.to for mail in mails}, {'bat@example.net', 'cat+x@example.net'})
        self.assertEqual({mail.sender for mail in mails}, {'ant@example.org'})
        self.assertEqual(mails[0].body, b'.dot\nend\n')
        self.assertEqual(mta.wait_delivered(2), {'bat@example.net': 1, 'cat+x@example.net': 1})

    def test_the_fate_of_each(self):
        with Sink() as sink:
            mta = self.mta(lists={LISTS: f'inet:127.0.0.1:{sink.port}'})
            self.assertEqual(mta.send('ant@example.org', [f'{name}@{LISTS}' for name in ('gone', 'later', 'lost')], MESSAGE), {})
            sink.wait_recipients(3)
            sink.clear()
            refused = mta.send(f'ant-bounces+x=y@{LISTS}', ['gone@example.net', 'later@elsewhere.example', 'lost@elsewhere.example', 'fine@elsewhere.example'], MESSAGE)
            self.assertEqual({address: reply[0] for address, reply in refused.items()}, {'gone@example.net': 550, 'later@elsewhere.example': 450})
            bounce = sink.wait_messages(1)[0]
        self.assertEqual((bounce.sender.address, bounce.addresses), ('', [f'ant-bounces+x=y@{LISTS}']))
        self.assertIn(b'Final-Recipient: ', bounce.body)
        mta.wait_delivered(1, domain='fine@elsewhere.example')
        self.assertIn('bounced', [one.status for one in mta.deliveries() if one.address == 'lost@elsewhere.example'])

    def test_every_one_of_many_is_counted(self):
        people = [f'm{number}@many.example' for number in range(1000)]
        mta = self.mta()
        for half in people[:500], people[500:]:
            mta.send('ant@example.org', half, MESSAGE)
        self.assertEqual(mta.wait_delivered(1000), dict.fromkeys(people, 1))
        ids = mta.queue_ids()
        self.assertEqual((set(map(len, ids.values())), len({queue_id for [queue_id] in ids.values()})), ({1}, 2))

    def test_keywords(self):
        words = {'PIPELINING', 'CHUNKING', '8BITMIME', 'SMTPUTF8', 'DSN', 'STARTTLS', 'XVERP', 'AUTH'}
        self.assertEqual(set(self.mta().keywords()) & words, self.OFFERS)
        self.assertEqual(set(self.mta(lacks=self.CAN_LACK).keywords()) & words, self.OFFERS - self.CAN_LACK)

    def test_limits(self):
        mta = self.mta(size=5000, recipients=3)
        client = self.session(mta)
        self.assertEqual(client.esmtp_features['size'].strip(), '5000')
        self.assertEqual(client.docmd('MAIL FROM:<ant@example.org> SIZE=6000')[0], 552)
        client.rset()  # Postfix remembers the size until then
        client.mail('ant@example.org')
        self.assertEqual([client.rcpt(f'm{number}@many.example')[0] for number in range(4)], [250, 250, 250, 452])

    def test_complaints(self):
        mta = self.mta()
        mta.send('ant@example.org', ['bat@example.net'], MESSAGE)
        mta.wait_delivered(1)
        self.assertEqual(mta.complaints(), [])
        client = self.session(mta)
        client.sock.sendall(b'MAIL FROM:<ant@example.org>\r\nRCPT TO:<bat@example.net>\r\nDATA\r\n')
        client.getreply(), client.getreply(), client.getreply()
        client.sock.sendall(b'Subject: one\r\n')
        client.close()
        mta.wait_for(mta.complaints, what='a word about a client that went away')

    def test_starttls(self):
        client = self.session(self.mta(tls=True))
        client._host = 'localhost'  # the name that the certificate is checked for
        client.starttls(context=certificates.context())
        client.ehlo()
        self.assertFalse(client.has_extn('starttls'))
        client.sendmail('ant@example.org', ['bat@example.net'], MESSAGE)

    def test_keeps_its_queue(self):
        """Mail for a closed port waits, over a stop and a start, and goes out when the port is open."""
        port = ports.free_port()
        mta = self.mta(lists={LISTS: f'inet:127.0.0.1:{port}'})
        mta.send('ant@example.org', [f'test@{LISTS}'], MESSAGE)
        mta.wait_for(lambda: [one for one in mta.deliveries() if one.status == 'deferred'], what='a deferral')
        mta.stop()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', mta.port))
        mta.start()
        mta.wait_deferred(1)
        with Sink(port=port) as sink:
            mta.flush()
            self.assertEqual(sink.wait_messages(1)[0].addresses, [f'test@{LISTS}'])
            mta.wait_delivered(1)

    def test_leaves_nothing_behind(self):
        mta = self.mta()
        master, scratch = mta.master, mta.scratch
        mta.close()
        self.assertFalse(os.path.exists(scratch))
        self.assertFalse(os.path.exists(f'/proc/{master}'))
        with open('/proc/self/mounts', encoding='utf-8') as mounts:
            self.assertNotIn(scratch, mounts.read())
