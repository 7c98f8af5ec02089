"""What every set-up that `listward mta` prints must do, seen from outside: what an SMTP client is told, what arrives in mailboxes, what bounces.

    class Live(SetUpChecks, PostfixSetUp, unittest.TestCase):
        SETUP, SERVICES = 'live', ('socketmap', 'milter')
        DIALOGUE = {'banned', 'refused', 'size', 'all refuse'}

Members live in example.net, strangers in outside.example: both are mailboxes at the MTA, so a bounce is seen to arrive. Clients come from 127.0.0.9, whom the
MTA does not know; Listward's copies come from 127.0.0.1.
"""
import collections
import json
import os
import re
import signal
import smtplib
import threading
import time

from lib import events, ports
from lib.daemon import Daemon
from lib.mta.printed import Printed
from lib.tags import untagged

DOMAIN = 'lists.example.com'
OUTSIDE = '127.0.0.9'
ROLES = (('admin', 'owner'), ('bounces',), ('confirm',), ('join', 'subscribe'), ('leave', 'unsubscribe'), ('request',))  # those that mean the same together
Answer = collections.namedtuple('Answer', 'mail rcpt data')  # texts "250 2.1.0 Ok"; rcpt: a list; data: '' if it did not come to that


def text_of(reply):
    code, words = reply
    return f'{code} {words.decode()}'


class SetUp:
    """A class with its server, its lists, and an MTA that has what is printed: to be mixed with unittest.TestCase and make_mta()."""
    MTA = ''  # of `listward mta`
    SETUP = None
    SERVICES = ()  # in front of the queue: sections of listward.conf
    CONF = {}  # more of listward.conf, as it was before
    DOMAIN = DOMAIN
    DIALOGUE = frozenset()  # see SetUpChecks
    HOME = None  # where the lists are, if DOMAIN is an alias

    @classmethod
    def make_mta(cls):
        """Not started; mta.paste(printed) puts into its configuration what was printed."""
        raise NotImplementedError

    @classmethod
    def adapted(cls, conf):
        """What was printed for listward.conf, for a server that cannot see the MTA's programs."""
        return conf

    @classmethod
    def setUpClass(cls):
        cls.ant, cls.bee, cls.closed = (f'{name}@{cls.DOMAIN}' for name in ('ant', 'bee', 'closed'))
        cls.mta = cls.make_mta()
        cls.addClassCleanup(cls.mta.close)
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.close)
        cls.daemon.configure({'server': {'site_owner': 'site@example.net'}, 'lmtp': {'socket_mode': '0666'}, 'outlet': {'port': cls.mta.port},
                              'courier': {'retry_first': '1s', 'retry_max': '2s'}, 'mta': {'maps': os.path.join(cls.daemon.scratch, 'maps')}})
        os.mkdir(cls.daemon.settings['mta']['maps'])
        for service in cls.SERVICES:
            cls.daemon.configure({service: {'listen': f'127.0.0.1:{ports.free_port()}, {cls.daemon.state}/{service}.sock'}})
        cls.daemon.configure(cls.CONF)
        cls.make_lists()
        cls.printed = Printed(cls.daemon, cls.MTA, cls.SETUP)
        cls.daemon.configure(cls.adapted(cls.printed.conf()))
        cls.daemon.start()
        cls.mta.paste(cls.printed)
        cls.mta.start()
        cls.printed.run_commands(cls.mta)

    @classmethod
    def make_lists(cls):
        """ant: members post, strangers are refused. bee: everybody posts. closed: as ant."""
        if cls.HOME:
            cls.daemon.run('adddomain', '--alias', cls.DOMAIN, cls.HOME)
        for name, member in (cls.ant, 'ann@example.net'), (cls.bee, 'bob@example.net'), (cls.closed, 'carl@example.net'):
            cls.daemon.run('create', '-o', 'owner@example.net', cls.at_home(name))
            cls.daemon.run('addmembers', '-W', '-', cls.at_home(name), stdin=member + '\n')
        cls.daemon.run('addmembers', '-W', '-', cls.at_home(cls.closed), stdin='zoe@elsewhere.example\n')
        cls.daemon.run('set', cls.at_home(cls.bee), 'default_nonmember_action=accept', 'max_message_size=100')
        cls.daemon.run('ban', 'mallory@outside.example', cls.at_home(cls.ant))

    @classmethod
    def at_home(cls, address):
        """The list's name at the command line."""
        return f'{address.split("@")[0]}@{cls.HOME or cls.DOMAIN}'

    # the client

    def message(self, subject, sender, body='hello\r\n.dot\r\n', more=''):
        return (f'From: {sender}\r\nTo: {self.ant}\r\nSubject: {subject}\r\nMessage-ID: <{subject}.{self.id().split(".")[-1]}@outside.example>\r\n'
                f'Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n{more}\r\n{body}').encode()

    def send(self, sender, recipients, octets, options=(), source=OUTSIDE, utf8=False):
        """One transaction of a client that takes no for an answer, and leaves when no recipient is left."""
        with smtplib.SMTP('127.0.0.1', self.mta.port, local_hostname='client.outside.example', source_address=(source, 0), timeout=events.SECONDS) as client:
            client.ehlo()
            if utf8:
                client.command_encoding = 'utf-8'
            mail = text_of(client.mail(sender, list(options)))
            rcpt = [text_of(client.rcpt(recipient)) for recipient in recipients]
            data = text_of(client.data(octets)) if any(answer.startswith('2') for answer in rcpt) else ''
        return Answer(mail, rcpt, data)

    def again(self, predicate, what):
        """Looks five times a second: for what nothing announces, and nobody is to be kept busy with."""
        deadline = time.monotonic() + events.SECONDS
        while not predicate():
            self.assertLess(time.monotonic(), deadline, what)
            with events.changed:
                events.changed.wait(0.2)

    def patient(self, *words, **options):
        """As an MTA that comes again, a moment later, while it is told 4xx."""
        answers = []

        def is_final():
            answers.append(self.send(*words, **options))
            return not any(text.startswith('4') for text in (answers[-1].mail, *answers[-1].rcpt, answers[-1].data))
        self.again(is_final, answers)
        return answers[-1]

    def assert_taken(self, answer):
        for text in answer.mail, *answer.rcpt, answer.data:
            self.assertRegex(text, r'^250 ')

    # what became of it

    def copies(self, subject):
        return [mail for mail in self.mta.mail() if (mail.field('Subject') or '').endswith(subject)]

    def wait_copies(self, subject, count):
        self.again(lambda: len(self.copies(subject)) >= count, f'{count} copies of {subject}')
        return self.copies(subject)

    def bounces(self):
        return [mail for mail in self.mta.mail('outside.example') if 'MAILER-DAEMON' in (mail.field('From') or '').upper()]

    def settled(self):
        """Until the MTA has nothing left to do."""
        self.again(lambda: not self.mta.waiting(), 'the queue was to be empty')

    def assert_no_bounce(self):
        self.settled()
        self.assertEqual(self.bounces(), [])

    def diagnosis(self, check, *options):
        """What `listward doctor` finds: (level, what) of each finding of that check."""
        found = json.loads(self.daemon.cli('doctor', '--json', '--no-dns', '--smtp', f'127.0.0.1:{self.mta.port}', *options).out)
        return [(finding['level'], finding['what']) for finding in found if finding['check'] == check]

    def held(self, name):
        return self.daemon.run('held', self.at_home(name))


class SetUpChecks(SetUp):
    """The list of checks. DIALOGUE: which refusals the SMTP client sees:
        banned     at RCPT: a banned sender
        refused    after the dot: an author who is no member
        size       after the dot: larger than the list takes
        SIZE       at RCPT: the same, announced
    An unknown address is refused in all of them."""
    UNKNOWN = r'^550 5\.1\.[01] '
    POSTMASTER = True  # of a domain of lists: Listward's
    OTHERS_PASS = True  # mail that is not for lists passes while the server is away; None: that depends

    def test_a_posting(self):
        self.assert_taken(self.patient('ann@example.net', [self.ant], self.message('posting', 'ann@example.net')))
        mail, = self.wait_copies('posting', 1)
        self.assertEqual((mail.to, untagged(mail.sender), mail.body), ('ann@example.net', self.at_home('ant-bounces'), b'hello\n.dot\n'))
        self.assert_no_bounce()

    def test_copies_leave_for_the_world(self):
        """To a domain that the MTA knows nothing of; it neither refuses nor asks."""
        since = len(self.daemon.lines)
        self.assert_taken(self.patient('carl@example.net', [self.closed], self.message('world', 'carl@example.net')))
        self.daemon.wait_log(since, event='copies handed over', sent='2', failed='0')
        self.assert_no_bounce()

    def test_role_addresses(self):
        since = len(self.daemon.lines)
        roles = [[f'ant-{name}@{self.DOMAIN}' for name in names] for names in ROLES]
        self.assert_taken(self.patient('eve@outside.example', sum(roles, []), self.message('roles', 'eve@outside.example')))
        self.taken(since, *roles)
        self.assertEqual(self.wait_copies('roles', 1)[0].to, 'owner@example.net')
        self.assert_no_bounce()

    def test_verp_and_confirm_addresses(self):
        since = len(self.daemon.lines)
        names = [f'ant-{name}@{self.DOMAIN}' for name in ('bounces+ann=example.net', 'bounces+0123456789abcdef', 'confirm+0123456789abcdef', 'Confirm+AbCd')]
        self.assert_taken(self.patient('eve@outside.example', names, self.message('verp', 'eve@outside.example')))
        self.taken(since, *[[name] for name in names])
        self.assert_no_bounce()

    def taken(self, since, *roles):
        for names in roles:
            wanted = [name.lower().split('@')[0] for name in names]
            self.daemon.wait_for(lambda: [line for line in self.daemon.log_lines(since) if line['event'].startswith('mail to a role ')
                                          and line['list'].lower().split('@')[0] in wanted], what=f'mail for {names}')

    def test_postmaster(self):
        if self.POSTMASTER:
            self.assert_taken(self.patient('eve@outside.example', [f'postmaster@{self.DOMAIN}'], self.message('postmaster', 'eve@outside.example')))
            self.assertIn(self.wait_copies('postmaster', 1)[0].to, ('owner@example.net', 'site@example.net'))
            self.assert_no_bounce()

    def test_a_posting_with_a_suffix_and_in_capitals(self):
        for number, name in enumerate(('ant+x', 'ANT', 'Ant+Y')):
            self.assert_taken(self.patient('ann@example.net', [f'{name}@{self.DOMAIN.title()}'], self.message(f'suffix-{number}', 'ann@example.net')))
            self.wait_copies(f'suffix-{number}', 1)
        self.assert_no_bounce()

    def test_unknown_addresses(self):
        for name in 'nosuch', 'ant-nosuch', 'nosuch+ant', 'nosuch-bounces+ann=example.net':
            answer = self.patient('eve@outside.example', [f'{name}@{self.DOMAIN}'], self.message('unknown', 'eve@outside.example'))
            self.assertRegex(answer.rcpt[0], self.UNKNOWN)
        self.assert_no_bounce()

    def test_nobody_relays(self):
        answer = self.send('eve@outside.example', ['somebody@elsewhere.example'], self.message('relay', 'eve@outside.example'))
        self.assertRegex(answer.rcpt[0], r'^[45]5[04] ')
        answer = self.send('ann@example.net', [f'somebody%elsewhere.example@{self.DOMAIN}'], self.message('percent', 'ann@example.net'))
        self.assertNotRegex(answer.rcpt[0], r'^2')

    def test_mail_for_others_is_not_touched(self):
        octets = self.message('others', 'eve@outside.example', body='grüße\r\n')
        self.assert_taken(self.send('eve@outside.example', ['dora@example.net'], octets, options=['BODY=8BITMIME']))
        mail, = self.wait_copies('others', 1)
        self.assertTrue(mail.octets.replace(b'\n', b'\r\n').endswith(octets))

    def test_who_is_no_member(self):
        answer = self.patient('eve@outside.example', [self.ant], self.message('stranger', 'eve@outside.example'))
        if 'refused' in self.DIALOGUE:
            self.assertRegex(answer.data, r'^550 5\.7\.1 .*member')
        else:
            self.assert_taken(answer)
            self.settled()
        self.assertEqual('stranger' in self.held(self.ant), 'refused' not in self.DIALOGUE)
        self.assert_no_bounce()

    def test_who_is_banned(self):
        answer = self.patient('mallory@outside.example', [self.ant], self.message('banned', 'mallory@outside.example'))
        if 'banned' in self.DIALOGUE:
            self.assertRegex(answer.rcpt[0], r'^550 5\.7\.1 ')
        else:
            self.assert_taken(answer)
        self.assert_no_bounce()
        self.assertEqual(self.copies('banned'), [])

    def test_too_large(self):
        body = 'x' * 70 + '\r\n'
        octets = self.message('large', 'eve@outside.example', body=body * 3000)
        answer = self.patient('eve@outside.example', [self.bee], octets)
        if 'size' in self.DIALOGUE:
            self.assertRegex(answer.data, r'^552 5\.3\.4 ')
            self.assert_no_bounce()
        else:
            self.assert_taken(answer)
            self.forgive_bounce()

    def test_too_large_as_announced(self):
        octets = self.message('announced', 'eve@outside.example', body=('x' * 70 + '\r\n') * 3000)
        answer = self.patient('eve@outside.example', [self.bee], octets, options=[f'SIZE={len(octets)}'])
        if 'SIZE' in self.DIALOGUE:
            self.assertRegex(answer.rcpt[0], r'^552 5\.3\.4 ')
            self.assert_no_bounce()
        elif 'size' in self.DIALOGUE:
            self.assertRegex(answer.data, r'^552 5\.3\.4 ')
            self.assert_no_bounce()
        else:
            self.assert_taken(answer)
            self.forgive_bounce()

    def forgive_bounce(self):
        """Here too large a message bounces, to its sender, with our reason."""
        self.again(self.bounces, 'a bounce')
        self.settled()
        for mail in self.bounces():
            self.assertIn(b'552 5.3.4', mail.octets)
            os.unlink(mail.path)

    def test_null_sender(self):
        since = len(self.daemon.lines)
        name = f'ant-bounces+ann=example.net@{self.DOMAIN}'
        self.assert_taken(self.patient('', [name], self.message('null', 'MAILER-DAEMON@outside.example')))
        self.taken(since, [name])
        self.assert_no_bounce()

    def test_null_sender_to_the_list(self):
        """Nobody is to be told: it is not posted, and makes no bounce."""
        answer = self.patient('', [self.ant], self.message('automatic', 'MAILER-DAEMON@outside.example', more='Auto-Submitted: auto-replied\r\n'))
        self.assertNotRegex(answer.rcpt[0] + answer.data, r'(^|\D)4\d\d ')
        self.assert_no_bounce()
        self.assertEqual(self.copies('automatic'), [])

    def test_two_recipients_with_different_fates(self):
        answer = self.patient('eve@outside.example', [self.bee, self.ant], self.message('mixed', 'eve@outside.example'))
        self.assert_taken(answer)
        self.assertEqual([mail.to for mail in self.wait_copies('mixed', 1)], ['bob@example.net'])
        self.settled()
        self.daemon.wait_for(lambda: 'mixed' in self.held(self.ant), what='the other one is held')
        self.assert_no_bounce()

    def test_one_recipient_is_unknown(self):
        answer = self.patient('eve@outside.example', [self.bee, f'nosuch@{self.DOMAIN}'], self.message('half', 'eve@outside.example'))
        self.assertRegex(answer.rcpt[0], r'^250 ')
        self.assertRegex(answer.rcpt[1], self.UNKNOWN)
        self.assertRegex(answer.data, r'^250 ')
        self.wait_copies('half', 1)
        self.assert_no_bounce()

    def test_a_list_and_somebody_else(self):
        answer = self.patient('eve@outside.example', [self.ant, 'dora@example.net'], self.message('both', 'eve@outside.example'))
        self.assert_taken(answer)
        self.wait_copies('both', 1)
        self.daemon.wait_for(lambda: 'both' in self.held(self.ant), what='the posting is held')
        self.assert_no_bounce()

    def test_all_recipients_refuse(self):
        answer = self.patient('eve@outside.example', [self.ant, self.closed], self.message('refused-by-all', 'eve@outside.example'))
        if 'refused' in self.DIALOGUE:
            self.assertRegex(answer.data, r'^550 5\.7\.1 ')
            self.assertEqual((self.held(self.ant) + self.held(self.closed)).count('refused-by-all'), 0)
        else:
            self.assert_taken(answer)
        self.assert_no_bounce()

    def test_8_bit_and_utf8(self):
        self.assert_taken(self.patient('eve@outside.example', [self.bee], self.message('eight', 'eve@outside.example', body='grüße\r\n'), options=['BODY=8BITMIME']))
        self.assertEqual(self.wait_copies('eight', 1)[0].body, 'grüße\n'.encode())
        self.assert_taken(self.patient('änn@outside.example', [self.bee], self.message('utf8', 'änn@outside.example', more='X-Name: ä\r\n'),
                                       options=['SMTPUTF8', 'BODY=8BITMIME'], utf8=True))
        self.assertEqual(self.wait_copies('utf8', 1)[0].field('X-Name'), 'ä')
        self.assert_no_bounce()

    def test_the_doctor_sees_mail_flow(self):
        """To each domain. Where Postfix looks for an address first it may say "come again", once."""
        for check in 'refusal', 'probe':
            found = []

            def is_well():
                found[:] = self.diagnosis(check)
                return {level for level, _ in found} == {'ok'}
            self.again(is_well, found)
        self.assertEqual({level for level, _ in self.diagnosis('outlet')}, {'ok'})

    def test_the_server_is_away(self):
        self.patient('ann@example.net', [self.ant], self.message('before', 'ann@example.net'))
        self.wait_copies('before', 1)
        self.settled()
        self.daemon.stop()
        self.addCleanup(lambda: self.daemon.process or self.daemon.start())
        answer = self.send('ann@example.net', [self.ant], self.message('away', 'ann@example.net'))
        others = self.send('eve@outside.example', ['dora@example.net'], self.message('unmoved', 'eve@outside.example'))
        queued = answer.data.startswith('2')
        if queued:
            self.mta.wait_deferred(1 + (not self.OTHERS_PASS and others.data.startswith('2')))
        else:
            self.assertTrue([text for text in (answer.mail, *answer.rcpt, answer.data) if re.match('4..', text)], answer)
        self.assertIn(self.OTHERS_PASS, (None, others.data.startswith('2')), others)
        self.daemon.start()
        if not queued:
            self.assert_taken(self.patient('ann@example.net', [self.ant], self.message('away', 'ann@example.net')))
        self.mta.flush()
        self.assertEqual(len(self.wait_copies('away', 1)), 1)
        self.assert_no_bounce()

    def test_the_server_is_slow(self):
        """It stands still while the client speaks; nothing is lost, and nothing comes twice."""
        self.patient('ann@example.net', [self.ant], self.message('warm', 'ann@example.net'))
        self.wait_copies('warm', 1)
        self.settled()
        answers = []
        client = threading.Thread(target=lambda: answers.append(self.patient('ann@example.net', [self.ant], self.message('slow', 'ann@example.net'))))
        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            client.start()
            client.join(3)
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        client.join(events.SECONDS)
        self.assert_taken(answers[0])
        self.assertEqual(len(self.wait_copies('slow', 1)), 1)
        self.assert_no_bounce()
        self.assertEqual(len(self.copies('slow')), 1)
