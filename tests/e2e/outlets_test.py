"""Several outlets, and several next hops of one: lists go where they are told, one that is slow or gone holds up no other, and everybody gets one copy."""
import collections
import json
import os
import shutil
import unittest

from lib import certificates, events
from lib.fanout import LIST, Fanout, Gate, addresses
from lib.lmtp import Client
from lib.sink import Do, Sink

BEE = 'bee@lists.example.com'


class Sinks(Fanout):
    """`self.sinks`: this many, of which `self.sink` is the first."""
    COUNT = 2
    COURIER = {'retry_first': '1s', 'retry_max': '1s', 'connections': 4}

    def setUp(self):
        self.others = [Sink() for _ in range(1, self.COUNT)]
        self.CONFIG = self.config()
        for sink in self.others:
            self.addCleanup(sink.stop)
        super().setUp()
        self.sinks = [self.sink, *self.others]
        for sink in self.others:  # before the daemon ends, as with the first one
            self.addCleanup(sink.stop)

    def config(self):
        return {}

    def copies(self, code):
        first, total = self.sink, collections.Counter()
        for self.sink in self.sinks:
            total += super().copies(code)
        self.sink = first
        return total

    def check_sink(self):
        self.assertEqual([sink.violations for sink in self.sinks], [[] for _ in self.sinks])

    def status(self):
        return json.loads(self.daemon.run('status', '--json'))['next_hops']

    def wait_status(self, hop, **wanted):
        """Until the next hop's line has these values; whatever it waits for is logged."""
        def found():
            return [line for line in self.status() if line['hop'] == hop and all(line[key] == value for key, value in wanted.items())]
        return self.daemon.wait_for(found, what=f'{hop} was to be {wanted}')[0]

    def name(self, sink):
        return f'127.0.0.1:{sink.port}'


class PerList(Sinks):
    """[outlet] and [outlet relay]: LIST by the first, BEE by the other."""

    def config(self):
        return {'outlet relay': {'host': '127.0.0.1', 'port': self.others[0].port}}

    def setUp(self):
        super().setUp()
        self.relay = self.sinks[1]
        self.people = self.add_members(3)
        self.make_list(BEE)
        self.bees = self.add_members(addresses(2, name='bee'), to=BEE)
        self.daemon.run('set', BEE, 'outlet=relay')

    def test_each_goes_its_way(self):
        ant, bee = self.post(), self.post(to=BEE)
        self.account(ant, sent=self.people)
        self.account(bee, sent=self.bees)
        self.assertEqual(sorted(self.sink.recipients()), self.people)
        self.assertEqual(sorted(self.relay.recipients()), self.bees)

    def test_owners_mail_too(self):
        self.add_members(['owner@example.net'], '--role', 'owner', to=BEE)
        self.post_owner()
        self.relay.wait_recipients(1)
        self.assertEqual(self.relay.recipients(), ['owner@example.net'])

    def post_owner(self):
        with Client(self.daemon.port) as client:
            client.lhlo()
            reply = client.deliver('eve@example.org', ['bee-owner@lists.example.com'], b'From: eve@example.org\r\nSubject: x\r\n\r\nx\r\n')[0]
        self.assertEqual(reply.code, 250, reply)

    def test_a_section_that_there_is_not(self):
        done = self.daemon.cli('set', LIST, 'outlet=relais')
        self.assertEqual(done.code, 1)
        self.assertIn('no section [outlet relais]', done.err)
        self.assertIn('it has [outlet relay]', done.err)
        self.assertIn(self.daemon.conf, done.err)
        self.assertEqual(self.daemon.run('show', LIST, 'outlet'), '\n')

    def test_what_waits_follows(self):
        """At once, and back again: chunks, recipients refused for now, and the rest of the roster."""
        self.sink.stop()
        codes = [self.post(), self.post()]
        self.daemon.wait_log(event='outlet not reached')
        self.daemon.run('set', LIST, 'outlet=relay')
        for code in codes:
            self.account(code, sent=self.people)
        self.assertEqual(self.sink.recipients(), [])
        self.relay.on['RCPT'] = lambda session, rcpt: '450 4.2.1 not by me'
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code, deferred=3)
        self.sink.start()
        self.daemon.run('set', LIST, 'outlet=')
        self.account(code, sent=self.people)
        self.assertEqual(sorted(self.sink.recipients()), self.people)

    def test_one_that_hangs_holds_up_no_other(self):
        """All that the relay may have hangs, and more waits for it."""
        gate = self.relay.on['DOT'] = Gate()
        bees = [self.post(to=BEE) for _ in range(6)]
        gate.wait(2)
        for _ in range(6):
            self.account_others(self.post())
        gate.open()
        for code in bees:
            self.account(code, sent=self.bees)

    def account_others(self, code):
        """As account(), while something else is still on its way."""
        self.daemon.wait_for(lambda: self.number("SELECT count(*) FROM delivery JOIN posting ON posting.id = posting_id WHERE code = ? AND delivery.state = 2", code) == 1)
        self.assertEqual(self.copies(code), dict.fromkeys(self.people, 1))

    def test_one_that_is_down_holds_up_no_other(self):
        self.relay.stop()
        bee = self.post(to=BEE)
        line = self.daemon.wait_log(event='outlet not reached')
        self.assertEqual(line['outlet'], 'relay')
        for _ in range(6):
            self.account_others(self.post())
        self.assertEqual(self.daemon.log_lines(event='outlet not reached', outlet=f'smtp {self.name(self.sink)}'), [])
        self.relay.start()
        self.daemon.run('retry')
        self.account(bee, sent=self.bees)

    def test_what_is_shown(self):
        self.relay.stop()
        self.post(to=BEE)
        self.daemon.wait_log(event='outlet not reached')
        up, down = self.status()
        self.assertEqual((up['outlet'], up['hop'], up['up'], up['down_since'], up['error'], up['window']), ('', self.name(self.sink), True, '', '', 2))
        self.assertEqual((down['outlet'], down['hop'], down['up'], down['connections']), ('relay', self.name(self.relay), False, 0))
        self.assertIn('refused', down['error'])
        self.assertRegex(down['down_since'] + down['next_try'], r'^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ){2}$')
        text = self.daemon.run('status')
        self.assertRegex(text, rf'(?m)^next_hop +{self.name(self.sink)} of \[outlet\]: up, window 2, connections 0$')
        self.assertRegex(text, rf'(?m)^next_hop +{self.name(self.relay)} of \[outlet relay\]: down since \S+ \S+, next try \S+ \S+: .*refused')
        queue = self.daemon.run('queue')
        self.assertRegex(queue, r'(?m)^deliveries +1 ')
        self.assertRegex(queue, r'(?m)^outlet:relay +1 ')
        self.assertRegex(queue, rf'(?m)^next-hop +1 +{self.name(self.relay)} of \[outlet relay\]: down since .*refused')
        names = [row['queue'] for row in json.loads(self.daemon.run('queue', '--json'))]
        self.assertIn('outlet:relay', names)
        self.assertEqual(names.count('next-hop'), 1)
        self.relay.start()

    def test_a_section_that_goes(self):
        """What was for it goes by the default outlet, what comes later too, and there is one alarm."""
        self.relay.stop()
        waiting = self.post(to=BEE)
        self.daemon.wait_log(event='outlet not reached')
        del self.daemon.settings['outlet relay']
        self.daemon.configure({})
        self.daemon.reload()
        self.account(waiting, sent=self.bees)
        self.account(self.post(to=BEE), sent=self.bees)
        alarms = self.daemon.log_lines(event='copies for an outlet that is not configured go by [outlet]')
        self.assertEqual([line['outlet'] for line in alarms], ['relay'])
        self.assertEqual(sorted(self.sink.recipients()), sorted(self.bees * 2))

    def test_a_section_that_went_while_the_server_was_stopped(self):
        self.relay.stop()
        waiting = self.post(to=BEE)
        self.daemon.wait_log(event='outlet not reached')
        self.daemon.stop()
        del self.daemon.settings['outlet relay']
        self.daemon.configure({})
        self.daemon.start()
        self.daemon.wait_log(event='copies for an outlet that is not configured go by [outlet]', outlet='relay')
        self.account(waiting, sent=self.bees)

    def test_a_section_that_comes(self):
        """The reload sees keys and sections of all outlets."""
        third = Sink()
        self.addCleanup(third.stop)
        self.sinks.append(third)
        self.daemon.configure({'outlet third': {'port': third.port}})
        self.daemon.reload()
        self.daemon.wait_log(event='courier begins anew with the new options')
        self.daemon.run('set', LIST, 'outlet=third')
        self.account(self.post(), sent=self.people)
        self.assertEqual(sorted(third.recipients()), self.people)
        self.daemon.configure({'outlet third': {'port': self.relay.port}})
        self.daemon.reload()
        self.daemon.wait_log(event='courier begins anew with the new options', count=2)
        self.account(self.post(), sent=self.people)
        self.assertEqual(sorted(self.relay.recipients()), self.people)

    def test_more_connections_than_there_may_be(self):
        self.daemon.configure({'courier': {'connections': 64}})
        self.daemon.restart()
        line = self.daemon.wait_log(event='the outlets have fewer connections than configured')
        self.assertEqual((line['configured'], line['most']), ('128', '64'))
        self.account(self.post(to=BEE), sent=self.bees)

    def test_a_maildir_beside(self):
        self.daemon.configure({'outlet disk': {'type': 'maildir', 'path': 'copies'}})
        self.daemon.reload()
        self.daemon.wait_log(event='courier begins anew with the new options')
        self.daemon.run('set', LIST, 'outlet=disk')
        ant, bee = self.post(), self.post(to=BEE)
        self.wait_done()
        self.assertEqual(len(os.listdir(os.path.join(self.daemon.state, 'copies', 'new'))), 3)
        self.assertEqual({fate.state for fate in self.ledger(ant).values()}, {'sent'})
        self.account(bee, sent=self.bees)


class NextHops(Sinks):
    """Three next hops of one outlet. Two pieces of work at a time each, at first."""
    COUNT = 3

    def config(self):
        return {'outlet': {'host': ', '.join(['127.0.0.1', *(f'127.0.0.1:{sink.port}' for sink in self.others)])}}

    def reached_by_others(self):
        self.assertEqual(self.daemon.log_lines(event='outlet not reached'), [])

    def test_shared_out(self):
        people = self.add_members(6000)
        self.account(self.post(), sent=people)
        counts = [len(sink.messages) for sink in self.sinks]
        self.assertEqual(sum(counts), 12)
        self.assertGreater(min(counts), 0, counts)
        self.assertEqual({line['hop'] for line in self.status()}, {self.name(sink) for sink in self.sinks})

    def test_small_postings_take_turns(self):
        people = self.add_members(2)
        for _ in range(6):
            self.account(self.post(), sent=people)
        self.assertEqual([len(sink.messages) for sink in self.sinks], [2, 2, 2])

    def test_one_is_down(self):
        people = self.add_members(3000)
        self.sinks[1].stop()
        ledger = self.account(self.post(), sent=people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {1})
        self.daemon.wait_log(event='next hop not reached', hop=self.name(self.sinks[1]))
        self.reached_by_others()
        self.assertFalse(self.wait_status(self.name(self.sinks[1]), up=False)['connections'])
        self.sinks[1].start()
        self.daemon.run('retry')
        for _ in range(3):
            self.account(self.post(), sent=people)
        self.daemon.wait_log(event='next hop reached again', hop=self.name(self.sinks[1]))
        self.assertGreater(len(self.sinks[1].messages), 0)

    def test_one_hangs(self):
        """It holds what it got at first; all else goes by the others."""
        people = self.add_members(3000)
        gate = self.sinks[1].on['CONNECT'] = Gate()
        first = self.post()
        gate.wait()
        codes = [first, *(self.post() for _ in range(3))]
        self.daemon.wait_for(lambda: len(self.sinks[0].messages) + len(self.sinks[2].messages) + len(gate.held) >= 4 * 6, what='all else was to go by the others')
        self.assertLessEqual(len(gate.held), 2)
        self.assertEqual(self.sinks[1].messages, [])
        gate.open()
        for code in codes:
            self.account(code, sent=people)

    def test_one_is_busy(self):
        """421 as greeting, always: nobody has to wait for that."""
        people = self.add_members(3000)
        self.sinks[1].on['CONNECT'] = lambda session, argument: Do('421 4.3.2 too busy', 'close')
        ledger = self.account(self.post(), sent=people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {1})
        self.assertIn('421 4.3.2 too busy', self.daemon.wait_log(event='next hop not reached', hop=self.name(self.sinks[1]))['error'])
        self.reached_by_others()

    def test_one_breaks_every_connection(self):
        """What it leaves goes to another at once: nobody is tried later."""
        people = self.add_members(3000)
        for hook in 'MAIL', 'RCPT', 'DATA':
            with self.subTest(hook=hook):
                self.sinks[1].on = {hook: lambda session, argument: Do(then='close')}
                ledger = self.account(self.post(), sent=people)
                self.assertEqual({fate.attempts for fate in ledger.values()}, {1})
                self.assertEqual(self.number('SELECT max(attempts) FROM chunk'), 0)

    def test_unanswered_dots_go_nowhere_else(self):
        """Nobody knows what became of those: they are tried later, not at another next hop at once."""
        people = self.add_members(4)
        self.sinks[0].on['DOT'] = lambda session, mail: Do(then='close')
        codes = [self.post() for _ in range(3)]
        self.daemon.wait_log(event='copies handed over', deferred=4)
        self.assertEqual(len(self.sinks[0].failed) + len(self.sinks[0].messages), 1)
        self.sinks[0].on.clear()
        for code in codes:
            self.account(code, sent=people)

    def test_all_down(self):
        people = self.add_members(3000)
        for sink in self.sinks:
            sink.stop()
        code = self.post()
        self.daemon.wait_log(event='outlet not reached')
        self.assertEqual({line['up'] for line in self.status()}, {False})
        self.assertGreater(json.loads(self.daemon.run('status', '--json'))['outlet_down_seconds'], -1)
        self.sinks[2].start()
        self.daemon.run('retry')
        self.daemon.wait_log(event='outlet reached again')
        ledger = self.account(code, sent=people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {1})
        for sink in self.sinks[:2]:
            sink.start()

    def test_bad_names(self):
        for host, words in (('', 'no next hop'), ('127.0.0.1, 127.0.0.1', 'twice'), ('127.0.0.1:0', '127.0.0.1:0'), ('/run/smtp.sock', '/run/smtp.sock'),
                            ('a b', 'a b'), (', '.join(f'h{n}' for n in range(17)), '16')):
            with self.subTest(host=host):
                self.daemon.configure({'outlet relay': {'host': host}})
                since = len(self.daemon.lines)
                self.daemon.reload()
                line = self.daemon.wait_log(since, event='reload refused, nothing changed')
                self.assertIn('[outlet relay] host: ', line['error'])
                self.assertIn(words, line['error'])


class Limits(Fanout):
    """A server that takes two connections at a time, and says 421 to a third."""
    COURIER = {'retry_first': '1s', 'connections': 4}

    def test_it_is_not_down(self):
        self.open_window(4)
        people = self.add_members(5000)
        since, most = len(self.daemon.lines), []

        def at_most_two(session, argument):
            count = len(self.sink.open_sessions)
            most.append(count)
            return Do('421 4.7.0 too many connections', 'close') if count > 2 else None
        self.sink.on['CONNECT'] = at_most_two
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait(2)
        events.wait_for(lambda: max(most) > 2, what='a third connection was to be tried')
        gate.open()
        ledger = self.account(code, sent=people)
        self.assertEqual({fate.attempts for fate in ledger.values()}, {1})
        self.assertEqual(self.daemon.log_lines(since, event='outlet not reached'), [])


class Passwords(Fanout):
    """What the files hold is read for each connection; a reload closes those that are open."""

    def setUp(self):
        super().setUp()
        self.sink.users, self.sink.required = {'ant': 'first'}, True
        self.path = os.path.join(self.daemon.state, 'password')
        self.write('first')
        self.daemon.configure({'outlet': {'user': 'ant', 'password_file': 'password'}})
        self.daemon.restart()
        self.people = self.add_members(2)

    def write(self, password, mode=0o600):
        with open(self.path, 'w', encoding='utf-8') as file:
            file.write(password + '\nnot this\n')
        os.chmod(self.path, mode)

    def test_changed(self):
        self.account(self.post(), sent=self.people)
        self.sink.users = {'ant': 'second'}
        self.write('second')
        self.daemon.reload()
        self.daemon.wait_log(event='reloaded')
        events.wait_for(lambda: not self.sink.open_sessions, what='the connection with the old password was to be closed')
        self.account(self.post(), sent=self.people)
        self.assertEqual(len(self.sink.sessions), 2)

    def test_everybody_can_read_it(self):
        self.write('first', 0o644)
        self.account(self.post(), sent=self.people)
        for session in self.sink.open_sessions:
            session.end()
        self.account(self.post(), sent=self.people)
        lines = self.daemon.log_lines(event='everybody on this machine can read a password')
        self.assertEqual([line['file'] for line in lines], [self.path])

    def test_missing(self):
        os.remove(self.path)
        self.daemon.restart()
        line = self.daemon.wait_log(event='a file of an outlet cannot be read: its mail will wait')
        self.assertEqual((line['level'], line['key'], line['file']), ('error', '[outlet] password_file', self.path))
        code = self.post()
        line = self.daemon.wait_log(event='the outlet refuses us')
        self.assertIn('[outlet] password_file: ', line['error'])
        self.write('first')
        self.daemon.reload()
        self.account(code, sent=self.people)

    def test_no_password_for_a_user(self):
        for keys, word in (({'user': 'ant', 'password_file': ''}, '[outlet] user'), ({'user': '', 'password_file': 'password'}, '[outlet] password_file')):
            with self.subTest(word=word):
                since = len(self.daemon.lines)
                self.daemon.configure({'outlet': keys})
                self.daemon.reload()
                self.assertIn(word, self.daemon.wait_log(since, event='reload refused, nothing changed')['error'])



class Certificates(Sinks):
    """Two next hops with certificates for 127.0.0.1, which is what each is called in `host`."""

    def setUp(self):
        super().setUp()
        for sink in self.sinks:
            sink.tls = 'starttls'
            sink.certificate, sink.key = certificates.of('server')
        self.path = os.path.join(self.daemon.state, 'ca.pem')
        self.trust('ca')
        self.daemon.configure({'outlet': {'host': f'127.0.0.1, 127.0.0.1:{self.others[0].port}', 'tls': 'starttls', 'tls_ca_file': 'ca.pem'}})
        self.daemon.restart()
        self.people = self.add_members(1)

    def trust(self, kind):
        shutil.copyfile(certificates.of(kind).certificate, self.path)

    def test_each_by_its_name(self):
        for _ in range(2):
            self.account(self.post(), sent=self.people)
        self.assertEqual([len(sink.messages) for sink in self.sinks], [1, 1])
        self.assertEqual({verb for sink in self.sinks for session in sink.sessions for verb in session.commands[:2]}, {'EHLO lists.example.com', 'STARTTLS'})

    def test_read_anew_by_a_reload(self):
        """Connections that are open are closed, since what let them in may hold no more."""
        self.account(self.post(), sent=self.people)
        self.trust('other-ca')
        self.daemon.reload()
        self.daemon.wait_log(event='reloaded')
        code = self.post()
        line = self.daemon.wait_log(event='the outlet refuses us', count=2)
        self.assertIn('127.0.0.1', line['error'])
        self.daemon.wait_log(event='outlet not reached')
        self.assertEqual(self.copies(code), {})
        self.trust('ca')
        self.daemon.reload()
        self.account(code, sent=self.people)

    def test_a_file_that_there_is_not(self):
        os.remove(self.path)
        self.daemon.restart()  # is no error by itself: it is read when it is needed
        line = self.daemon.wait_log(event='a file of an outlet cannot be read: its mail will wait')
        self.assertEqual((line['key'], line['file']), ('[outlet] tls_ca_file', self.path))
        code = self.post()
        self.assertIn(f'[outlet] tls_ca_file: {self.path}: ', self.daemon.wait_log(event='the outlet refuses us')['error'])
        self.trust('ca')
        self.daemon.reload()
        self.account(code, sent=self.people)

    def test_a_file_that_is_none(self):
        with open(self.path, 'w', encoding='ascii') as file:
            file.write('no certificate\n')
        self.daemon.restart()
        code = self.post()
        self.assertRegex(self.daemon.wait_log(event='the outlet refuses us')['error'], rf'^\[outlet\] tls: .*{self.path}')
        self.trust('ca')
        self.daemon.reload()
        self.account(code, sent=self.people)

    def test_a_name_for_all(self):
        self.daemon.configure({'outlet': {'tls_name': 'elsewhere.example'}})
        self.daemon.reload()
        self.daemon.wait_log(event='courier begins anew with the new options')
        code = self.post()
        self.assertIn('elsewhere.example', self.daemon.wait_log(event='the outlet refuses us')['error'])
        for sink in self.sinks:
            sink.certificate, sink.key = certificates.of('wrong-name')
        self.daemon.run('retry')
        self.account(code, sent=self.people)


if __name__ == '__main__':
    unittest.main()
