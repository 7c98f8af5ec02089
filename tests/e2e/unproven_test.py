"""Rule 1 of what MTAs do: a refusal after the dot becomes a bounce. Who may be refused where: [lmtp] unproven, what proves a return path, and call-outs in front of the queue."""
from lib import ports
from lib.lmtp import Client
from lib.posting import DISCARDED, DOMAIN, MEMBER, STRANGER, Served, accepted, held, message

REFUSED = r'^550 5\.7\.1 you are not a member of ant@lists\.example\.com; to become one, write to ant-owner@lists\.example\.com$'
HELD = held(f'ant@{DOMAIN}', r'you are not a member of ant@lists\.example\.com')
MAY_NOT = r'^550 5\.7\.1 you may not post to ant@lists\.example\.com; if you think you should, write to ant-owner@lists\.example\.com$'
LOOP = r'^554 5\.4\.6 '
MALFORMED = r'^550 5\.6\.0 '
HELD_MALFORMED = held(f'ant@{DOMAIN}', '.*NUL.*')
MEMBERS = {'rejected@example.org': 'reject', 'dropped@example.org': 'discard', MEMBER: 'accept'}

# What is refused, by whom: (name, further fields, author, proven reply, {unproven policy: reply}).
CASES = [
    ('not a member', '', STRANGER, REFUSED, {'hold': HELD, 'discard': DISCARDED, 'refuse': REFUSED}),
    ('banned', '', 'banned@example.org', MAY_NOT, {'hold': DISCARDED, 'discard': DISCARDED, 'refuse': MAY_NOT}),
    ('malformed', 'X-NUL: a\0b\n', STRANGER, MALFORMED, {'hold': HELD_MALFORMED, 'discard': DISCARDED, 'refuse': MALFORMED}),
    ('loop', f'X-Listward-Loop: ant@{DOMAIN}\n', STRANGER, LOOP, {'hold': DISCARDED, 'discard': DISCARDED, 'refuse': LOOP}),
    ('a member to be rejected', '', 'rejected@example.org', MAY_NOT, {'hold': DISCARDED, 'discard': DISCARDED, 'refuse': MAY_NOT}),
    ('a member to be discarded', '', 'dropped@example.org', DISCARDED, {'hold': DISCARDED, 'discard': DISCARDED, 'refuse': DISCARDED}),
    ('a member', '', MEMBER, accepted(f'ant@{DOMAIN}'), dict.fromkeys(('hold', 'discard', 'refuse'), accepted(f'ant@{DOMAIN}'))),
]


class Doors(Served):
    config = {'auth': {'trusted': 'mx.example.com, other.example.com', 'local_domains': 'example.org, example.net'}}

    @classmethod
    def prepare(cls):
        cls.callout = ports.free_port()
        cls.daemon.configure({'lmtp': {'callout_listen': f'127.0.0.1:{cls.callout}'}})

    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant', members=list(MEMBERS))
        for member, action in MEMBERS.items():
            cls.daemon.run('member', cls.ant, member, f'moderation_action={action}')
        cls.daemon.run('ban', 'banned@example.org', cls.ant)

    def reload(self, changes):
        since = len(self.daemon.lines)
        self.daemon.configure(changes)
        self.daemon.reload()
        self.daemon.wait_log(since, event='reloaded')


class Unproven(Doors):
    def test_every_policy_and_every_ground(self):
        for policy in ('discard', 'refuse', 'hold'):
            self.reload({'lmtp': {'unproven': policy}})
            for name, more, author, proven, replies in CASES:
                with self.subTest(name, policy=policy):
                    self.assertRegex(self.post(self.ant, message(author, more=more), sender=author), replies[policy])
                with self.subTest(name, policy=policy, proven=True):
                    self.assertRegex(self.post(self.ant, message(author, more=more), sender=author, where=self.daemon.socket, xforward='SOURCE=LOCAL'), proven)
                with self.subTest(name, policy=policy, explained=True):
                    octets = message(author, more=more)
                    for options, pattern in (((), replies[policy]), (('--proven',), proven), (('--door', 'front'), proven)):
                        self.assertRegex(self.explain(self.ant, octets, '--sender', author, *options).replace(' ID ', ' abcdefgh '), pattern)

    def test_a_null_reverse_path_is_never_refused(self):
        for policy in ('refuse', 'hold'):
            self.reload({'lmtp': {'unproven': policy}})
            for name, more, author, _, _ in CASES:
                with self.subTest(name, policy=policy):
                    self.assertRegex(self.post(self.ant, message(author, more=more), sender=''), DISCARDED)
        bounces = f'ant-bounces@{DOMAIN}'
        self.assertRegex(self.post(bounces, sender=''), rf'^250 2\.6\.0 \w+ taken for {bounces}$')

    def test_what_is_always_refused(self):
        for policy in ('discard', 'hold'):
            self.reload({'lmtp': {'unproven': policy}})
            self.daemon.run('set', self.ant, 'max_message_size=1')
            self.assertRegex(self.post(self.ant, message(STRANGER, body='x' * 2000), sender=STRANGER), r'^552 5\.3\.4 ')
            self.daemon.run('set', self.ant, 'max_message_size=10M')
            self.assertRegex(self.post(f'nosuch@{DOMAIN}', sender=STRANGER), r'^550 5\.1\.1 ')


def results(text, by='mx.example.com'):
    return f'Authentication-Results: {by}; {text}\n'


SPF = results(f'spf=pass smtp.mailfrom={STRANGER}')
RECEIVED = 'Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\n'


class Proof(Doors):
    def check(self, want, **options):
        self.assertRegex(self.post(self.ant, message(STRANGER, more=options.pop('more', '')), sender=options.pop('sender', STRANGER),
                                   where=options.pop('where', self.daemon.socket), **options), want)

    def test_authentication_results(self):
        for name, more, want in (
                ('spf', SPF, REFUSED),
                ('spf, the domain alone', results('spf=pass smtp.mailfrom=example.org'), REFUSED),
                ('spf, among others', results('dmarc=fail header.from=x.example; spf=pass (good) smtp.mailfrom="eve"@example.org; dkim=none'), REFUSED),
                ('spf of an organisational domain', results('spf=pass smtp.mailfrom=x@mail.example.org'), REFUSED),
                ('dkim', results('dkim=pass header.d=example.org header.s=x'), REFUSED),
                ('dkim by header.i', results('dkim=pass header.i=@example.org'), REFUSED),
                ('the other trusted id', results(f'spf=pass smtp.mailfrom={STRANGER}', 'OTHER.example.com'), REFUSED),
                ('below our own Received', RECEIVED + SPF, REFUSED),
                ('nothing', '', HELD),
                ('spf fails', results(f'spf=fail smtp.mailfrom={STRANGER}'), HELD),
                ('spf of another domain', results('spf=pass smtp.mailfrom=eve@example.edu'), HELD),
                ('dkim of another domain', results('dkim=pass header.d=example.edu'), HELD),
                ('dkim not aligned, spf of the HELO', results('dkim=pass header.d=mailer.example; spf=pass smtp.helo=example.org'), HELD),
                ('an id that is not trusted', results(f'spf=pass smtp.mailfrom={STRANGER}', 'evil.example.com'), HELD),
                ('below the second Received', RECEIVED + RECEIVED + SPF, HELD),
                ('in a comment', results(f'spf=none (spf=pass smtp.mailfrom={STRANGER})'), HELD)):
            with self.subTest(name):
                self.check(want, more=more)

    def test_not_over_tcp(self):
        """The default [lmtp] trusted_peers is the unix socket."""
        self.check(HELD, more=SPF, where=self.daemon.port)
        self.check(HELD, where=self.daemon.port, xforward='SOURCE=LOCAL')

    def test_trusted_peers_may_be_networks(self):
        self.reload({'lmtp': {'trusted_peers': '127.0.0.0/8'}})
        self.check(REFUSED, more=SPF, where=self.daemon.port)
        self.check(HELD, more=SPF, where=self.daemon.socket)
        self.reload({'lmtp': {'trusted_peers': 'unix'}})
        self.check(REFUSED, more=SPF)

    def test_nobody_is_trusted(self):
        self.reload({'auth': {'trusted': ''}})
        self.check(HELD, more=SPF)
        self.reload({'auth': {'trusted': 'mx.example.com, other.example.com'}})

    def test_xforward(self):
        for name, options, want in (('local', {'xforward': 'SOURCE=LOCAL'}, REFUSED), ('among others', {'xforward': 'NAME=localhost source=LOCAL ADDR=127.0.0.1'}, REFUSED),
                                    ('remote', {'xforward': 'SOURCE=REMOTE'}, HELD), ('no source', {'xforward': 'NAME=localhost'}, HELD),
                                    ('a domain that is not local', {'xforward': 'SOURCE=LOCAL', 'sender': 'eve@example.edu'}, HELD)):
            with self.subTest(name):
                self.check(want, **options)

    def test_it_holds_for_one_transaction(self):
        with Client(self.daemon.socket) as client:
            client.lhlo()
            client.command('XFORWARD SOURCE=LOCAL')
            for want in (REFUSED, HELD):
                self.assertRegex(str(client.deliver(STRANGER, [self.ant], message(STRANGER))[0]), want)

    def test_proof_is_kept_with_what_is_held(self):
        slow = self.create('slow', 'default_nonmember_action=hold')
        for number, more in enumerate((SPF, '')):
            self.post(slow, message(STRANGER, f'proof {number}', more=more), sender=STRANGER, where=self.daemon.socket)
        self.assertEqual(self.rows("SELECT subject, proven FROM posting WHERE subject LIKE 'proof %' ORDER BY id"), [('proof 0', 1), ('proof 1', 0)])


class Callout(Doors):
    """`callout_listen`: Exim's call-forwards, in front of the queue. The answer to RCPT may depend on the sender."""
    MAY_NOT = MAY_NOT
    FINE = r'^250 2\.1\.5 recipient ok$'

    def rcpt(self, sender, where=None, address=None):
        with Client(where or self.callout) as client:
            client.lhlo()
            return str(client.envelope(sender, [address or self.ant])[1])

    def test_verdict_at_rcpt(self):
        """(sender, what is answered with no, banned, sure)"""
        self.daemon.run('addmembers', '-W', '--role', 'nonmember', '-', self.ant, stdin='unwanted@example.org\n')
        self.daemon.run('member', '--role', 'nonmember', self.ant, 'unwanted@example.org', 'moderation_action=reject')
        table = [('banned@example.org', self.FINE, self.MAY_NOT, self.MAY_NOT), ('BANNED@Example.ORG', self.FINE, self.MAY_NOT, self.MAY_NOT),
                 ('rejected@example.org', self.FINE, self.FINE, self.MAY_NOT), ('unwanted@example.org', self.FINE, self.FINE, self.MAY_NOT),
                 ('dropped@example.org', self.FINE, self.FINE, self.FINE), (STRANGER, self.FINE, self.FINE, self.FINE),
                 (MEMBER, self.FINE, self.FINE, self.FINE), ('', self.FINE, self.FINE, self.FINE)]
        for column, choice in enumerate(('no', 'banned', 'sure')):
            self.daemon.run('set', self.ant, f'verdict_at_rcpt={choice}')
            for sender, *want in table:
                with self.subTest(choice, sender=sender):
                    self.assertRegex(self.rcpt(sender), want[column])
                    self.assertRegex(self.rcpt(sender, self.daemon.port), self.FINE)
                    self.assertRegex(self.rcpt(sender, address=f'ant-owner@{DOMAIN}'), self.FINE)
        self.daemon.run('set', self.ant, 'conceal_members=yes')
        self.addCleanup(self.daemon.run, 'set', self.ant, 'conceal_members=no', 'verdict_at_rcpt=banned')
        self.assertRegex(self.rcpt('rejected@example.org'), self.FINE)

    def test_unknown_lists_and_patterns(self):
        self.daemon.run('ban', r'^.*@spam\.example', self.ant)
        self.assertRegex(self.rcpt('any@spam.example'), self.MAY_NOT)
        self.assertRegex(self.rcpt('any@spam.example', address=f'nosuch@{DOMAIN}'), r'^550 5\.1\.1 ')

    def test_a_message_is_taken_there_too(self):
        self.assertRegex(self.post(self.ant, where=self.callout), accepted(self.ant))
