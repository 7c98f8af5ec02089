"""A real MTA as the program's next hop: who got what is read from the MTA's own log and mailboxes, and compared with the ledger."""
import collections
import email
import email.policy

from lib import certificates, tags
from lib.daemon import Daemon
from lib.fanout import LIST, Fanout, addresses, message
from lib.sink import Sink

DOMAIN = LIST.partition('@')[2]
UTF8_MEMBER = 'bät@example.net'
TEXT = 'Grüße aus Nürnberg\n.dot\n'


def many(count, start=1):
    """Members whose copies the MTA throws away, and logs."""
    return [address.replace('@example.net', '@many.example') for address in addresses(count, start)]


class NextHop(Fanout):
    MTA = None
    COURIER = {'retry_first': '1s', 'retry_max': '1s'}
    OPTIONS = {}  # of the MTA

    def setUp(self):
        if self.MTA is None:
            self.skipTest('this class has no MTA')
        self.daemon = Daemon(config={'courier': self.COURIER, **self.CONFIG})
        self.mta = self.MTA(lists={DOMAIN: f'inet:127.0.0.1:{self.daemon.port}'}, **self.OPTIONS)
        self.addCleanup(self.mta.close)
        self.addCleanup(self.daemon.close)
        self.daemon.configure({'outlet': {'port': self.mta.port}})
        self.subjects = iter(range(1, 1000))
        self.marks = {}  # {posting: how many log lines the MTA had before}
        self.mta.start()
        self.since = len(self.mta.lines)
        self.daemon.start()
        self.make_list(LIST)

    def run(self, result=None):
        wrong = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > wrong:
            print(self.mta.log_text(60), flush=True)

    def no_complaints(self):
        self.assertEqual(self.mta.complaints(self.since), [])

    def post(self, *words, **options):
        before = len(self.mta.lines)
        code = super().post(*words, **options)
        self.marks[code] = before
        return code

    def copies(self, code):
        """How often the MTA took each: under how many queue ids. After its queue has emptied itself: what would come twice has come."""
        sent = sum(fate.state == 'sent' for fate in self.ledger(code).values())
        self.mta.wait_delivered(sent, self.marks[code])
        self.mta.wait_deferred(0)
        return collections.Counter({address: len(set(ids)) for address, ids in self.mta.queue_ids(self.marks[code]).items()})

    def account(self, code, sent=(), **more):
        """Each of those whom the MTA accepted, and nobody else, has one delivery in its log, under the queue id that the ledger knows."""
        ledger = super().account(code, sent=sent, **more)
        ids = self.mta.queue_ids(self.marks[code])
        for address in sent:
            self.assertTrue(any(queue_id in ledger[address].reply for queue_id in ids[address]), f'{address}: {ledger[address]}, {ids[address]}')
        return ledger

    def outlet(self, **keys):
        """Configures [outlet] and has it reloaded."""
        self.daemon.configure({'outlet': keys})
        since = len(self.daemon.lines)
        self.daemon.reload()
        self.daemon.wait_log(since, event='reloaded')

    def set(self, *settings):
        self.daemon.run('set', LIST, *settings)

    def tags_of(self, mails):
        """{member: (posting, member or 0) of the sender's tag}"""
        secrets, list_id = [secret for (secret,) in self.rows('SELECT secret FROM tag_key')], self.number('SELECT id FROM list')
        return {mail.to: tags.read(mail.sender, secrets, list_id) for mail in mails}


class EveryNextHop:
    """What is tried with each MTA."""
    CAN_LACK = ()  # keywords of EHLO
    TLS = ''  # what it logs of a session with TLS

    def test_batch(self):
        people = self.add_members([*addresses(200), *many(2000)])
        code = self.post(message('batch', body=TEXT), mail=' BODY=8BITMIME')
        self.account(code, sent=people)
        mails = self.mta.wait_mail(200)
        self.assertEqual({mail.body for mail in mails}, {TEXT.encode()})
        self.assertEqual(set(self.tags_of(mails).values()), {(self.number('SELECT id FROM posting'), 0)})
        self.assertLess(len({queue_id for ids in self.mta.queue_ids().values() for queue_id in ids}), 20)
        self.no_complaints()

    def test_personal(self):
        people = self.add_members([*addresses(100), *many(200)])
        self.set('personal=always')
        code = self.post(message('personal', body=TEXT), mail=' BODY=8BITMIME')
        self.account(code, sent=people)
        mails = self.mta.wait_mail(100)
        self.assertEqual({mail.body for mail in mails}, {TEXT.encode()})
        members = dict(self.rows('SELECT address.email, member.id FROM member JOIN address ON address.id = member.address_id'))
        posting = self.number('SELECT id FROM posting')
        self.assertEqual(self.tags_of(mails), {address: (posting, members[address]) for address in people[:100]})
        self.assertEqual(len({queue_id for ids in self.mta.queue_ids().values() for queue_id in ids}), 300)
        self.no_complaints()

    def test_every_keyword_taken_away(self):
        self.add_members([*addresses(5), *many(40)])
        for lacks in (), *((word,) for word in self.CAN_LACK), tuple(self.CAN_LACK):
            for shape in 'never', 'always':
                with self.subTest(lacks=lacks, personal=shape):
                    self.mta.restart(lacks=lacks)
                    self.set(f'personal={shape}')
                    self.check_one(set(lacks), shape)
        self.no_complaints()

    def check_one(self, lacks, shape):
        before, name = len(self.mta.mail()), f'{"-".join(sorted(lacks)) or "all"}.{shape}'
        code = self.post(message(name, body=TEXT, more='X-Greeting: grüße\n'), mail=' BODY=8BITMIME SMTPUTF8')
        self.account(code, sent=[*addresses(5), *many(40)])
        for mail in self.mta.wait_mail(before + 5)[before:]:
            parsed = email.message_from_bytes(mail.octets, policy=email.policy.SMTPUTF8)
            self.assertEqual(str(parsed['X-Greeting']), 'grüße')
            if '8BITMIME' in lacks:
                self.assertTrue(mail.octets.isascii(), mail.octets)
                self.assertEqual(parsed.get_payload(decode=True).replace(b'\r\n', b'\n'), TEXT.encode())
            else:
                self.assertEqual(mail.body, TEXT.encode())

    def test_refused_and_deferred(self):
        gone, later = ['gone1@example.net', 'gone2@many.example'], ['later1@example.net', 'later2@many.example']
        people = self.add_members([*gone, *addresses(3), *later, *many(300)])
        fine = [one for one in people if one not in gone + later]
        for shape in 'never', 'always':
            with self.subTest(personal=shape):
                self.set(f'personal={shape}')
                self.mta.restart(defers=True)
                code = self.post()
                self.daemon.wait_for(lambda: all(self.ledger(code, one)[one].attempts > 1 for one in later), what='a second attempt')
                self.assertEqual({self.ledger(code, one)[one].state for one in later} & {'sent', 'failed'}, set())
                self.assertRegex(self.ledger(code, later[0])[later[0]].reply, r'^450 ')
                self.mta.restart(defers=False)
                self.account(code, sent=fine + later, failed=gone, reason=r'^550 5\.1\.1 .*gone')
        self.no_complaints()

    def test_many_refused(self):
        """More in a row than an MTA may like."""
        gone = [f'gone{number}@many.example' for number in range(60)]
        people = self.add_members(many(300))
        self.add_members(gone)
        for shape in 'never', 'always':
            with self.subTest(personal=shape):
                self.set(f'personal={shape}')
                self.account(self.post(), sent=people, failed=gone, reason=r'^550 5\.1\.1 .*gone')

    def test_too_many_recipients(self):
        """A limit that the MTA tells by 452 alone."""
        self.mta.restart(recipients=70)
        people = self.add_members(many(400))
        self.account(self.post(), sent=people)
        self.account(self.post(), sent=people)

    def test_too_large(self):
        self.mta.restart(size=20000)
        people = self.add_members(many(3))
        self.account(self.post(message('large', body='x\n' * 20000)), failed=people, reason=r'^552 5\.3\.4 ')
        self.account(self.post(message('small')), sent=people)
        self.assertEqual(self.bounces(), [])

    def test_large(self):
        people = self.add_members([*addresses(3), *many(20)])
        body = '.' + 'y' * 70 + '\n'
        self.account(self.post(message('several megabytes', body=body * 50000)), sent=people)
        self.assertEqual({mail.body for mail in self.mta.wait_mail(3)}, {(body * 50000).encode()})
        self.no_complaints()

    def test_starttls(self):
        self.mta.restart(tls=True)
        people = self.add_members([*addresses(10), *many(150)])
        self.outlet(tls='starttls', tls_ca_file=certificates.ca(), tls_name='mta.example.org')
        since = len(self.mta.lines)
        for shape in 'never', 'always':
            self.set(f'personal={shape}')
            self.account(self.post(), sent=people)
        self.assertNotEqual(self.mta.log_lines(self.TLS, since), [])
        self.no_complaints()

    def test_a_certificate_that_is_not_trusted(self):
        """Nothing goes out, until it is."""
        self.mta.restart(tls=True)
        people = self.add_members(many(20))
        self.outlet(tls='starttls', tls_ca_file=certificates.of('other-ca').certificate, tls_name='mta.example.org')
        code = self.post()
        self.daemon.wait_log(event='outlet not reached')
        self.assertEqual(self.mta.delivered(self.marks[code]), {})
        self.outlet(tls_ca_file=certificates.ca())
        self.daemon.run('retry')
        self.account(code, sent=people)

    def test_starttls_that_is_not_offered(self):
        people = self.add_members(many(20))
        self.outlet(tls='starttls', tls_ca_file=certificates.ca(), tls_name='mta.example.org')
        code = self.post()
        self.daemon.wait_log(event='outlet not reached')
        self.assertEqual(self.mta.delivered(self.marks[code]), {})
        self.outlet(tls='no')
        self.daemon.run('retry')
        self.account(code, sent=people)

    def test_stopped_and_started_in_the_middle(self):
        """What was accepted and not yet answered may come twice: one transaction, with one connection."""
        people = self.add_members(many(8000))
        self.outlet(connections=1)
        code = self.post()
        self.daemon.wait_log(event='copies handed over', count=2)
        self.mta.stop()
        done = sum(fate.state == 'sent' for fate in self.ledger(code).values())
        self.mta.start()
        self.daemon.run('retry')
        self.wait_done()
        self.mta.flush()
        self.account(code, sent=people, twice=500)
        twice = sum(count > 1 for count in self.copies(code).values())
        print(f'#: {self.mta.name} stopped when {done} of {len(people)} were handed over: {twice} copies came twice')

    def test_what_comes_back(self):
        """The MTA's own bounce names the member by the tag of its copy."""
        lost = ['lost1@many.example', 'lost2@example.net']
        people = self.add_members([*lost, *many(10)])
        self.set('personal=always')
        code = self.post()
        for address in lost:
            self.daemon.wait_log(event='mail came back', member=address, by='tag')
        self.wait_done()
        ledger = self.ledger(code)
        self.assertEqual({address: fate.returned for address, fate in ledger.items() if fate.returned}, dict.fromkeys(lost, 1))
        self.assertEqual(set(ledger), set(people))

    def test_reports(self):
        """RFC 3461: what was asked for with the copy stands in the MTA's report."""
        with Sink() as sink:
            self.mta.restart(lists={DOMAIN: f'inet:127.0.0.1:{sink.port}'})
            self.add_members(['lost+x@many.example', 'fine@many.example'])
            code = self.post()
            report = sink.wait_messages(1)[0]
        fields = report.body.decode()
        self.assertRegex(fields, rf'(?mi)^Original-Envelope-Id: .*{code}')
        self.assertRegex(fields, r'(?mi)^Original-Recipient: rfc822; ?lost\+(2B)?x@many\.example')
        self.assertNotIn('\r\nbody\r\n', fields)
        self.assertEqual(len(sink.messages), 1)


class WithSmtputf8:
    def test_a_members_address(self):
        people = self.add_members([UTF8_MEMBER, 'cat@example.net'])
        self.account(self.post(), sent=people)
        self.assertEqual({mail.to for mail in self.mta.wait_mail(2)}, set(people))
        self.mta.restart(lacks=['SMTPUTF8'])
        self.account(self.post(), sent=people[1:], failed=people[:1], reason=r'^550 5\.6\.7 ')
        self.no_complaints()
