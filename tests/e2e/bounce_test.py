"""Mail that comes back to the envelope sender of a copy: it is in the ledger of the member whom the tag names, and nowhere else."""
import unittest

from lib.fanout import AUTHOR, LIST, Fanout, message
from lib.lmtp import Client, crlf

BROKEN = "CREATE TRIGGER trouble BEFORE INSERT ON bounce BEGIN SELECT RAISE(ABORT, 'no'); END"


class Returned(Fanout):
    def setUp(self):
        super().setUp()
        self.back = 0

    def come_back(self, address, sender=''):
        """A message to a -bounces address; returns its id."""
        self.back += 1
        octets = crlf(f'From: MAILER-DAEMON@example.net\nTo: {address}\nSubject: returned\nMessage-ID: <back.{self.back}@example.net>\n'
                      'Date: Sun, 22 Nov 2026 11:00:00 +0000\n\nno such user, or on holiday\n')
        with Client(self.daemon.port) as client:
            client.lhlo()
            reply = client.deliver(sender, [address], octets)[0]
        self.assertRegex(str(reply), rf'^250 2\.6\.0 \w+ taken for ')
        return reply.text.split()[1]

    def wait_read(self, code, **fields):
        self.daemon.wait_log(event='mail came back', post=code, **fields)

    def senders(self, code):
        """{member: the envelope sender of its copy}"""
        return {address: mail.sender.address for mail in self.sink.messages for address in mail.addresses}

    def jobs(self):
        return self.number("SELECT count(*) FROM job WHERE kind = 'bounces'")

    def returned(self, code):
        """{member: how often mail came back from it}, and that it makes nothing of what was sent."""
        ledger = self.ledger(code)
        self.assertEqual({fate.state for fate in ledger.values()}, {'sent'})
        return {address: fate.returned for address, fate in ledger.items() if fate.returned}


class Personal(Returned):
    def setUp(self):
        super().setUp()
        self.daemon.run('set', LIST, 'personal=always')
        self.people = self.add_members(3)
        self.code = self.post()
        self.account(self.code, sent=self.people)
        self.sender = self.senders(self.code)
        self.assertEqual(len(set(self.sender.values())), 3)

    def test_one(self):
        before, address = len(self.sink.messages), self.people[1]
        back = self.come_back(self.sender[address])
        self.wait_read(back, member=address, by='tag')
        self.assertEqual(self.returned(self.code), {address: 1})
        self.assertEqual(self.story(self.code, address)[-1], ('returned', '', f'mail came back to the envelope sender of its own copy: message {back}'))
        self.assertRegex(self.daemon.run('ledger', self.code), rf'(?m)^{address}  sent  .*  \[mail came back: 1\]$')
        self.assertEqual(self.jobs(), 0)
        self.assertEqual(self.number('SELECT count(*) FROM bounce WHERE kind = 1'), 1)
        self.assertEqual(len(self.sink.messages), before)  # nobody is answered

    def test_in_capitals(self):
        """MTAs before ours may fold the local part."""
        local, domain = self.sender[self.people[0]].split('@')
        self.wait_read(self.come_back(f'{local.upper()}@{domain}'), member=self.people[0])

    def test_from_anybody(self):
        """Vacation programs answer with a sender of their own."""
        self.wait_read(self.come_back(self.sender[self.people[0]], sender='somebody@example.net'))
        self.assertEqual(self.returned(self.code), {self.people[0]: 1})

    def test_again_and_again(self):
        for _ in range(12):
            last = self.come_back(self.sender[self.people[0]])
        self.wait_read(last, kept='enough of them')
        self.assertEqual(self.returned(self.code), {self.people[0]: 10})
        self.assertEqual(self.jobs(), 0)

    def test_who_has_left(self):
        self.daemon.run('delmembers', '-l', LIST, '-m', self.people[0])
        self.wait_read(self.come_back(self.sender[self.people[0]]), member=self.people[0])
        self.assertEqual(self.returned(self.code), {self.people[0]: 1})

    def test_not_ours(self):
        """Forged, of another list, without a tag, as others write it: kept, unread."""
        self.make_list('bee@lists.example.com')
        local, domain = self.sender[self.people[0]].split('@')
        role, tag = local.split('+')
        other = 'b' if tag[-1] == 'a' else 'a'
        strange = [f'{role}+{tag[:-1]}{other}@{domain}', f'bee-bounces+{tag}@{domain}', f'{role}@{domain}', f'{role}+m00001=example.net@{domain}',
                   f'{role}+{tag[1:]}@{domain}']
        for address in strange:
            self.come_back(address)
        self.wait_read(self.come_back(self.sender[self.people[2]]))
        self.assertEqual(self.returned(self.code), {self.people[2]: 1})
        self.assertEqual(self.jobs(), len(strange))
        self.assertRegex(self.daemon.run('queue'), rf'(?m)^kept:bounces +{len(strange)} ')

    def test_killed_in_between(self):
        """The 250 was said, and nothing written yet: it is read at the next start, once."""
        self.change(BROKEN)
        back = self.come_back(self.sender[self.people[0]])
        self.daemon.wait_log(event='mail that came back cannot be read; it will be tried again')
        self.daemon.kill()
        self.assertEqual((self.jobs(), self.number('SELECT count(*) FROM bounce')), (1, 0))
        self.change('DROP TRIGGER trouble')
        self.daemon.start()
        self.wait_read(back)
        self.daemon.restart()
        self.assertEqual(self.returned(self.code), {self.people[0]: 1})
        self.assertEqual(self.jobs(), 0)


class Batch(Returned):
    def setUp(self):
        super().setUp()
        self.daemon.run('set', LIST, 'personal=never')
        self.people = self.add_members(3)
        self.code = self.post()
        self.account(self.code, sent=self.people)
        self.sender, = set(self.senders(self.code).values())

    def xverp(self, address):
        local, domain = self.sender.split('@')
        return f'{local}+{address.replace("@", "=")}@{domain}'

    def test_xverp(self):
        back = self.come_back(self.xverp(self.people[1]))
        self.wait_read(back, member=self.people[1], by='xverp')
        self.assertEqual(self.returned(self.code), {self.people[1]: 1})
        self.assertEqual(self.story(self.code, self.people[1])[-1],
                         ('returned', '', f'mail came back to the envelope sender of the batch with its address behind: message {back}'))

    def test_of_nobody_it_went_to(self):
        """A member who reads the tag in its copy makes nobody bounce but those who got one."""
        late, = self.add_members(['late@example.net'])
        for address in (self.sender, self.xverp(late), self.xverp('stranger@example.net'), self.xverp('nonsense')):
            self.come_back(address)
        self.wait_read(self.come_back(self.xverp(self.people[0])))
        self.assertEqual(self.returned(self.code), {self.people[0]: 1})
        self.assertEqual(self.jobs(), 4)

    def test_who_was_tried_again(self):
        """A recipient with a row of its own."""
        self.sink.on['RCPT'] = lambda session, rcpt: '450 4.2.1 busy' if rcpt.address == self.people[0] and not self.sink.on.pop('RCPT', None) is None else None
        code = self.post(message('again', sender=AUTHOR))
        self.account(code, sent=self.people)
        local, domain = next(mail.sender.address for mail in self.sink.messages[::-1]).split('@')
        self.wait_read(self.come_back(f'{local}+{self.people[0].replace("@", "=")}@{domain}'), member=self.people[0], by='xverp')
        self.assertEqual(self.returned(code), {self.people[0]: 1})


if __name__ == '__main__':
    unittest.main()
