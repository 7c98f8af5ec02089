"""Personal and mixed copies on their way while the server is killed, and while lists, members and outlets change: everybody has a copy, all copies are the same, twice gets
only who was in flight at a crash, and the ledger explains everybody."""
import collections
import re
import unittest

from lib import events
from lib.fanout import LIST, Fanout, Gate, addresses
from lib.sink import Do, Sink

DOMAIN = 'big.example'
CONNECTIONS = 3
BATCH, PERSONAL = 500, 50  # members in flight on a connection
MIXED = [f'm{number:05}@{DOMAIN if number % 3 == 0 else "example.net"}' for number in range(2000)]


class Changing(Fanout):
    COURIER = {'connections': CONNECTIONS, 'personal_domains': DOMAIN, 'retry_first': '1s', 'retry_max': '1s'}

    def set(self, *settings):
        self.daemon.run('set', LIST, *settings)

    def mails(self, code):
        mark = re.compile(rb'\sid\s+' + code.encode() + rb'\s')
        with events.changed:
            return [mail for mail in self.sink.messages if mark.search(mail.header)]

    def hold_after(self, count):
        """Holds back what comes after so many messages."""
        gate = Gate()
        self.sink.on['DOT'] = lambda session, mail: gate(session, mail) if len(self.sink.messages) >= count else None
        return gate

    def crash(self, messages):
        """Kills the server when the sink has taken so many messages, and others are waiting for its answer, which nobody hears."""
        gate = self.hold_after(messages)
        gate.wait()
        self.daemon.kill()
        gate.open()
        self.sink.on.clear()
        self.daemon.start()

    def account_crashed(self, code, people, twice):
        """Everybody has a copy, and at most `twice` are too many."""
        self.wait_done()
        copies, ledger = self.copies(code), self.ledger(code)
        self.assertEqual(set(copies), set(people))
        self.assertLessEqual(sum(copies.values()) - len(people), twice)
        self.assertEqual({address: fate.state for address, fate in ledger.items()}, {address: 'sent' for address in people})
        self.assertEqual(len({mail.octets for mail in self.mails(code)}), 1, 'all copies are the same')


class Killed(Changing):
    def test_personal(self):
        people = self.add_members(2000)
        self.set('personal=always')
        code = self.post()
        self.crash(600)
        self.account_crashed(code, people, CONNECTIONS * PERSONAL)

    def test_mixed(self):
        self.add_members(MIXED)
        code = self.post()
        self.crash(300)
        self.account_crashed(code, MIXED, CONNECTIONS * BATCH)

    def test_three_times(self):
        """At the third start what was in progress at the two crashes before is run alone, also the chunks of the other shape that wait."""
        self.add_members(MIXED)
        code = self.post()
        for messages in (1, 1, 300):
            self.crash(len(self.sink.messages) + messages)
        self.account_crashed(code, MIXED, 3 * CONNECTIONS * BATCH)
        self.assertEqual(self.daemon.log_lines(event='a delivery is set aside: the process died each time it was tried'), [])

    def test_while_refused_ones_wait(self):
        """Refused members of both shapes have rows of their own, and are in flight again at the crash."""
        self.add_members(MIXED[:600])
        refused = [True]
        self.sink.on['RCPT'] = lambda session, path: '450 4.2.1 later' if refused[0] else None
        code = self.post()
        self.daemon.wait_for(lambda: self.number('SELECT count(*) FROM recipient') == 600, what='all were to be refused')
        refused[0] = False
        self.crash(20)
        self.account_crashed(code, MIXED[:600], CONNECTIONS * BATCH)

    def test_settings_change_at_the_crash(self):
        """The header was stored with the first chunk: whatever the list says by then, the rest gets the same."""
        people = self.add_members(400)
        self.set('personal=always')
        code = self.post()
        gate = self.hold_after(200)
        gate.wait()
        self.set('subject_prefix=[new] ', 'description=new', 'personal=never')
        self.daemon.kill()
        gate.open()
        self.sink.on.clear()
        self.daemon.start()
        self.account_crashed(code, people, CONNECTIONS * PERSONAL)


class Changed(Changing):
    """Nobody gets two: nothing crashes."""

    def in_the_middle(self, people, change, sent=None, twice=0):
        self.add_members(people)
        code = self.post()
        gate = self.hold_after(3)
        gate.wait()
        change()
        gate.open()
        self.account(code, sent=people if sent is None else sent, twice=twice)
        return code

    def test_personal_by_reload(self):
        def change():
            self.daemon.configure({'courier': {'personal_domains': 'example.net'}})
            self.daemon.reload()
        self.in_the_middle(MIXED, change)
        self.daemon.wait_log(event='courier begins anew with the new options')

    def test_never(self):
        self.in_the_middle(MIXED, lambda: self.set('personal=never'))

    def test_always(self):
        self.in_the_middle(MIXED, lambda: self.set('personal=always'))

    def test_to_and_fro(self):
        def change():
            self.set('personal=always')
            self.set('personalize=full')
            self.set('personalize=none', 'personal=auto')
        self.in_the_middle(MIXED, change)

    def test_a_removed_list(self):
        """Nobody gets anything who was not in flight, and everybody's story says why."""
        self.add_members(MIXED)
        code = self.post()
        gate = self.hold_after(3)
        gate.wait()
        self.daemon.run('remove', LIST)
        gate.open()
        self.wait_done()
        copies = self.copies(code)
        self.assertEqual(set(copies.values()), {1})
        self.assertLessEqual(len(copies), CONNECTIONS * BATCH)
        self.assertEqual(set(self.ledger(code)), set(copies))
        without = [address for address in MIXED if address not in copies]
        for address in (without[0], without[len(without) // 2], without[-1]):
            fate = self.ledger(code, address)[address]
            self.assertEqual((fate.state, fate.reply), ('passed over', 'the list was removed before its turn'))

    def test_a_member_between_claim_and_retry(self):
        """Claimed, not sent, and waiting: one leaves, one is switched off, one moves; the others and the one that moved get it."""
        people = self.add_members(100)
        self.set('personal=always')
        gate = Gate()

        def act(session, path):
            gate(session, path)
            return Do(then='close')
        self.sink.on['MAIL'] = act
        code = self.post()
        gate.wait(2)
        gone, off, moved = people[5], people[60], people[7]
        self.daemon.run('delmembers', '-l', LIST, '-m', gone)
        self.daemon.run('member', LIST, off, 'delivery_status=by_user')
        self.daemon.run('changeaddress', moved, 'moved@example.org')
        gate.open()
        self.daemon.wait_log(event='copies handed over', again=50, count=2)
        self.sink.on.clear()
        self.account(code, sent=[one for one in people if one not in (gone, off, moved)] + ['moved@example.org'])
        for address in (gone, off):
            self.assertEqual(self.ledger(code, address)[address].state, 'passed over')

    def test_a_refused_member(self):
        """The same with rows of their own."""
        people = self.add_members(10)
        self.daemon.configure({'courier': {'retry_first': '1h', 'retry_max': '1h'}})
        self.daemon.restart()
        self.sink.on['RCPT'] = lambda session, path: '450 4.2.1 later'
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code, deferred=10)
        self.sink.on.clear()
        gone, off, moved = people[:3]
        self.daemon.run('delmembers', '-l', LIST, '-m', gone)
        self.daemon.run('member', LIST, off, 'delivery_status=by_user')
        self.daemon.run('changeaddress', moved, 'moved@example.org')
        self.assertEqual(self.daemon.run('retry'), '10 due now\n')
        self.wait_done()
        self.assertEqual(self.copies(code), collections.Counter(people[3:] + ['moved@example.org']))
        fates = {address: fate.state for address, fate in self.ledger(code).items()}
        self.assertEqual(fates, {**dict.fromkeys(people[3:] + ['moved@example.org'], 'sent'), gone: 'left', off: 'left'})


class Retried(Fanout):
    COURIER = {'connections': CONNECTIONS, 'retry_first': '1h', 'retry_max': '1h'}

    def test_retry_ends_while_all_are_refused_again(self):
        """The command makes due what waits when it is called, not what is refused meanwhile."""
        people = self.add_members(1000)
        self.daemon.run('set', LIST, 'personal=always')
        self.sink.on['RCPT'] = lambda session, path: '450 4.2.1 later'
        code = self.post()
        self.daemon.wait_for(lambda: self.number('SELECT count(*) FROM recipient') == 1000, what='all were to be refused')
        for _ in range(3):
            self.daemon.run('retry', seconds=30)
        self.sink.on.clear()
        self.daemon.run('retry')
        self.account(code, sent=people)


class Rerouted(Changing):
    """From the default outlet to another in the middle, by the list's setting, and back."""

    def setUp(self):
        self.relay = Sink()
        self.addCleanup(self.relay.stop)
        self.CONFIG = {'outlet relay': {'host': '127.0.0.1', 'port': self.relay.port}}
        super().setUp()
        self.addCleanup(self.relay.stop)

    def copies(self, code):
        first, total = self.sink, collections.Counter()
        for self.sink in (first, self.relay):
            total += super().copies(code)
        self.sink = first
        return total

    def test_in_the_middle(self):
        self.add_members(MIXED)
        code = self.post()
        gate = self.hold_after(3)
        gate.wait()
        self.set('outlet=relay')
        events.wait_for(lambda: len(self.relay.messages) >= 10, what='the relay was to get copies')
        self.set('outlet=')
        gate.open()
        self.account(code, sent=MIXED)
        self.assertEqual(len({mail.octets for sink in (self.sink, self.relay) for mail in sink.messages}), 1)

    def test_a_crash_with_work_of_both(self):
        self.add_members(MIXED)
        code = self.post()
        gate = self.hold_after(3)
        gate.wait()
        slow = self.relay.on['DOT'] = Gate()
        self.set('outlet=relay')
        slow.wait()
        self.daemon.kill()
        gate.open()
        slow.open()
        self.sink.on.clear()
        self.relay.on.clear()
        self.daemon.start()
        self.wait_done()
        copies = self.copies(code)
        self.assertEqual(set(copies), set(MIXED))
        self.assertLessEqual(sum(copies.values()) - len(MIXED), 2 * CONNECTIONS * BATCH)
        self.assertEqual({fate.state for fate in self.ledger(code).values()}, {'sent'})


class Large(Changing):
    """One huge posting of a large list: bounded memory, and a small list is not held up."""
    COURIER = {'connections': CONNECTIONS, 'max_in_flight': '64M'}

    def test_a_megabyte_for_five_thousand(self):
        other = 'bee@lists.example.com'
        large = self.add_members(5000)
        self.make_list(other)
        small = self.add_members(addresses(3, name='small'), to=other)
        gate = self.sink.on['DOT'] = Gate()
        first = self.post(self.huge())
        gate.wait(1)
        second = self.post(to=other)
        gate.wait(2)
        self.assertEqual([mail.addresses for mail in gate.held[1:]], [small], 'the large list has enough in flight with one piece')
        gate.open()
        self.account(second, sent=small)
        self.account(first, sent=large)

    def huge(self):
        return (f'From: a@example.org\r\nTo: {LIST}\r\nSubject: huge\r\nMessage-ID: <huge@example.org>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n'.encode()
                + (b'x' * 70 + b'\r\n') * 15000)


if __name__ == '__main__':
    unittest.main()
