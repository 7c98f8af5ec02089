"""The milter service behind real MTAs: the author hears the verdict in the SMTP dialogue, and the delivery over LMTP that follows obeys it."""
import re
import smtplib
import socket
import struct
import threading
import unittest

from lib import events, ports
from lib.daemon import Daemon
from lib.milter import packet
from lib.mta import Postfix, Sendmail
from lib.posting import DOMAIN, MEMBER, STRANGER

TIMEOUT = 300
NOT_A_MEMBER = r'^5\.7\.1 you are not a member of '
serial = iter(range(1, 1 << 30))


def message(sender=MEMBER, header='', body='hello\r\n.dot\r\n'):
    number = next(serial)
    return (f'From: {sender}\r\nTo: ant@{DOMAIN}\r\nSubject: number {number}\r\nMessage-ID: <{number}@example.net>\r\n'
            f'Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n{header}\r\n{body}').encode()


# Header fields and bodies that an MTA might be tempted to touch: the delivery must find the verdict for each.
ODD = {
    'folded subject': (b'Subject: one\r\n two\r\n\tthree\r\n', b'x\r\n'),
    'folded at once': (b'Subject:\r\n one\r\n', b'x\r\n'),
    'subject with blanks': (b'Subject:   one  two \t\r\n', b'x\r\n'),
    'no blank after the colon': (b'Subject:one\r\n', b'x\r\n'),
    'a tab after the colon': (b'Subject:\tone\r\n', b'x\r\n'),
    'empty subject': (b'Subject:\r\n', b'x\r\n'),
    'two subjects': (b'Subject: one\r\nSubject: two\r\n', b'x\r\n'),
    '8-bit subject': ('Subject: gr\u00fc\u00df\r\n'.encode(), b'x\r\n'),
    'a percent sign': (b'Subject: 100%s %% %n\r\n', b'%s\r\n'),
    'folded Message-ID': (b'Message-ID:\r\n <folded@example.net>\r\n', b'x\r\n'),
    'comments in the date': (b'Date: Sun, 22 Nov 2026 10:00:00 +0000 (UTC)\r\n', b'x\r\n'),
    'no final line end': (b'Subject: one\r\n', b'x'),
    'empty body': (b'Subject: one\r\n', b''),
    'body of empty lines': (b'Subject: one\r\n', b'\r\n\r\n\r\n'),
    'dots': (b'Subject: one\r\n', b'.\r\n..\r\n.x\r\n'),
    'trailing blanks': (b'Subject: one\r\n', b'x \t \r\n \r\n'),
    '8-bit body': (b'Subject: one\r\n', b'\xff\xfe \xc3\xa4\r\n'),
    'From_ in the body': (b'Subject: one\r\n', b'From here\r\n'),
    'a long line': (b'Subject: one\r\n', b'x' * 900 + b'\r\n'),
    'long': (b'Subject: one\r\n', b'0123456789\r\n' * 20000),
}


class Milter:
    """A server and an MTA around each other."""
    BOUNCED = ''  # log lines of a message that says that one was not delivered

    @classmethod
    def setUpClass(cls):
        cls.port = ports.free_port()
        cls.daemon = Daemon(config={'milter': {'listen': f'127.0.0.1:{cls.port}'}, 'limits': {'max_message_size': '1M'}})
        cls.addClassCleanup(cls.daemon.close)
        cls.mta = cls.make()
        cls.addClassCleanup(cls.mta.close)
        cls.daemon.configure({'outlet': {'port': cls.mta.port}})
        cls.daemon.start()
        cls.mta.start()
        cls.fine, cls.closed, cls.moderated, cls.black = (cls.create(*words) for words in (
            ['fine'], ['closed'], ['moderated', 'default_nonmember_action=hold'], ['black', 'default_nonmember_action=discard']))

    @classmethod
    def create(cls, name, *settings):
        address = f'{name}@{DOMAIN}'
        cls.daemon.run('create', address)
        if settings:
            cls.daemon.run('set', address, *settings)
        cls.daemon.run('addmembers', '-W', '-', address, stdin=f'{MEMBER}\n')
        return address

    def setUp(self):
        self.since = len(self.daemon.lines)
        self.log_since = len(self.mta.lines)

    def say(self, recipients, octets, sender=MEMBER, options=()):
        """The replies to each RCPT, and to the message: (code, text); None if no RCPT was taken."""
        with smtplib.SMTP('127.0.0.1', self.mta.port, timeout=events.SECONDS) as client:
            client.ehlo()
            self.assertEqual(client.mail(sender, options)[0], 250)
            answers = [client.rcpt(to) for to in ([recipients] if isinstance(recipients, str) else recipients)]
            done = client.data(octets) if 250 in [code for code, _ in answers] else None
        text = lambda answer: (answer[0], answer[1].decode())
        return [text(answer) for answer in answers], done and text(done)

    def mail_with(self, octets):
        """What reached a mailbox with this message's Message-ID."""
        wanted = re.search(rb'(?m)^Message-ID:\s*<.*>', octets)[0].replace(b'\r\n', b'\n')
        found = lambda: [mail for mail in self.mta.mail() if wanted in mail.octets]
        return self.mta.wait_for(found, what=f'{wanted!r} in a mailbox')[0]

    def delivered(self, event='posting accepted', **fields):
        return self.daemon.wait_log(self.since, event=event, **fields)

    def nothing_bounced(self):
        self.assertEqual(self.mta.log_lines(self.BOUNCED, self.log_since), [])

    def refused(self, recipients, want, sender=STRANGER, octets=None, **options):
        _, (code, text) = self.say(recipients, octets or message(sender), sender, **options)
        self.assertEqual(code, 550)
        self.assertRegex(text, want)
        self.nothing_bounced()

    # one list

    def test_accepted(self):
        octets = message(header=f'X-Number: {next(serial)}\r\n')
        self.assertEqual(self.say(self.fine, octets)[1][0], 250)
        mail = self.mail_with(octets)
        self.assertEqual(mail.to, MEMBER)
        self.assertEqual(mail.body, b'hello\n.dot\n')
        self.delivered(list=self.fine, proof='front')

    def test_refused(self):
        """The list's own text, and nothing else anywhere."""
        self.refused(self.closed, NOT_A_MEMBER + self.closed)
        self.assertEqual(self.daemon.run('held', self.closed), '')

    def test_held(self):
        self.assertEqual(self.say(self.moderated, message(STRANGER), STRANGER)[1][0], 250)
        self.delivered('posting held', list=self.moderated, proof='front')
        self.nothing_bounced()

    def test_discarded(self):
        """Taken, and gone: it does not even reach the delivery."""
        self.assertEqual(self.say(self.black, message(STRANGER), STRANGER)[1][0], 250)
        self.assertEqual(self.say(self.fine, message())[1][0], 250)
        self.delivered(list=self.fine)
        self.assertEqual(self.daemon.log_lines(self.since, event='posting discarded', door='lmtp'), [])
        self.nothing_bounced()

    def test_banned_at_rcpt(self):
        self.daemon.run('ban', 'mallory@example.org', self.fine)
        [(code, text)], _ = self.say(self.fine, b'', 'mallory@example.org')
        self.assertEqual(code, 550)
        self.assertIn('5.7.1', text)
        self.nothing_bounced()

    def test_too_large(self):
        self.daemon.run('set', self.moderated, 'max_message_size=20K')
        self.addCleanup(self.daemon.run, 'set', self.moderated, 'max_message_size=10M')
        _, (code, text) = self.say(self.moderated, message(body='0123456\r\n' * 10000))
        self.assertEqual((code, text[:5]), (552, '5.3.4'))

    def test_null_sender(self):
        self.assertEqual(self.say(self.fine.replace('@', '-bounces@'), message('MAILER-DAEMON@example.org'), '')[1][0], 250)
        self.nothing_bounced()

    # several recipients

    def test_all_refuse(self):
        self.refused([self.closed, self.create('closed-too')], NOT_A_MEMBER)

    def test_different_fates(self):
        """One takes it, one holds it, one discards it: no word to anybody but the author's 250."""
        people = [self.moderated, self.black, self.create('open', 'default_nonmember_action=accept')]
        self.assertEqual(self.say(people, message(STRANGER), STRANGER)[1][0], 250)
        self.delivered('posting held', list=self.moderated)
        self.delivered(list=people[2], proof='front')
        self.assertEqual(self.daemon.log_lines(self.since, event='posting discarded', door='lmtp'), [])
        self.nothing_bounced()

    def test_refused_beside_somebody_else(self):
        """Who is no list gets the message; what the author was not told does not bounce."""
        octets = message(STRANGER)
        self.assertEqual(self.say([self.closed, 'cat@example.net'], octets, STRANGER)[1][0], 250)
        self.assertEqual(self.mail_with(octets).to, 'cat@example.net')
        self.delivered('posting held', list=self.closed)
        self.nothing_bounced()

    # what others get

    def as_kept(self, body):
        """How the mailbox keeps a body."""
        return body

    def test_others_mail_is_untouched(self):
        """Octet for octet, Received and what the mailbox puts on top aside."""
        for name, (header, body) in ODD.items():
            with self.subTest(name):
                octets = (b'From: eve@example.org\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nTo: cat@example.net\r\nMessage-ID: <%d@example.org>\r\n' % next(serial) +
                          re.sub(rb'(?s)^(Message-ID|Date):', rb'X-\1:', header) + b'\r\n' + body)
                self.assertEqual(self.say('cat@example.net', octets, STRANGER)[1][0], 250)
                mail = self.mail_with(octets)
                header, _, body = (octets if octets.endswith(b'\r\n') else octets + b'\r\n').replace(b'\r\n', b'\n').partition(b'\n\n')
                self.assertEqual(mail.body, self.as_kept(body))
                self.assertTrue(mail.octets.partition(b'\n\n')[0].endswith(header), mail.octets[:600])

    # the delivery finds the verdict

    def test_odd_messages(self):
        for name, (header, body) in ODD.items():
            with self.subTest(name):
                self.since = len(self.daemon.lines)
                number = next(serial)
                usual = {b'From': MEMBER.encode(), b'To': self.fine.encode(), b'Subject': b's', b'Message-ID': b'<odd%d@example.net>' % number,
                         b'Date': b'Sun, 22 Nov 2026 10:00:00 +0000', b'X-Number': b'%d' % number}
                names = {line.split(b':')[0] for line in header.split(b'\r\n')}
                octets = b''.join(field + b': ' + value + b'\r\n' for field, value in usual.items() if field not in names) + header + b'\r\n' + body + b'%d' % number
                self.assertEqual(self.say(self.fine, octets)[1][0], 250)
                self.delivered(list=self.fine, proof='front')

    def test_no_message_id(self):
        octets = b'From: bat@example.net\r\nSubject: no id\r\n\r\n%d\r\n' % next(serial)
        self.assertEqual(self.say(self.fine, octets)[1][0], 250)
        self.delivered(list=self.fine)

    # the server is away

    def test_away(self):
        """451, by default; Postfix's default_action and Sendmail's flags say otherwise."""
        self.daemon.stop()
        self.addCleanup(self.daemon.start)
        with smtplib.SMTP('127.0.0.1', self.mta.port, timeout=events.SECONDS) as client:
            client.ehlo()
            answers = [client.mail(MEMBER)[0], client.rcpt('cat@example.net')[0]]
        self.assertIn(451, answers)


class PostfixMilter(Milter, unittest.TestCase):
    BOUNCED = r'status=bounced|non-delivery|undeliverable'

    @classmethod
    def make(cls):
        return Postfix(lists={DOMAIN: f'inet:127.0.0.1:{cls.daemon.port}'}, main_cf={'smtpd_milters': f'inet:127.0.0.1:{cls.port}'})

    def test_versions(self):
        """Of before 2.6, and of now without what we ask for."""
        for version in '2', '3', '4':
            with self.subTest(version), Postfix(lists={DOMAIN: f'inet:127.0.0.1:{self.daemon.port}'},
                                                main_cf={'smtpd_milters': f'inet:127.0.0.1:{self.port}', 'milter_protocol': version}) as old:
                self.since = len(self.daemon.lines)
                now, self.mta = self.mta, old
                self.addCleanup(setattr, self, 'mta', now)
                self.assertEqual(self.say(self.fine, message(header='X-Folded: a\r\n\tb\r\n'))[1][0], 250)
                self.delivered(list=self.fine, proof='front')
                self.assertEqual(self.say(self.closed, message(STRANGER), STRANGER)[1][0], 550)
                self.assertEqual(self.say('cat@example.net', message(STRANGER), STRANGER)[1][0], 250)
                self.mta = now


class SendmailMilter(Milter, unittest.TestCase):
    BOUNCED = r': DSN: |return to sender|postmaster notify'

    @classmethod
    def make(cls):
        return Sendmail(lists={DOMAIN: f'inet:127.0.0.1:{cls.daemon.port}'}, own=filter_line(cls.port, 'F=T'))

    def as_kept(self, body):
        return re.sub(rb'(?m)^From ', b'>From ', body)


def filter_line(port, flags=''):
    return f"INPUT_MAIL_FILTER(`listward', `S=inet:{port}@127.0.0.1{flags and ', ' + flags}')dnl\n"


class Refuser(threading.Thread):
    """A filter that refuses every sender, with this text."""

    def __init__(self, text):
        super().__init__(daemon=True)
        self.text = text
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:  # Sendmail comes for each SMTP session
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.serve(connection)

    def serve(self, connection):
        with connection, connection.makefile('rb') as octets:
            while head := octets.read(5):
                octets.read(int.from_bytes(head[:4], 'big') - 1)
                answer = {'O': packet('O', struct.pack('>III', 6, 0, 0)), 'M': packet('y', self.text + b'\0'), 'D': b'', 'A': b'', 'Q': b''}
                connection.sendall(answer.get(chr(head[4]), packet('c')))


class Assumptions(unittest.TestCase):
    """What the MTAs do by themselves."""

    def answers(self, mta):
        with mta, smtplib.SMTP('127.0.0.1', mta.port, timeout=events.SECONDS) as client:
            client.ehlo()
            replies = [client.mail(MEMBER), client.rcpt('cat@example.net')]
        return [(code, re.sub(rb'<[^>]*>\.\.\. ', b'', text)) for code, text in replies]  # Sendmail names the address

    def test_a_percent_sign_is_written_twice(self):
        for make in (lambda port: Postfix(main_cf={'smtpd_milters': f'inet:127.0.0.1:{port}'})), (lambda port: Sendmail(own=filter_line(port, 'F=T'))):
            refuser = Refuser(b'550 5.7.1 100%% sure')
            self.addCleanup(refuser.listener.close)
            self.assertIn((550, b'5.7.1 100% sure'), self.answers(make(refuser.port)))

    def test_several_lines(self):
        for make in (lambda port: Postfix(main_cf={'smtpd_milters': f'inet:127.0.0.1:{port}'})), (lambda port: Sendmail(own=filter_line(port, 'F=T'))):
            refuser = Refuser(b'550-5.7.1 one\r\n550 5.7.1 two')
            self.addCleanup(refuser.listener.close)
            self.assertIn((550, b'5.7.1 one\n5.7.1 two'), self.answers(make(refuser.port)))

    def test_away_and_told_to_accept(self):
        port = ports.free_port()
        for mta in Postfix(main_cf={'smtpd_milters': f'{{ inet:127.0.0.1:{port}, default_action=accept }}'}), Sendmail(own=filter_line(port)):
            self.assertEqual([code for code, _ in self.answers(mta)], [250, 250])
