"""The rules that look at the message itself: each over LMTP and in front of the queue, as `explain` tells it, and by its setting."""
import re
import tempfile

from lib import corpus, ports
from lib.lmtp import Client
from lib.milter import Milter
from lib.posting import DISCARDED, ID, MEMBER, STRANGER, Served, accepted, held, message


class MessageRules(Served):
    port = ports.free_port()
    config = {'milter': {'listen': f'127.0.0.1:{port}'}, 'log': {'level': 'debug'}}

    def in_front(self, address, octets, sender=MEMBER):
        """What the author sees in the dialogue, and the rule."""
        seen = len(self.daemon.lines)
        with Milter(self.port) as milter:
            verdict = milter.post(sender, [address], octets)
        return verdict.text or verdict.answer, self.daemon.wait_log(since=seen, list=address)['rule']

    def rules_that_hit(self, address, octets):
        """By `explain`, in order."""
        with tempfile.NamedTemporaryFile(dir=self.daemon.scratch) as file:
            file.write(octets)
            file.flush()
            return re.findall(r'(?m)^([a-z-]+) +HIT ', self.daemon.run('explain', address, file.name))

    def check_held(self, rule, address, reason, **parts):
        """Everywhere, by that rule and for that reason."""
        self.assertEqual(self.rules_that_hit(address, message(**parts)), [rule])
        self.assertRegex(self.explain(address, message(**parts)), reason)
        self.assertEqual(self.in_front(address, message(**parts)), ('a', rule))
        self.assertRegex(self.post(address, message(**parts)), held(address, reason))
        self.assertIn(rule, self.daemon.run('held', address).splitlines()[-1].split())

    def check_accepted(self, address, **parts):
        self.assertEqual(self.in_front(address, message(**parts)), ('a', ''))
        self.assertRegex(self.post(address, message(**parts)), accepted(address))

    def shown(self, address, name):
        return self.daemon.run('show', address, name).split('\n')[:-1]

    def test_administrivia(self):
        """On in every style."""
        address = self.create('commands')
        self.assertEqual(self.shown(address, 'administrivia'), ['true'])
        reason = r'{} has the command "{}", and commands to commands@lists\.example\.com go to commands-request@lists\.example\.com'
        self.check_held('administrivia', address, reason.format('the subject', 'unsubscribe'), subject='Unsubscribe')
        self.check_held('administrivia', address, reason.format('the text', 'help'), body='\n help\n')
        self.check_accepted(address, subject='help wanted', body='Can you help?\nwho can help me\n')
        self.daemon.run('set', address, 'administrivia=no')
        self.check_accepted(address, subject='Unsubscribe', body='help\n')

    def test_max_recipients(self):
        address = self.create('many', 'max_num_recipients=3')
        self.assertEqual(self.shown(address, 'max_num_recipients'), ['3'])
        self.check_accepted(address, to=f'{address}, one@example.org')
        reason = f'it has 3 addresses in To and Cc, and {re.escape(address)} takes fewer than 3'
        self.check_held('max-recipients', address, reason, to=f'{address}, one@example.org', more='Cc: two@example.org\n')
        self.daemon.run('set', address, 'max_num_recipients=0')
        self.check_accepted(address, to=f'{address}, one@example.org, two@example.org')

    def test_implicit_dest(self):
        self.daemon.run('adddomain', '--alias', 'old.example', 'aliased.example.com')
        address = self.create('named@aliased.example.com', 'require_explicit_destination=yes', 'acceptable_aliases+=all@example.org', 'acceptable_aliases+=^.*@any[.]example$')
        self.assertEqual(self.shown(address, 'acceptable_aliases'), ['all@example.org', '^.*@any[.]example$'])
        for name in (address, 'NAMED@old.example', 'All@example.org', 'someone@any.example'):
            with self.subTest(name):
                self.check_accepted(address, to=f'x@example.org, {name}')
                self.check_accepted(address, to='x@example.org', more=f'Cc: {name}\n')
        for name in ('undisclosed-recipients:;', 'other@old.example', 'someone@any.example.org'):
            with self.subTest(name):
                self.check_held('implicit-dest', address, f'neither To nor Cc names {re.escape(address)}', to=name)
        self.assertIn('not a valid pattern', self.daemon.cli('set', address, 'acceptable_aliases+=^(').err)
        self.daemon.run('set', address, 'require_explicit_destination=no')
        self.check_accepted(address, to='undisclosed-recipients:;')

    def test_no_subject(self):
        address = self.create('subject', 'require_subject=yes')
        self.check_accepted(address)
        self.check_held('no-subject', address, f'postings to {re.escape(address)} need a subject, and this has none', subject='')
        self.daemon.run('set', address, 'require_subject=no')
        self.check_accepted(address, subject='')

    def test_header_match(self):
        address = self.create('matches', 'header_matches+=Subject: ^\\[wait', 'header_matches+=discard X-Spam-Flag: yes', 'header_matches+=reject X-Spam: .',
                              'header_matches+=accept X-Pass: ^secret$')
        self.assertEqual(self.shown(address, 'header_matches'),
                         ['subject: ^\\[wait', 'discard x-spam-flag: yes', 'reject x-spam: .', 'accept x-pass: ^secret$'])
        reason = r'messages with a "{}" field like this wait for a moderator of ' + re.escape(address)
        self.check_held('header-match', address, reason.format('subject'), subject='[WAIT] a bit')
        self.check_accepted(address, subject='a bit [wait]')
        self.assertEqual(self.in_front(address, message(more='X-Spam-Flag: YES\n')), ('d', 'header-match'))
        self.assertRegex(self.post(address, message(more='X-Spam-Flag: YES\n')), DISCARDED)
        refused = rf'^550 5\.7\.1 {address} takes no messages with a "x-spam" field like this; if you think it should, write to matches-owner@lists\.example\.com$'
        answer, rule = self.in_front(address, message(more='X-Spam: 9\n'))
        self.assertRegex(answer, refused)
        self.assertEqual(rule, 'header-match')
        self.assertRegex(self.post(address, message(more='X-Spam: 9\n')), DISCARDED, 'unproven')
        self.assertRegex(self.post(address, message(STRANGER, more='X-Pass: secret\n'), STRANGER), accepted(address))
        self.assertEqual(self.in_front(address, message(STRANGER, more='X-Pass: secret\n'), STRANGER), ('a', 'header-match'))

    def test_header_match_that_never_ends(self):
        address = self.create('slow', 'header_matches=accept X-A: ^(a+)+$')
        self.check_held('header-match', address, r'messages with a "x-a" field like this .*', more=f'X-A: {"a" * 9000}!\n')

    def test_header_match_settings(self):
        address = self.create('bad')
        for value, words in (('subject', 'not of the form [ACTION] HEADER: PATTERN'), ('forward subject: x', 'no action'), ('hold subject: x(', 'not a valid pattern')):
            with self.subTest(value):
                done = self.daemon.cli('set', address, f'header_matches+={value}')
                self.assertEqual(done.code, 1)
                self.assertIn(words, done.err)

    def test_suspicious_header(self):
        address = self.create('suspicious', 'bounce_matching_headers=X-Mailer: bulk')
        self.check_held('suspicious-header', address, r'messages with a "x-mailer" field like this wait for a moderator of ' + re.escape(address), more='X-Mailer: BulkMail\n')
        self.check_accepted(address, more='X-Mailer: mail\n')

    def test_explain_agrees_over_odd_mail(self):
        """With every rule on, and nobody stopped for being no member."""
        address = self.create('strict', 'default_nonmember_action=defer', 'max_held=0', 'header_matches=Subject: ((a|b)+)+$', 'bounce_matching_headers=From: [^ -~]',
                              'acceptable_aliases=^.*@.*[.]org$', members=(), options=('--style', 'legacy-default'))
        with Client(self.daemon.port) as client:
            client.lhlo()
            for number, (path, octets) in enumerate(corpus.messages('torture')):
                sender = f'author{number}@example.org'
                reply = re.sub(rf'^250 2\.6\.0 {ID} ', '250 2.6.0 ID ', str(client.deliver(sender, [address], octets)[0]))
                with self.subTest(path):
                    self.assertEqual(self.explain(address, octets, '--sender', sender), reply)

    def test_concealed(self):
        """The reason is that of all holds; who is no member sees no other."""
        address = self.create('closed', 'require_subject=yes', 'conceal_members=yes')
        reason = f'postings to {re.escape(address)} wait for a moderator'
        self.check_held('no-subject', address, reason, subject='')
        self.assertRegex(self.post(address, message(STRANGER, subject=''), STRANGER), held(address, reason))
