"""`ledger`, `queue` and `retry` beside a fan-out at every stage: waiting, being sent, put off, sent, failed, left."""
import json
import unittest

from lib.fanout import LIST, Fanout, Gate, addresses


class Ledger(Fanout):
    COURIER = {'connections': 1, 'retry_first': '1h'}

    def state(self, code, address):
        fates = self.ledger(code, address)
        self.assertLessEqual(set(fates), {address})
        return fates[address].state if fates else None

    def test_stages_of_a_fan_out(self):
        people = self.add_members(700)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait()
        late = self.add_members(['late@example.net'])[0]
        self.assertEqual([self.state(code, one) for one in (people[0], people[499], people[500], people[699], late, 'stranger@example.net')],
                         ['sending', 'sending', 'waiting', 'waiting', None, None])
        self.assertRegex(self.daemon.run('queue'), r'(?m)^deliveries +1 ')
        gate.open()
        self.account(code, sent=people)
        self.assertEqual(self.ledger(code, people[3].upper())[people[3]].state, 'sent')
        self.assertNotRegex(self.daemon.run('queue'), r'(?m)^deliveries +[1-9]')

    def test_lines_for_people(self):
        people = self.add_members(['ann@example.net', 'bob@example.net', 'carl@example.net'])
        self.sink.on['RCPT'] = lambda session, rcpt: {'ann@example.net': '450 4.2.1 busy', 'bob@example.net': '550 5.1.1 gone'}.get(rcpt.address)
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code)
        time = r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d'
        lines = sorted(self.daemon.run('ledger', code).splitlines())
        self.assertEqual(len(lines), 3)
        for line, address, state, reply in zip(lines, people, ('deferred', 'failed', 'sent'), ('450 4.2.1 busy', '550 5.1.1 gone', '250 2.0.0 caught')):
            self.assertRegex(line, f'^{address}  {state}  {time}  {reply}$')
        self.assertEqual(self.daemon.run('ledger', code, 'bob@example.net').splitlines(), lines[1:2])
        self.assertEqual(self.daemon.run('ledger', code, 'eve@example.net'), 'nothing for eve@example.net so far; the posting is on its way\n')

    def test_who_left_keeps_the_line(self):
        people = self.add_members(3)
        code = self.post()
        self.account(code, sent=people)
        self.daemon.run('delmembers', '-l', LIST, '-m', people[0])
        self.assertEqual(self.state(code, people[0]), 'sent')
        self.daemon.run('addmembers', '-W', '-', LIST, stdin=people[0])
        self.assertEqual(self.state(code, people[0]), 'sent')

    def test_digest_members_are_counted(self):
        self.add_members(addresses(3, name='digest'), '-d', 'mime')
        people = self.add_members(2)
        code = self.post()
        self.account(code, sent=people)
        self.assertIn('passed over: 3 digest members', self.daemon.run('ledger', code))

    def test_unknown_posting(self):
        for words in (['nosuchpost12'], ['nosuchpost12', 'ann@example.net']):
            done = self.daemon.cli('ledger', *words)
            self.assertEqual((done.code, done.out), (1, ''))
            self.assertIn('nosuchpost12', done.err)

    def test_held_posting(self):
        self.daemon.run('set', LIST, 'default_nonmember_action=hold')
        self.add_members(2)
        with self.assertRaisesRegex(AssertionError, 'held for the moderators'):
            self.post()
        code = self.daemon.run('held', LIST).split()[0]
        self.assertIn('not accepted for delivery', self.daemon.run('ledger', code))
        self.assertEqual(json.loads(self.daemon.run('ledger', '--json', code)), [])


class Retry(Fanout):
    COURIER = {'retry_first': '1h'}

    def test_deferred_recipients_are_tried_at_once(self):
        people = self.add_members(5)
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.1 busy' if rcpt.address in people[:2] else None
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code, deferred=2)
        self.sink.on.clear()
        self.daemon.run('retry')
        ledger = self.account(code, sent=people)
        self.assertEqual([ledger[one].attempts for one in people], [2, 2, 1, 1, 1])

    def test_without_a_server(self):
        """What waits is due when it starts."""
        people = self.add_members(2)
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.1 busy'
        code = self.post()
        self.daemon.wait_log(event='copies handed over', post=code, deferred=2)
        self.daemon.stop()
        self.sink.on.clear()
        self.daemon.run('retry')
        self.daemon.start()
        self.account(code, sent=people)


if __name__ == '__main__':
    unittest.main()
