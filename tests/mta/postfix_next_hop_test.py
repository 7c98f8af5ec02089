"""The courier and a real Postfix."""
import unittest

from lib.fanout import addresses
from lib.mta import Postfix
from lib.next_hop import EveryNextHop, NextHop, WithSmtputf8, many

TIMEOUT = 300


class Behind(EveryNextHop, WithSmtputf8, NextHop):
    MTA = Postfix
    CAN_LACK = ('PIPELINING', 'CHUNKING', '8BITMIME', 'SMTPUTF8', 'DSN', 'SIZE')
    TLS = 'TLS connection established'


class Xverp(NextHop):
    """One transaction, and an envelope sender for each recipient: the posting's tag, and the address behind it."""
    MTA = Postfix
    OPTIONS = {'xverp': True}

    def test_senders(self):
        people = self.add_members([*addresses(50), *many(450)])
        code = self.post()
        self.account(code, sent=people)
        senders = {mail.to: mail.sender for mail in self.mta.wait_mail(50)}
        self.assertEqual(len({queue_id for ids in self.mta.queue_ids().values() for queue_id in ids}), 1)
        for address, sender in senders.items():
            self.assertRegex(sender, rf'^ant-bounces\+[a-v0-9]{{18,}}\+{address.replace("@", "=")}@lists\.example\.com$')
        self.assertEqual(set(senders), set(people[:50]))
        self.no_complaints()

    def test_what_comes_back(self):
        lost = ['lost1@many.example', 'lost2@example.net']
        self.add_members([*lost, *many(10)])
        code = self.post()
        for address in lost:
            self.daemon.wait_log(event='mail came back', member=address)
        self.assertEqual({address: fate.returned for address, fate in self.ledger(code).items() if fate.returned}, dict.fromkeys(lost, 1))


if __name__ == '__main__':
    unittest.main()
