"""How long a posting to a small list waits while one to a large list goes out."""
import statistics
import time

from bench.group import Group
from bench.meter import Meter
from bench.server import LIST, Server
from bench.table import Limit, Row, Sample

SMALL = 'small@lists.example.com'
PAUSE = 0.05  # seconds between the small ones
DONE_AT = 'SELECT d.done_at FROM delivery d JOIN posting p ON p.id = d.posting_id WHERE p.code = ?'
IS_OPEN = DONE_AT + ' AND d.state <> 2'


class Delay(Group):
    NAME = 'delay'
    ROWS = tuple(Row(f'delay_{shape}', f'a small posting meanwhile: 250 to delivered and recorded, the slowest, {shape}', 'ms', (Limit('figure', '<=', 100),), '',
                     'Mailman: behind all that came before it') for shape in ('batch', 'personal'))

    def start(self):
        self.server = self.keep(Server(self.keep(self.tools.sink()).port)).start()
        self.server.make_list()
        self.server.add_members(self.sizes.members)
        self.server.make_list(SMALL)
        self.server.add_members(1, SMALL)

    def delays(self):
        """Milliseconds of each small posting while the large one, just posted, is under way; at least one."""
        large, _ = self.server.post()
        taken = {}
        with self.server.rows() as rows:
            while True:
                code, _ = self.server.post(to=SMALL)
                taken[code] = time.time()
                time.sleep(PAUSE)
                if rows.execute(IS_OPEN, (large,)).fetchone() is None:
                    break
            self.server.wait_done()
            return [max(0, rows.execute(DONE_AT, (code,)).fetchone()[0] / 1e6 - then) * 1000 for code, then in taken.items()]

    def round(self):
        for shape, setting in ('batch', 'personal=never'), ('personal', 'personal=always'):
            self.server.run('set', LIST, setting)
            with Meter(self.server.pid) as meter:
                delays = self.delays()
            note = f'{len(delays)} postings, median {statistics.median(delays):.1f} ms'
            yield f'delay_{shape}', Sample(max(delays), None, meter.peak, meter.others, note)
