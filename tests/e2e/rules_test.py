"""The rules that look at the message itself: each over LMTP and in front of the queue, as `explain` tells it, and by its setting."""
import re
import tempfile

from lib import ports
from lib.milter import Milter
from lib.posting import MEMBER, STRANGER, Served, accepted, held, message


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

    def test_concealed(self):
        """The reason is that of all holds; who is no member sees no other."""
        address = self.create('closed', 'require_subject=yes', 'conceal_members=yes')
        reason = f'postings to {re.escape(address)} wait for a moderator'
        self.check_held('no-subject', address, reason, subject='')
        self.assertRegex(self.post(address, message(STRANGER, subject=''), STRANGER), held(address, reason))
