"""Who of a list's members gets a posting: status, mode, preferences, the join-number limit; and that every list has its turn."""
import unittest

from lib.fanout import AUTHOR, LIST, Fanout, Gate, addresses, message


class Preferences(Fanout):
    def prefer(self, address, *assignments):
        self.daemon.run('member', LIST, address, *assignments)

    def test_delivery_status(self):
        people = self.add_members(6)
        for address, status in zip(people, ('by_user', 'by_bounces', 'by_moderator', 'unknown', 'enabled')):
            self.prefer(address, f'delivery_status={status}')
        code = self.post()
        self.account(code, sent=people[4:])
        self.assertIn('disabled=4', self.skipped(code))
        self.prefer(people[0], 'delivery_status=enabled')
        self.account(self.post(), sent=people[:1] + people[4:])

    def test_delivery_mode(self):
        people = self.add_members(5)
        for address, mode in zip(people, ('mime_digests', 'plaintext_digests', 'summary_digests', 'regular')):
            self.prefer(address, f'delivery_mode={mode}')
        code = self.post()
        self.account(code, sent=people[3:])
        self.assertIn('digest=3', self.skipped(code))

    def test_added_with_a_mode(self):
        digest = self.add_members(addresses(3, name='digest'), '-d', 'mime')
        disabled = self.add_members(addresses(2, name='off'), '-d', 'disabled')
        people = self.add_members(4)
        code = self.post()
        self.account(code, sent=people)
        self.assertIn(f'digest={len(digest)} disabled={len(disabled)} own=0 copy=0', self.skipped(code))

    def test_own_postings(self):
        people = self.add_members(['Ann@Example.net', 'bob@example.net'])
        own = message('own', sender='Ann <aNN@example.NET>')
        self.account(self.post(own, sender='ann@example.net'), sent=people)
        self.prefer('ann@example.net', 'receive_own_postings=false')
        code = self.post(message('own again', sender='Ann <aNN@example.NET>'), sender='ann@example.net')
        self.account(code, sent=people[1:])
        self.assertIn('own=1', self.skipped(code))
        self.account(self.post(), sent=people)

    def test_no_second_copy(self):
        people = self.add_members(['ann@example.net', 'bob@example.net', 'carl@example.net', 'dora@example.net', 'eve@example.net'])
        for address in people[:4]:
            self.prefer(address, 'receive_list_copy=false')
        direct = 'To: x\nCC: "Ann, A" <ANN@Example.Net>,\n\tBob <bob@example.net>\nResent-Cc: carl@example.net\nBcc: dora@example.net\nCc: eve@example.net\n'
        code = self.post(message('direct', more=direct))
        self.account(code, sent=people[3:])
        self.assertIn('copy=3', self.skipped(code))
        self.account(self.post(), sent=people)

    def test_address_as_subscribed(self):
        people = self.add_members(['Ann.Lee@EXAMPLE.net', '"a b\\"c"@example.net', 'x+y=z@example.net', "o'hara@example.net"])
        self.account(self.post(), sent=people)

    def test_owners_and_moderators_are_no_members(self):
        self.add_members(['boss@example.net'], '--role', 'owner')
        self.add_members(['judge@example.net'], '--role', 'moderator')
        self.add_members(['guest@example.net'], '--role', 'nonmember')
        people = self.add_members(2)
        self.account(self.post(), sent=people)

    def skipped(self, code):
        """The ledger's words on who was passed over, all chunks together."""
        return ' '.join(row[0] for row in self.rows('SELECT replies FROM chunk JOIN delivery ON delivery.id = delivery_id '
                                                    'JOIN posting ON posting.id = posting_id WHERE code = ?', code))


class Changing(Fanout):
    COURIER = {'connections': 1}

    def test_who_joins_after_acceptance_does_not_get_it(self):
        people = self.add_members(600)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait()
        late = self.add_members(addresses(300, name='late'))
        gate.open()
        self.account(code, sent=people)
        self.account(self.post(), sent=people + late)

    def test_who_leaves_before_its_turn_does_not_get_it(self):
        people = self.add_members(600)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait()
        self.assertEqual(gate.held[0].addresses, people[:500])
        self.daemon.run('delmembers', '-l', LIST, '-m', people[550])
        self.daemon.run('member', LIST, people[551], 'delivery_status=by_user')
        gate.open()
        self.account(code, sent=people[:550] + people[552:])

    def test_a_removed_list_sends_no_more(self):
        people = self.add_members(600)
        gate = self.sink.on['DOT'] = Gate()
        code = self.post()
        gate.wait()
        self.daemon.run('remove', LIST)
        gate.open()
        self.account(code, sent=people[:500])

    def test_a_small_list_does_not_wait_for_a_large_one(self):
        other = 'bee@lists.example.com'
        large = self.add_members(3000)
        self.make_list(other)
        small = self.add_members(addresses(3, name='small'), to=other)
        gate = self.sink.on['DOT'] = Gate()
        first = self.post()
        gate.wait()
        second = self.post(to=other)
        gate.open()
        self.account(second, sent=small)
        self.account(first, sent=large)
        order = [mail.addresses[0] for mail in self.sink.messages]
        self.assertLessEqual(order.index(small[0]), 2)

    def test_two_postings_in_turn(self):
        people = self.add_members(1500)
        gate = self.sink.on['DOT'] = Gate()
        codes = [self.post(), self.post()]
        gate.open()
        for code in codes:
            self.account(code, sent=people)

    def test_a_roster_of_digest_members(self):
        """Thousands who are passed over, and one behind them."""
        digest = self.add_members(addresses(2600, name='digest'), '-d', 'mime')
        people = self.add_members(['last@example.net'])
        code = self.post()
        self.account(code, sent=people)
        self.assertEqual(len(digest), sum(int(row[0].split('digest=')[1].split(' ')[0]) for row in self.rows(
            "SELECT replies FROM chunk WHERE replies LIKE 'skipped%'")))

    def test_author_is_not_told_apart_by_the_envelope(self):
        """The author of a posting with another envelope sender is still its author."""
        people = self.add_members([AUTHOR, 'bob@example.net'])
        self.daemon.run('member', LIST, AUTHOR, 'receive_own_postings=false')
        self.account(self.post(sender='else@example.org'), sent=people[1:])


if __name__ == '__main__':
    unittest.main()
