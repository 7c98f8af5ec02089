"""`ledger`, `queue` and `retry` beside a fan-out at every stage: waiting, being sent, put off, sent, failed, left."""
import json
import unittest

from lib.fanout import AUTHOR, HOP, LIST, Fanout, Gate, addresses, message
from lib.sink import Do


class Ledger(Fanout):
    COURIER = {'connections': 1, 'retry_first': '1h'}

    def state(self, code, address):
        fates = self.ledger(code, address)
        self.assertEqual(set(fates), {address})
        return fates[address].state

    def test_stages_of_a_fan_out(self):
        people = self.add_members(700)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait()
        late = self.add_members(['late@example.net'])[0]
        self.assertEqual([self.state(code, one) for one in (people[0], people[499], people[500], people[699], late, 'stranger@example.net')],
                         ['sending', 'sending', 'waiting', 'waiting', 'passed over', 'none'])
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
            self.assertRegex(line, f'^{address}  {state}  {time}  {HOP}  {reply}$')
        told = self.daemon.run('ledger', code, 'bob@example.net').splitlines()
        self.assertEqual(told[0], lines[1])
        for line, event in zip(told[1:], ('received   from <author@example.org> to ant@lists.example.com', 'accepted', 'queued', f'failed     {HOP}  550 5.1.1 gone',
                                          'bounce     the refusal counts against the address'), strict=True):
            self.assertRegex(line, f'^  {time}  {event}$')
        self.assertEqual(self.daemon.run('ledger', code, 'eve@example.net').splitlines()[0], 'eve@example.net  none  -  -  no member has this address, and none who left had it')

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
        line, = json.loads(self.daemon.run('ledger', '--json', code, 'm00001@example.net'))
        self.assertEqual((line['state'], [event['event'] for event in line['history']]), ('none', ['received', 'held']))


class Story(Fanout):
    """`ledger POST ADDRESS`: all that happened to one, in order."""
    BEGINNING = ['received', 'accepted', 'queued']

    def events(self, code, address):
        story = self.story(code, address)
        self.assertEqual([event for event, _, _ in story[:3]], self.BEGINNING)
        return story[3:]

    def test_retries(self):
        ann, bob = self.add_members(['ann@example.net', 'bob@example.net'])
        answers = iter(['450 4.2.1 busy', '451 4.2.2 full'])
        self.sink.on['RCPT'] = lambda session, rcpt: next(answers, None) if rcpt.address == ann else None
        code = self.post()
        self.account(code, sent=[ann, bob])
        story = self.events(code, ann)
        self.assertEqual([(event, text) for event, _, text in story], [('deferred', '450 4.2.1 busy'), ('deferred', '451 4.2.2 full'), ('sent', self.ledger(code)[ann].reply)])
        self.assertEqual(len({via for _, via, _ in story}), 3)
        for _, via, _ in story:
            self.assertRegex(via, f'^{HOP}$')
        self.assertEqual([event for event, _, _ in self.events(code, bob)], ['sent'])

    def test_given_up(self):
        self.daemon.configure({'courier': {'retry_first': '1s', 'retry_max': '1s', 'retry_lifetime': '2s'}})
        self.daemon.restart()
        ann, = self.add_members(['ann@example.net'])
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.1 busy'
        code = self.post()
        self.account(code, failed=[ann], reason=r'^given up after \d attempts: 450 4\.2\.1 busy$')
        events = [event for event, _, _ in self.events(code, ann)]
        self.assertEqual(events, ['deferred'] * (len(events) - 2) + ['failed', 'given up'])
        self.assertEqual(len(events) - 1, self.ledger(code)[ann].attempts)

    def test_broken(self):
        people = self.add_members(3)
        self.sink.on['RCPT'] = lambda session, rcpt: Do(then='close') if session.number < 3 else None
        code = self.post()
        self.account(code, sent=people)
        story = self.events(code, people[2])
        self.assertEqual([event for event, _, _ in story], ['broken'] * (len(story) - 1) + ['sent'])
        self.assertGreater(len(story), 1)
        for _, via, text in story:
            self.assertRegex(via, f'^({HOP})?$')
            self.assertNotEqual(text, '')

    def test_each_personal_copy_has_its_reply(self):
        self.daemon.run('set', LIST, 'personal=always')
        people = self.add_members(120)
        ids = {}

        def answer(session, mail):
            ids[mail.addresses[0]] = f'250 2.0.0 Ok: queued as {len(ids):05X}'
            return ids[mail.addresses[0]]
        self.sink.on['DOT'] = answer
        code = self.post()
        ledger = self.account(code, sent=people)
        self.assertEqual({address: fate.reply for address, fate in ledger.items()}, ids)
        self.assertEqual(len({fate.via for fate in ledger.values()}), len(people))
        self.assertEqual(self.events(code, people[77]), [('sent', ledger[people[77]].via, ids[people[77]])])

    def test_passed_over(self):
        digest, off, own, direct, plain = self.add_members(['digest@example.net', 'off@example.net', AUTHOR, 'direct@example.net', 'plain@example.net'])
        for address, preference in ((digest, 'delivery_mode=mime_digests'), (off, 'delivery_status=by_user'), (own, 'receive_own_postings=false'),
                                    (direct, 'receive_list_copy=false')):
            self.daemon.run('member', LIST, address, preference)
        code = self.post(message('to one more', more=f'Cc: {direct}\n'))
        self.account(code, sent=[plain])
        late, = self.add_members(['late@example.net'])
        for address, why in ((digest, 'it is in digest mode'), (off, 'its delivery is switched off'), (own, 'it does not want its own postings'),
                             (direct, 'it stands in To or Cc, and wants one copy only'), (late, 'it joined after the posting was accepted')):
            with self.subTest(address):
                fate = self.ledger(code, address)[address]
                self.assertEqual((fate.state, fate.reply), ('passed over', why))
                self.assertTrue(self.daemon.run('ledger', code, address).startswith(f'{address}  passed over  -  -  {why}\n'))
        self.assertEqual(set(self.ledger(code)), {plain})

    def test_held_first(self):
        self.daemon.run('set', LIST, 'default_nonmember_action=hold')
        people = self.add_members(1)
        with self.assertRaisesRegex(AssertionError, 'held for the moderators'):
            self.post()
        code = self.daemon.run('held', LIST).split()[0]
        self.assertIn('  held ', self.daemon.run('ledger', code, people[0]))
        self.daemon.run('accept', LIST, code)
        self.account(code, sent=people)
        self.assertEqual([event for event, _, _ in self.events(code, people[0])], ['sent'])


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
