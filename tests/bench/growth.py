"""What a posting leaves in the database, and whether its place is used again."""
import os
import time

from bench.group import Group
from bench.meter import Meter
from bench.server import LIST, SECONDS, Server
from bench.table import Limit, Row, Sample

MEMBER = 'member@example.net'
KEEP = {'messages': '30d', 'dedupe': '7d', 'ledger': '30d'}
FORGET = {'messages': '0', 'dedupe': '0', 'ledger': '0'}


class Growth(Group):
    NAME = 'growth'
    ROWS = (
        Row('growth', 'database growth of a 4 KB posting, delivered and kept', 'KB', (Limit('figure', '<=', 6),)),
        Row('reuse', 'growth of the next posting, after retention', 'KB', (Limit('figure', '<=', 0.1),)),
    )

    def start(self):
        self.sink = self.keep(self.tools.sink())

    def size(self, server):
        """KB, after an orderly end, which leaves nothing in the write-ahead log."""
        server.stop()
        return os.path.getsize(server.database) / 1024

    def post_all(self, server):
        server.configure({'retention': KEEP})
        server.start()
        with Meter(server.pid) as meter:
            self.tools.source(server.port, '-L', '-d', '-s', 10, '-l', 4096, '-m', self.sizes.growth, '-t', LIST)
            server.wait_done()
        return self.size(server), meter

    def forget_all(self, server):
        server.configure({'retention': FORGET})
        time.sleep(1.1)  # retention counts in seconds
        server.start()
        deadline = time.monotonic() + SECONDS
        with server.rows() as rows:
            while rows.execute('SELECT 1 FROM posting LIMIT 1').fetchone():
                if time.monotonic() > deadline:
                    raise AssertionError(f'old postings were not removed within {SECONDS} seconds\n{server.log_text()}')
                time.sleep(0.05)
        server.stop()

    def round(self):
        with Server(self.sink.port) as server:
            server.make_list()
            server.run('addmembers', '-W', '-', LIST, stdin=MEMBER + '\n')
            before = self.size(server)
            first, meter = self.post_all(server)
            yield 'growth', Sample((first - before) / self.sizes.growth, None, meter.peak, meter.others)
            self.forget_all(server)
            second, meter = self.post_all(server)
            yield 'reuse', Sample((second - first) / self.sizes.growth, None, meter.peak, meter.others)
