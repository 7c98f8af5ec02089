"""Many members: how fast they are added, and how soon the first of them gets a posting."""
import statistics

from bench.group import Group
from bench.meter import Meter
from bench.quick_sink import QuickSink
from bench.server import SECONDS, Server
from bench.table import Limit, Row, Sample

TRIES = 5
FEW = 1000  # still more than go out in one transaction


class Members(Group):
    NAME = 'members'
    ROWS = (
        Row('addmembers', 'addmembers, 100,000 from a file', 's', (Limit('figure', '<=', 3),), '', 'Mailman: 52 a second by command line'),
        Row('first', 'from the 250 to the first RCPT, 100,000 members', 'ms', (Limit('figure', '<=', 10),), 'the same, with 1,000 members',
            'Mailman, 50,000 members: 101 s'),
        Row('first_data', 'from the 250 to the end of the first DATA, 100,000 members', 'ms', (Limit('figure', '<=', 10),),
            'the same, with 1,000 members; the sink is a simple one in Python'),
    )

    def start(self):
        self.sink = self.keep(QuickSink())
        self.server = self.keep(Server(self.sink.port)).start()
        self.rounds = 0

    def first(self, name):
        """Milliseconds to the end of the first DATA and to the first RCPT: medians of several postings, each to an idle server."""
        times, asked = [], []
        for _ in range(TRIES):
            self.sink.arm()
            _, taken = self.server.post(to=name)
            if not self.sink.taken.wait(SECONDS):
                raise AssertionError('no recipient was handed over')
            times.append((self.sink.handed - taken) * 1000)
            asked.append((self.sink.asked - taken) * 1000)
            self.server.wait_done()
        return statistics.median(times), statistics.median(asked)

    def round(self):
        self.rounds += 1
        large, small = f'large{self.rounds}@lists.example.com', f'small{self.rounds}@lists.example.com'
        self.server.make_list(large, 'personal=never')
        self.server.make_list(small, 'personal=never')
        with Meter(self.server.pid) as meter:
            seconds = self.server.add_members(self.sizes.members, large, prefix=f'r{self.rounds}.')
        yield 'addmembers', Sample(seconds, None, meter.peak, meter.others)
        self.server.add_members(min(FEW, self.sizes.members), small, prefix=f'r{self.rounds}.')
        small_handed, small_asked = self.first(small)
        with Meter(self.server.pid) as meter:
            handed, asked = self.first(large)
        yield 'first', Sample(asked, small_asked, meter.peak, meter.others)
        yield 'first_data', Sample(handed, small_handed, meter.peak, meter.others)
