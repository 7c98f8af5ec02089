"""How fast the door takes postings, and how fast they go through."""
from bench.group import Group
from bench.meter import Meter
from bench.server import LIST, Server
from bench.table import Limit, Row, Sample

MEMBER = 'member@example.net'


class Accept(Group):
    NAME = 'accept'
    ROWS = (
        Row('accept', 'accepts, 4 KB, 50 sessions', '/s', (Limit('ratio', '>=', 0.5),), 'smtp-source -L -d -s 50 into smtp-sink -L, which keeps nothing',
            'Mailman 3.3.8 112/s, Dovecot LMTP into a mailbox 443/s'),
        Row('accept_1', 'accepts, 4 KB, 1 session', '/s', (Limit('ratio', '>=', 0.7),), 'smtp-source -L -d -s 1 into smtp-sink -L',
            'Mailman 77/s, Dovecot 137/s'),
        Row('accept_50k', 'accepts, 50 KB, 50 sessions', '/s', (Limit('ratio', '>=', 0.5),), 'smtp-source -L -d -s 50 -l 51200 into smtp-sink -L',
            'Mailman 95/s, Dovecot 419/s (10 sessions)'),
        Row('accept_cpu', 'CPU of an accept, 4 KB, 50 sessions', 'ms', (), '', 'Mailman 8.4 to 10.5 ms, Dovecot 3.5 to 5.5 ms'),
    )
    LOADS = (('accept', 50, 4096, 1), ('accept_1', 1, 4096, 0.375), ('accept_50k', 50, 51200, 0.5))  # row, sessions, octets, part of sizes.accepts

    def start(self):
        self.sink = self.keep(self.tools.sink('-L'))
        self.out = self.keep(self.tools.sink())
        self.server = self.keep(Server(self.out.port)).start()
        self.server.make_list()

    def round(self):
        for key, sessions, octets, part in self.LOADS:
            count = max(sessions, int(self.sizes.accepts * part))
            words = ('-L', '-d', '-s', sessions, '-l', octets, '-m', count, '-t', LIST)
            straight = self.tools.source(self.sink.port, *words)
            with Meter(self.server.pid) as meter:
                seconds = self.tools.source(self.server.port, *words)
            self.server.wait_done()
            yield key, Sample(count / seconds, count / straight, meter.peak, meter.others)
            if key == 'accept':
                yield 'accept_cpu', Sample(meter.cpu / count * 1000, others=meter.others)


class Sustained(Group):
    NAME = 'sustained'
    ROWS = (
        Row('sustained', 'in to out, 4 KB, one-member list, 10 sessions', '/s', (Limit('ratio', '>=', 0.25),), 'smtp-source -d -s 10 straight into the smtp-sink',
            'Mailman 13/s, mlmmj 1.3.0 300/s'),
        Row('sustained_cpu', 'CPU of a posting, in to out', 'ms', (), '', 'Mailman 122 ms, mlmmj 5 ms'),
    )

    def start(self):
        self.sink = self.keep(self.tools.sink())
        self.server = self.keep(Server(self.sink.port)).start()
        self.server.make_list()
        self.server.run('addmembers', '-W', '-', LIST, stdin=MEMBER + '\n')

    def round(self):
        count = self.sizes.sustained
        words = ('-d', '-s', 10, '-l', 4096, '-m', count)
        straight = self.tools.source(self.sink.port, *words, '-t', MEMBER)
        with Meter(self.server.pid) as meter:
            self.tools.source(self.server.port, '-L', *words, '-t', LIST)
            self.server.wait_done()
        yield 'sustained', Sample(count / meter.seconds, count / straight, meter.peak, meter.others)
        yield 'sustained_cpu', Sample(meter.cpu / count * 1000, others=meter.others)
