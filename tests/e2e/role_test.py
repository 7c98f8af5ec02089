"""Addresses: roles of lists and domains, names that look like roles, case, UTF-8, domains."""
import json
import re

from lib.posting import DOMAIN, ID, MEMBER, STRANGER, UNKNOWN, Served, accepted, code, message, taken
from lib.tags import untagged

KEPT = {'bounces': 'bounces', 'bounces+x=example.org': 'bounces', 'confirm+abc123': 'confirm', 'confirm': 'confirm', 'join': 'join', 'subscribe': 'join', 'leave': 'leave',
        'unsubscribe': 'leave', 'request': 'request', 'join+x': 'join'}


class Roles(Served):
    @classmethod
    def furnish(cls):
        cls.ant = cls.create('ant', owners=['owner@example.net', 'second@example.net'])

    def jobs(self):
        return dict(self.rows('SELECT kind, count(*) FROM job GROUP BY kind'))

    def copies_of(self, reply):
        """Who got copies of it."""
        self.daemon.wait_log(event='copies handed over', post=code(reply))
        mark = re.compile(rf'\bid\s+{code(reply)}\b'.encode())
        return sorted(address for caught in self.sink.messages if mark.search(caught.header) for address in caught.addresses)


class Kept(Roles):
    def test_taken_and_kept_as_jobs(self):
        """From anybody, whatever it is: work for later."""
        for suffix, kind in KEPT.items():
            for sender in (STRANGER, ''):
                before = self.jobs().get(kind, 0)
                address = f'ant-{suffix}@{DOMAIN}'
                with self.subTest(address, sender=sender):
                    self.assertRegex(self.post(address, message(STRANGER), sender=sender), taken(address))
                    self.assertEqual(self.jobs().get(kind, 0), before + 1)
        self.assertEqual(self.rows("SELECT argument FROM posting WHERE address LIKE 'ant-bounces+%' LIMIT 1"), [('x=example.org',)])
        self.assertEqual(self.rows("SELECT argument FROM posting WHERE address LIKE 'ant-join+%' LIMIT 1"), [('',)])
        self.assertEqual(self.sink.messages, [])

    def test_queue_shows_them(self):
        self.post(f'ant-request@{DOMAIN}')
        rows = {row['queue']: row['count'] for row in json.loads(self.daemon.run('queue', '--json'))}
        self.assertEqual({kind: rows.get(f'kept:{kind}') for kind in self.jobs()}, self.jobs())
        self.assertRegex(self.daemon.run('queue'), rf'(?m)^kept:request +{self.jobs()["request"]} ')

    def test_the_argument_is_kept_as_it_came(self):
        """Tokens in any case; the answer repeats the address as the MTA wrote it."""
        address = f'Ant-Bounces+AbC=Example.ORG@{DOMAIN}'
        self.assertRegex(self.post(address, message(STRANGER), sender=''), taken(address))

    def test_of_no_list(self):
        for suffix in KEPT:
            self.assertRegex(self.post(f'bee-{suffix}@{DOMAIN}', sender=''), UNKNOWN)


class Owners(Roles):
    config = {'server': {'site_owner': 'site@example.net'}}

    def test_owners_get_it(self):
        for address in (f'ant-owner@{DOMAIN}', f'ant-admin@{DOMAIN}', f'ANT-Owner+x@{DOMAIN}'):
            reply = self.post(address, message(STRANGER, f'to {address}', body='who are you?\n'), sender=STRANGER)
            self.assertRegex(reply, taken(address))
            self.assertEqual(self.copies_of(reply), ['owner@example.net', 'second@example.net'])
            copy = self.copy_of(reply)
            self.assertEqual((untagged(copy.sender.address), copy.body), (f'ant-bounces@{DOMAIN}', b'who are you?\r\n'))
            self.assertEqual(copy.fields('Subject'), [f'to {address}'.encode()])
            self.assertEqual((copy.fields('List-Id'), copy.fields('X-Listward-Loop')), ([], [self.ant.encode()]))

    def test_moderators_get_it_too(self):
        bee = self.create('bee', owners=['owner@example.net'])
        self.daemon.run('addmembers', '-W', '--role', 'moderator', '-', bee, stdin='mod@example.net\n')
        self.assertEqual(self.copies_of(self.post(f'bee-owner@{DOMAIN}')), ['mod@example.net', 'owner@example.net'])

    def test_without_owners_the_site_owner(self):
        self.create('orphan')
        self.assertEqual(self.copies_of(self.post(f'orphan-owner@{DOMAIN}')), ['site@example.net'])

    def test_banned_and_strange_ones_reach_the_owners_too(self):
        """Whoever may not post can still ask why."""
        self.daemon.run('ban', 'banned@example.org', self.ant)
        for octets in (message('banned@example.org'), message('banned@example.org', more='X-A: \0\n')):
            self.assertRegex(self.post(f'ant-owner@{DOMAIN}', octets, sender='banned@example.org'), taken(f'ant-owner@{DOMAIN}'))

    def test_loops_and_automatic_answers_end(self):
        """Taken and dropped: what the owners' own vacation programs answer, and what has been here before."""
        address = f'ant-owner@{DOMAIN}'
        for more, sender in (('Auto-Submitted: auto-replied\n', STRANGER), ('', ''), (f'X-Listward-Loop: {self.ant}\n', STRANGER), ('Received: x\n' * 51, STRANGER)):
            since = len(self.daemon.lines)
            self.assertRegex(self.post(address, message(STRANGER, more=more), sender=sender), taken(address))
            self.daemon.wait_log(since, event='mail to a role dropped')

    def test_postmaster_and_abuse(self):
        for local in ('postmaster', 'Postmaster', 'abuse', 'abuse+x'):
            address = f'{local}@{DOMAIN}'
            reply = self.post(address, message(STRANGER), sender=STRANGER)
            self.assertRegex(reply, taken(address))
            self.assertIn('owner@example.net', self.copies_of(reply))

    def test_postmaster_of_a_domain_without_owners(self):
        self.create('ant@bare.example.com')
        reply = self.post('postmaster@bare.example.com', message(STRANGER), sender=STRANGER)
        self.assertEqual(self.copies_of(reply), ['site@example.net'])

    def test_postmaster_without_a_domain(self):
        reply = self.post('Postmaster')
        self.assertRegex(reply, taken('postmaster@lists.example.com'))

    def test_mailer_daemon_and_noreply(self):
        """Taken and dropped."""
        before = self.rows('SELECT count(*) FROM posting')
        for local in ('mailer-daemon', 'MAILER-DAEMON', 'noreply', 'no-reply', 'noreply+x'):
            address = f'{local}@{DOMAIN}'
            self.assertRegex(self.post(address, message(STRANGER), sender=''), taken(address))
        self.assertEqual(self.rows('SELECT count(*) FROM posting'), before)

    def test_of_a_domain_that_is_not_ours(self):
        for local in ('postmaster', 'abuse', 'noreply', 'ant-owner'):
            self.assertRegex(self.post(f'{local}@example.net'), UNKNOWN)


class NobodyThere(Roles):
    """No owners and no site_owner: kept, alarmed, and delivered when somebody appears."""

    def test_owner_mail(self):
        orphan = self.create('orphan')
        since = len(self.daemon.lines)
        reply = self.post(f'orphan-owner@{DOMAIN}', message(STRANGER), sender=STRANGER)
        self.assertRegex(reply, taken(f'orphan-owner@{DOMAIN}'))
        alarm = self.daemon.wait_log(since, event='mail to the owners has nobody to go to: it is kept')
        self.assertEqual(alarm['level'], 'error')
        self.assertEqual(self.jobs().get('owner'), 1)
        self.daemon.restart()
        self.daemon.run('addmembers', '-W', '--role', 'owner', '-', orphan, stdin='new@example.net\n')
        self.assertEqual(self.copies_of(reply), ['new@example.net'])
        self.assertNotIn('owner', self.jobs())

    def test_postmaster(self):
        self.create('ant@empty.example.com')
        reply = self.post('postmaster@empty.example.com', message(STRANGER), sender=STRANGER)
        self.assertRegex(reply, taken('postmaster@empty.example.com'))
        self.assertEqual(self.jobs().get('postmaster'), 1)
        since = len(self.daemon.lines)
        self.daemon.configure({'server': {'site_owner': 'site@example.net'}})
        self.daemon.reload()
        self.daemon.wait_log(since, event='reloaded')
        self.assertEqual(self.copies_of(reply), ['site@example.net'])


class Names(Roles):
    def refused(self, *words):
        done = self.daemon.cli('create', *words)
        self.assertEqual((done.code, done.out), (1, ''), words)
        return done.err

    def test_a_list_named_like_a_role_wins(self):
        """`create` refuses it, and the reverse, unless it is told to."""
        self.assertIn('role address of the list "ant"', self.refused(f'ant-owner@{DOMAIN}'))
        for suffix in KEPT:
            if '+' not in suffix:
                self.refused(f'ant-{suffix}@{DOMAIN}')
        self.create('ant-admin', options=['--force'])
        self.assertRegex(self.post(f'ant-admin@{DOMAIN}'), accepted(f'ant-admin@{DOMAIN}'))
        self.assertRegex(self.post(f'ant-admin-owner@{DOMAIN}'), taken(f'ant-admin-owner@{DOMAIN}'))
        self.assertRegex(self.post(f'ant-owner@{DOMAIN}'), taken(f'ant-owner@{DOMAIN}'))
        self.daemon.run('remove', f'ant-admin@{DOMAIN}')
        self.assertRegex(self.post(f'ant-admin@{DOMAIN}'), taken(f'ant-admin@{DOMAIN}'))

    def test_the_reverse(self):
        self.create('bee-request')
        self.assertIn('bee-request', self.refused(f'bee@{DOMAIN}'))
        bee = self.create('bee', options=['--force'])
        self.assertRegex(self.post(bee), accepted(bee))
        self.assertRegex(self.post(f'bee-request@{DOMAIN}'), accepted(f'bee-request@{DOMAIN}'))

    def test_in_another_domain_they_are_free(self):
        self.create('ant-owner@other.example.com')
        self.assertRegex(self.post('ant-owner@other.example.com'), accepted('ant-owner@other.example.com'))
        self.assertRegex(self.post('ant@other.example.com'), UNKNOWN)

    def test_reserved_and_impossible_names(self):
        for name in ('postmaster', 'abuse', 'mailer-daemon', 'MAILER-Daemon', 'noreply', 'no-reply', 'a b', 'a+b', '_a', '', 'x' * 51, 'a/b', '"a b"', 'a"b'):
            with self.subTest(name):
                self.refused(f'{name}@{DOMAIN}')
        self.refused('ant')
        self.refused(self.ant)
        self.refused('ant@[127.0.0.1]')
        self.refused('-D', 'ant@new.example.com')

    def test_plus_is_the_posting_address(self):
        for local in ('ant+x', 'ant+', 'ANT+owner', 'ant+a+b', 'ant+x-owner'):
            with self.subTest(local):
                self.assertRegex(self.post(f'{local}@{DOMAIN}'), accepted(self.ant))

    def test_case(self):
        for address in (f'ANT@{DOMAIN.upper()}', f'aNt@{DOMAIN.title()}'):
            self.assertRegex(self.post(address), accepted(self.ant))
        self.assertRegex(self.post(f'ANT-REQUEST@{DOMAIN}'), taken(f'ANT-REQUEST@{DOMAIN}'))
        mixed = self.create(f'MiXed@{DOMAIN.upper()}')
        self.assertRegex(self.post(mixed), accepted(f'mixed@{DOMAIN}'))

    def test_utf8_local_parts(self):
        """Composed or not, in any case; not without SMTPUTF8."""
        self.create('grün')
        for local in ('grün', 'GRÜN', 'gru\u0308n', '"grün"', 'grün+x'):
            with self.subTest(local):
                self.assertRegex(self.post(f'{local}@{DOMAIN}', mail=' SMTPUTF8'), rf'^250 2\.6\.0 {ID} accepted for gr\?n@lists\.example\.com$')
        self.assertRegex(self.post(f'grün@{DOMAIN}'), r'^553 5\.6\.7 that address needs SMTPUTF8$')
        self.assertRegex(self.post(f'grün-request@{DOMAIN}', mail=' SMTPUTF8'), r'^250 2\.6\.0 \S+ taken for gr\?n-request@')
        self.assertRegex(self.post(f'grun@{DOMAIN}', mail=' SMTPUTF8'), UNKNOWN)

    def test_idn_domains(self):
        self.create('ant@bücher.example')
        for domain in ('xn--bcher-kva.example', 'XN--BCHER-KVA.EXAMPLE', 'bücher.example', 'BÜCHER.example'):
            with self.subTest(domain):
                self.assertRegex(self.post(f'ant@{domain}', mail=' SMTPUTF8'), accepted('ant@xn--bcher-kva.example'))
        self.assertRegex(self.post('ant@xn--bcher-kva.example'), accepted('ant@xn--bcher-kva.example'))

    def test_removed_lists_and_domains(self):
        gone = self.create('ant@gone.example.com')
        self.assertRegex(self.post(gone), accepted(gone))
        self.daemon.run('remove', gone)
        self.assertRegex(self.post(gone), UNKNOWN)
        self.daemon.run('deldomain', 'gone.example.com')
        self.assertRegex(self.post('postmaster@gone.example.com'), UNKNOWN)
        self.create('ant@gone.example.com')
        self.assertRegex(self.post(gone, sender=MEMBER), accepted(gone))
