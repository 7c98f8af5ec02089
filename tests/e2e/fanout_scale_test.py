"""A large list: every member once, rows for each chunk and not for each member, and no more memory than for a small one."""
import os
import unittest

from lib.fanout import Fanout, addresses

TIMEOUT = 180
MEMBERS = 10000
MIB = 1 << 20


class Large(Fanout):
    COURIER = {'connections': 6}

    def environment(self):
        """Freed memory would stay in the sanitizer's quarantine and look like growth."""
        options = [os.environ.get('ASAN_OPTIONS', ''), 'quarantine_size_mb=1', 'thread_local_quarantine_size_kb=64']
        return {'ASAN_OPTIONS': ':'.join(option for option in options if option)}

    def resident(self):
        with open(f'/proc/{self.daemon.process.pid}/statm', encoding='ascii') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')

    def test_every_member_once(self):
        people = self.add_members(MEMBERS)
        code = self.post()
        self.account(code, sent=people)
        self.assertEqual({len(mail.addresses) for mail in self.sink.messages}, {500})
        self.assertLessEqual(len(self.sink.sessions), 6)
        self.check_rows(code)

    def check_rows(self, code):
        """Twenty chunks, nothing for a member, and few octets for each."""
        self.assertEqual(self.number('SELECT count(*) FROM chunk'), MEMBERS // 500)
        self.assertEqual(self.number('SELECT count(*) FROM recipient'), 0)
        self.assertEqual(self.number('SELECT count(*) FROM delivery'), 1)
        self.assertEqual(self.number('SELECT sum(count) FROM chunk'), MEMBERS)
        self.assertLess(self.number('SELECT sum(length(members) + length(replies)) FROM chunk'), 2 * MEMBERS)
        self.assertEqual(self.number('SELECT count(*) FROM posting WHERE code = ?', code), 1)

    def test_rows_only_for_the_refused(self):
        people = self.add_members(MEMBERS // 2)
        gone = set(people[::500])
        self.sink.on['RCPT'] = lambda session, rcpt: '550 5.1.1 no such user' if rcpt.address in gone else None
        self.account(self.post(), sent=[one for one in people if one not in gone], failed=gone, reason='^550 5.1.1 ')
        self.assertEqual(self.number('SELECT count(*) FROM recipient'), len(gone))
        self.assertEqual(self.number('SELECT count(*) FROM bounce'), len(gone))

    def test_memory_does_not_grow_with_the_list(self):
        self.add_members(MEMBERS // 10)
        for _ in range(3):
            self.post_at_once(6)  # every connection's thread has had its turn
        small = self.resident()
        self.add_members(addresses(MEMBERS - MEMBERS // 10, start=MEMBERS // 10 + 1))
        large = []
        for _ in range(3):
            self.post_at_once(1)
            large.append(self.resident())
        print(f'# resident MiB: {small / MIB:.1f} with 1,000 members, {" ".join(f"{octets / MIB:.1f}" for octets in large)} with 10,000')
        self.assertLess(max(large) - small, small / 4)

    def post_at_once(self, count):
        for _ in range(count):
            self.post()
        self.wait_done()


if __name__ == '__main__':
    unittest.main()
