"""One posting over four next hops at once, each another server: every member has one copy, and the ledger says from whom."""
import collections
import unittest

from lib.daemon import Daemon
from lib.fanout import LIST, Fanout
from lib.mta import Exim, Postfix, Sendmail
from lib.next_hop import many
from lib.sink import Sink

TIMEOUT = 300
COUNT = 10000


class FourNextHops(Fanout):
    def setUp(self):
        self.sink = Sink(keywords=['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE', 'CHUNKING', 'DSN', 'ENHANCEDSTATUSCODES'])
        self.sink.on['RCPT'] = lambda session, path: '550 5.1.1 gone' if path.address.startswith('gone') else None
        self.sink.on['DOT'] = lambda session, message: f'250 2.0.0 caught as SINK{id(message)}'
        self.mtas = [Postfix(), Exim(lacks=['CHUNKING']), Sendmail()]
        self.addCleanup(self.check_sink)
        for mta in self.mtas:
            self.addCleanup(mta.close)
        self.daemon = Daemon(config={'courier': self.COURIER})
        self.addCleanup(self.sink.stop)
        self.addCleanup(self.daemon.close)
        self.hops = {f'127.0.0.1:{server.port}': server for server in (*self.mtas, self.sink)}
        self.daemon.configure({'outlet': {'host': ', '.join(self.hops), 'connections': 4}})
        self.subjects = iter(range(1, 100))
        for mta in self.mtas:
            mta.start()
        self.daemon.start()
        self.make_list(LIST)

    def deliveries(self):
        """{member: [(next hop, queue id)]}, by the servers' own accounts."""
        found = collections.defaultdict(list)
        for hop, server in self.hops.items():
            if server is self.sink:
                for message in server.messages:
                    for address in message.addresses:
                        found[address].append((hop, message.reply.split()[-1]))
            else:
                for address, ids in server.queue_ids().items():
                    found[address] += [(hop, queue_id) for queue_id in ids]
        return found

    def copies(self, code):
        for mta in self.mtas:
            mta.wait_deferred(0)
        return collections.Counter({address: len(copies) for address, copies in self.deliveries().items()})

    def check_shape(self, shape, count):
        everybody = [f'gone{at}@many.example' if at % 100 == 0 else address for at, address in enumerate(many(count))]
        gone, people = everybody[::100], [address for at, address in enumerate(everybody) if at % 100]
        self.add_members(everybody)
        self.daemon.run('set', LIST, f'personal={shape}')
        code = self.post()
        self.wait_done(120)
        ledger = self.account(code, sent=people, failed=gone, reason=r'^550 5\.1\.1 .*gone')
        by_hop = collections.Counter()
        for address, [(hop, queue_id)] in self.deliveries().items():
            self.assertTrue(ledger[address].via.startswith(hop + ' '), (ledger[address], hop))
            self.assertIn(queue_id, ledger[address].reply)
            by_hop[hop] += 1
        print(f'#: personal={shape}: ' + ', '.join(f'{type(server).__name__} {by_hop[hop]}' for hop, server in self.hops.items()))
        self.assertEqual(len(by_hop), 4)

    def test_batch(self):
        self.check_shape('never', COUNT)

    def test_personal(self):
        self.check_shape('always', COUNT // 5)


if __name__ == '__main__':
    unittest.main()
