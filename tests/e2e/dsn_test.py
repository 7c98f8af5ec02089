"""DSN (RFC 3461): what LMTP announces and takes, that nothing of it reaches the members, and the one report there is: of success, to a proven sender."""
import email

from lib.lmtp import Client, stuff
from lib.posting import DOMAIN, MEMBER, STRANGER, Served, accepted, code, held, message, taken

SENDER = 'alice@example.org'
LOCAL = 'SOURCE=LOCAL'
ENVID, ORCPT = 'QQ314159', 'orig@x.example'
BAD_MAIL = ['RET=ALL', 'RET', 'RET=HDRS RET=HDRS', 'ENVID', 'ENVID=a+', 'ENVID=a+0Ab', 'ENVID=a ENVID=a', 'ENVID=' + 101 * 'x']
BAD_RCPT = ['NOTIFY', 'NOTIFY=ALWAYS', 'NOTIFY=NEVER,FAILURE', 'NOTIFY=SUCCESS,', 'NOTIFY=NEVER NOTIFY=NEVER', 'ORCPT', 'ORCPT=orig@x.example', 'ORCPT=rfc822;a+b@x.example',
            'ORCPT=rfc822;a+0D+0AX:@x', 'ORCPT=rfc822;a@x ORCPT=rfc822;a@x', 'ORCPT=rfc822;' + 501 * 'x']
# As each MTA writes it: (name, MAIL's parameters, RCPT's).
REAL = [
    ('Postfix', 'SIZE=409 BODY=8BITMIME ENVID=abc123 RET=HDRS', 'ORCPT=rfc822;orig@x.example NOTIFY=FAILURE,DELAY'),
    ('Postfix, SMTPUTF8', 'SIZE=369 BODY=8BITMIME SMTPUTF8', 'ORCPT=rfc822;+C3+A4nne+2Btag@b+C3+BCcher.example'),
    ('Postfix, VERP', 'SIZE=9', 'ORCPT=rfc822;test-bounces+2Bbob+3Ddest.example@list.example.org'),
    ('Exim', 'SIZE=1487 RET=HDRS ENVID=abc', 'NOTIFY=FAILURE,DELAY ORCPT=rfc822;o@x.y'),
    ('Sendmail', 'SIZE=253 BODY=7BIT ENVID=abc RET=HDRS', 'NOTIFY=FAILURE,DELAY ORCPT=rfc822;o@x.y'),
    ('RFC 6533', 'SMTPUTF8', r'NOTIFY=NEVER ORCPT=utf-8;\x{E4}nne@x.example'),
    ('in lower case', 'ret=full envid=a+2bb', 'notify=success,delay orcpt=rfc822;o@x.y'),
]


class Dsn(Served):
    config = {'auth': {'local_domains': 'example.org, example.net'}}

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant', members=[MEMBER, SENDER, 'moderated@example.org'], owners=['own@example.net'])
        cls.bee = cls.create('bee', 'emergency=yes', members=[SENDER])
        cls.daemon.run('member', cls.ant, 'moderated@example.org', 'moderation_action=hold')

    def ask(self, recipients, sender=SENDER, mail='', octets=None, xforward=LOCAL):
        """A posting over the trusted socket; `recipients`: {address: parameters}. The replies after the dot."""
        with Client(self.daemon.socket) as client:
            client.lhlo()
            if xforward:
                self.assertEqual(client.command(f'XFORWARD {xforward}').code, 250)
            self.assertEqual(client.command(f'MAIL FROM:<{sender}> {mail}').code, 250)
            for address, parameters in recipients.items():
                self.assertEqual(client.command(f'RCPT TO:<{address}> {parameters}').code, 250)
            self.assertEqual(client.command('DATA').code, 354)
            client.send(stuff(message(sender or SENDER) if octets is None else octets) + b'.\r\n')
            return [str(reply) for reply in client.replies(len(recipients))]

    def reports(self, to=SENDER):
        return [caught for caught in list(self.sink.messages) if caught.sender.address == '' and caught.addresses == [to]]

    def settle(self):
        """All that was made so far has gone out."""
        self.daemon.wait_for(lambda: not self.rows('SELECT 1 FROM delivery WHERE state <> 2'), what='an empty queue')

    def test_announced(self):
        with Client(self.daemon.port) as client:
            self.assertIn('DSN', client.lhlo())

    def test_what_mtas_write_is_taken(self):
        for name, mail, rcpt in REAL:
            with self.subTest(name):
                self.assertRegex(self.ask({self.ant: rcpt}, mail=mail, xforward=None)[0], accepted(self.ant))

    def test_wrong_values_are_named(self):
        client = self.client()
        for parameters in BAD_MAIL:
            with self.subTest(parameters):
                keyword = parameters.split('=')[0].split()[0]
                self.assertRegex(str(client.command(f'MAIL FROM:<{SENDER}> {parameters}')), rf'^501 5\.5\.4 .*{keyword}=')
        self.assertEqual(client.command(f'MAIL FROM:<{SENDER}>').code, 250)
        for parameters in BAD_RCPT:
            with self.subTest(parameters):
                keyword = parameters.split('=')[0].split()[0]
                self.assertRegex(str(client.command(f'RCPT TO:<{self.ant}> {parameters}')), rf'^501 5\.5\.4 .*{keyword}=')
        self.assertEqual(client.command('DATA').code, 503)
        self.assertEqual(client.command(f'RCPT TO:<{self.ant}> NOTIFY=NEVER').code, 250)

    def test_nothing_is_passed_on(self):
        reply, = self.ask({self.ant: f'NOTIFY=SUCCESS ORCPT=rfc822;{ORCPT}'}, mail=f'RET=FULL ENVID={ENVID}')
        copy = self.copy_of(reply)
        self.settle()
        for caught in list(self.sink.messages):
            values = [value or '' for path in (caught.sender, *caught.recipients) for value in path.params.values()]
            self.assertFalse([value for value in values if ENVID in value or ORCPT in value or 'SUCCESS' in value], values)
        self.assertNotIn(ENVID.encode(), copy.octets)
        self.assertNotIn(ORCPT.encode(), copy.octets)

    def test_a_report_of_success(self):
        octets = message(SENDER, body='the secret of the ant\n')
        before = len(self.reports())
        parameters = f'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{ORCPT}'
        replies = self.ask({self.ant: parameters, f'ant+x@{DOMAIN}': 'NOTIFY=SUCCESS', self.bee: 'NOTIFY=SUCCESS'}, mail=f'RET=FULL ENVID={ENVID}', octets=octets)
        self.assertRegex(replies[0], accepted(self.ant))
        self.assertRegex(replies[2], held(self.bee))
        self.assertRegex(self.ask({self.ant: parameters}, octets=octets)[0], rf'{code(replies[0])} already accepted')
        self.settle()
        caught, = self.reports()[before:]
        report = email.message_from_bytes(caught.octets)
        self.assertEqual((report['To'], report['From'], report['Auto-Submitted']), (f'<{SENDER}>', f'<ant-owner@{DOMAIN}>', 'auto-replied'))
        self.assertEqual((report.get_content_type(), report.get_param('report-type')), ('multipart/report', 'delivery-status'))
        words, status, header = report.get_payload()
        self.assertEqual([part.get_content_type() for part in (words, status, header)], ['text/plain', 'message/delivery-status', 'text/rfc822-headers'])
        whole, *recipients = status.get_payload()
        self.assertEqual((whole['Reporting-MTA'], whole['Original-Envelope-Id']), ('dns; lists.example.com', ENVID))
        self.assertEqual([(one['Original-Recipient'], one['Final-Recipient'], one['Action'], one['Status']) for one in recipients],
                         [(f'rfc822; {ORCPT}', f'rfc822; {self.ant}', 'delivered', '2.1.5'), (None, f'rfc822; ant+x@{DOMAIN}', 'delivered', '2.1.5')])
        self.assertIn(email.message_from_bytes(octets)['Message-ID'], header.get_payload())
        self.assertNotIn(b'secret', caught.octets)

    def test_a_report_that_comes_to_the_list_is_no_posting(self):
        before = len(self.reports())
        self.ask({self.ant: 'NOTIFY=SUCCESS'})
        self.settle()
        caught, = self.reports()[before:]
        self.assertRegex(self.ask({self.ant: ''}, sender='', octets=caught.octets)[0], r'^250 2\.6\.0 \w+ done$')

    def test_no_report(self):
        asks = 'NOTIFY=SUCCESS'
        rows = [
            ('not asked', {self.ant: 'NOTIFY=FAILURE,DELAY'}, {}, accepted(self.ant)),
            ('never', {self.ant: 'NOTIFY=NEVER'}, {}, accepted(self.ant)),
            ('unproven', {self.ant: asks}, {'xforward': None}, accepted(self.ant)),
            ('remote', {self.ant: asks}, {'xforward': 'SOURCE=REMOTE'}, accepted(self.ant)),
            ('held', {self.ant: asks}, {'sender': 'moderated@example.org'}, held(self.ant)),
            ('refused', {self.ant: asks}, {'sender': STRANGER}, r'^550 5\.7\.1 '),
            ('discarded', {self.ant: asks}, {'octets': message(SENDER, more='Auto-Submitted: auto-replied\n')}, r'^250 2\.6\.0 \w+ done$'),
            ('null reverse-path', {self.ant: asks}, {'sender': ''}, r'^250 2\.6\.0 \w+ done$'),
            ('a role', {f'ant-owner@{DOMAIN}': asks}, {}, taken(f'ant-owner@{DOMAIN}')),
        ]
        def null_senders():
            return sum(caught.sender.address == '' for caught in list(self.sink.messages))
        self.settle()
        before = null_senders()
        for name, recipients, options, pattern in rows:
            with self.subTest(name):
                self.assertRegex(self.ask(recipients, **options)[0], pattern)
                self.settle()
                self.assertEqual(null_senders(), before)
