"""One posting to many members, into smtp-sink."""
from bench.group import Group
from bench.meter import Meter
from bench.server import LIST, Server
from bench.table import Limit, Row, Sample


class Fanout(Group):
    NAME = 'fanout'
    ROWS = (
        Row('batch', 'fan-out, 100,000 members, batch', 'recipients/s', (Limit('ratio', '>=', 0.8),), 'smtp-source -d -s 4 -r 500 into the same smtp-sink',
            'mlmmj 8,200/s at best (no VERP, 500 a message), Mailman 450/s'),
        Row('batch_cpu', 'CPU of a recipient, batch', 'ms', (Limit('figure', '<=', 0.015),), '', 'mlmmj 0.022 ms, Mailman 2.1 ms'),
        Row('personal', 'fan-out, 100,000 members, personal', 'copies/s', (Limit('ratio', '>=', 1.0),), 'smtp-source -d -s 10 into the same smtp-sink, transactions/s',
            'mlmmj 23/s as it is, 1,700/s with its stall removed, Mailman 43/s'),
        Row('personal_cpu', 'CPU of a copy, personal', 'ms', (Limit('figure', '<=', 0.1),), '', 'mlmmj 0.25 ms, Mailman 20 ms'),
    )
    MODES = (('batch', 'personal=never'), ('personal', 'personal=always'))

    def start(self):
        self.sink = self.keep(self.tools.sink())
        self.server = self.keep(Server(self.sink.port)).start()
        self.server.make_list()
        self.server.add_members(self.sizes.members)

    def reference(self, key):
        """Recipients or transactions a second, of a 4 KB message."""
        words = ('-d', '-l', 4096, '-t', 'member@example.net')
        if key == 'batch':
            each = min(500, self.sizes.members)
            count = max(1, self.sizes.members // each)
            return count * each / self.tools.source(self.sink.port, *words, '-s', min(4, count), '-r', each, '-m', count)
        return self.sizes.copies / self.tools.source(self.sink.port, *words, '-s', 10, '-m', self.sizes.copies)

    def round(self):
        for key, setting in self.MODES:
            self.server.run('set', LIST, setting)
            reference = self.reference(key)
            with Meter(self.server.pid) as meter:
                code, _ = self.server.post()
                self.server.wait_done()
            self.server.check_sent(code, self.sizes.members)
            yield key, Sample(self.sizes.members / meter.seconds, reference, meter.peak, meter.others)
            yield key + '_cpu', Sample(meter.cpu / self.sizes.members * 1000, others=meter.others)
