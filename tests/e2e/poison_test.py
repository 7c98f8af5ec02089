"""The guard against crash loops: what was in progress at two crashes is run alone, after all others; what the process dies of even then is set aside and alarmed."""
import unittest

from lib.fanout import Fanout, Gate, addresses

OTHER = 'bee@lists.example.com'


class Poison(Fanout):
    COURIER = {'connections': 4}

    def setUp(self):
        super().setUp()
        self.people = self.add_members(3)
        self.make_list(OTHER)
        self.others = self.add_members(addresses(2, name='other'), to=OTHER)

    def crash_while_sending(self, *first):
        """Killed while all these addresses' transactions are held back; then started again."""
        gate = Gate()
        self.sink.on['DATA'] = lambda session, argument: gate(session, session.recipients[0].address)
        if not self.daemon.process:
            self.daemon.start()
        for address in first:
            gate.wait(len(first))
            self.assertIn(address, gate.held)
        self.daemon.kill()
        self.sink.on.clear()
        gate.open()

    def post_and_crash_twice(self, *lists):
        """Two crashes with all of them in flight, none of which had got anywhere."""
        gate = Gate()
        self.sink.on['DATA'] = lambda session, argument: gate(session, session.recipients[0].address)
        codes = [self.post(to=name) if name else self.post() for name in lists]
        gate.wait(len(lists))
        self.daemon.kill()
        gate.open()
        self.crash_while_sending(*([self.people[0]] + ([self.others[0]] if OTHER in lists else [])))
        return codes

    def test_the_innocent_are_sent_alone(self):
        """Two deliveries were in progress; neither is poison: one after the other goes out."""
        codes = self.post_and_crash_twice(None, OTHER)
        gate = Gate()
        self.sink.on['DATA'] = lambda session, argument: gate(session, session.recipients[0].address)
        self.daemon.start()
        self.daemon.wait_log(event='deliveries in progress taken back', alone=2)
        third = self.post(to=OTHER)
        gate.wait(1)
        self.assertEqual(len(gate.held), 1)
        gate.open()
        for code, people in zip(codes + [third], (self.people, self.others, self.others)):
            self.account(code, sent=people)

    def test_killed_while_it_waits(self):
        """Alone at each death, but waiting for a next hop that says nothing: somebody may have killed the server for that. It goes on."""
        code = self.post_and_crash_twice(None)[0]
        for _ in range(4):
            self.crash_while_sending(self.people[0])
        self.daemon.start()
        self.account(code, sent=self.people)
        self.assertEqual(self.daemon.log_lines(level='error'), [])

    def test_a_recorded_step_forgives(self):
        """Crashes that come between steps are not the delivery's fault."""
        self.daemon.configure({'courier': {'connections': 1}})
        self.daemon.restart()
        people = self.people + self.add_members(addresses(2500, name='more'))
        gates = [Gate()]  # the last one holds back what is new
        self.sink.on['DOT'] = lambda session, mail: gates[-1](session, mail)
        code = self.post()
        for step in range(1, 5):
            gates[-1].wait()
            gates.append(Gate())
            gates[-2].open()
            self.daemon.wait_log(event='copies handed over', count=step)
            self.daemon.kill()
            gates.append(Gate())
            gates[-2].open()
            self.daemon.start()
        gates[-1].open()
        self.account(code, sent=people, twice=4 * 500)
        self.assertEqual({line['alone'] for line in self.daemon.log_lines(event='deliveries in progress taken back')}, {'0'})


if __name__ == '__main__':
    unittest.main()
