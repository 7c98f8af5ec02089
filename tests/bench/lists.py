"""What many lists and members cost before anything is posted: answers to RCPT, start, memory at rest, wake-ups."""
import collections
import itertools
import random
import sqlite3
import statistics
import time

from lib.lmtp import Client

from bench import meter
from bench.group import Group
from bench.load import SENDER
from bench.server import Server
from bench.table import Limit, Row, Sample

DOMAIN = 'lists.example.com'
FEW = 10
IN_A_ROW = 20  # RCPTs of one transaction
SETTLED = 0.5  # seconds after the start

# From one list that the program has made: `lists` more like it, and as many members as there are numbers, evenly.
POPULATE = '''
PRAGMA synchronous = OFF;
BEGIN;
CREATE TEMP TABLE number AS WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < :numbers - 1) SELECT n FROM counted;
INSERT INTO list (domain_id, local, style, generation, next_join, created_at)
  SELECT domain_id, printf('list%06d', n), style, generation, 1 + :members / :lists, created_at FROM list, temp.number WHERE local = 'ant' AND n < :lists;
INSERT INTO list_setting (list_id, name, value) SELECT id, 'description', 'What list ' || id || ' is about' FROM list WHERE local LIKE 'list%';
INSERT INTO list_setting (list_id, name, value) SELECT id, 'subject_prefix', '[' || local || '] ' FROM list WHERE local LIKE 'list%';
INSERT INTO address (id, key, email, registered_at)
  SELECT n + 1, printf('member%07d@example.net', n), printf('member%07d@example.net', n), 0 FROM temp.number WHERE n < :members;
INSERT INTO member (list_id, address_id, role, join_number, joined_at)
  SELECT (SELECT min(id) FROM list WHERE local LIKE 'list%') + n / (:members / :lists), n + 1, 0, 1 + n % (:members / :lists), 0
  FROM temp.number WHERE n < :members;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
'''


def populate(path, lists, members):
    connection = sqlite3.connect(path, isolation_level=None)
    values = {'lists': lists, 'members': members, 'numbers': max(lists, members)}
    try:
        for statement in POPULATE.strip().split(';'):
            if statement.strip():
                connection.execute(statement, {key: value for key, value in values.items() if ':' + key in statement})
    finally:
        connection.close()


def populated(outlet_port, lists, members):
    """A server, not started, with so many lists and members."""
    server = Server(outlet_port)
    server.run('create', f'ant@{DOMAIN}')
    populate(server.database, lists, members)
    return server


class Lists(Group):
    NAME = 'lists'
    ROWS = (
        Row('rcpt', 'RCPT of a list, p99, 10,000 lists, 1,000,000 members', 'ms', (Limit('ratio', '<=', 1.5), Limit('figure', '<=', 1)), 'the same, with 10 lists',
            'Mailman, 2,000 lists: 78 to 114 ms'),
        Row('rcpt_unknown', 'RCPT of an unknown address, p99', 'ms', (Limit('ratio', '<=', 1.5), Limit('figure', '<=', 1)), 'the same, with 10 lists',
            'Mailman, 2,000 lists: 94 to 114 ms'),
        Row('start', 'start to the greeting, 10,000 lists', 'ms', (Limit('figure', '<=', 100),), 'the same, with 10 lists', 'Mailman 13 s'),
    )

    def start(self):
        port = self.keep(self.tools.sink()).port
        self.many = self.keep(populated(port, self.sizes.lists, self.sizes.all_members))
        self.few = self.keep(populated(port, FEW, 100))
        self.choose = random.Random(1)

    def answers(self, server, lists, known):
        """Seconds that each answer took, of one transaction."""
        with Client(server.port) as client:
            client.lhlo()
            client.command(f'MAIL FROM:<{SENDER}>')
            for _ in range(IN_A_ROW):
                name = f'list{self.choose.randrange(lists):06}' if known else f'nobody{self.choose.randrange(lists)}'
                began = time.perf_counter()
                reply = client.command(f'RCPT TO:<{name}@{DOMAIN}>')
                yield time.perf_counter() - began
                if reply.code != (250 if known else 550):
                    raise AssertionError(f'RCPT of {name}: {reply}')

    def all_answers(self, known):
        """{server: [seconds]}; both servers in turn, so that both see the machine in the same state."""
        found = collections.defaultdict(list)
        servers = ((self.many, self.sizes.lists), (self.few, FEW))
        for server, lists in itertools.islice(itertools.cycle(servers), 2 * (self.sizes.answers // IN_A_ROW)):
            found[server] += self.answers(server, lists, known)
        return found

    def round(self):
        starts = {server: server.start().start_seconds * 1000 for server in (self.few, self.many)}
        for key, known in ('rcpt', True), ('rcpt_unknown', False):
            with meter.Meter(self.many.pid) as running:
                found = {server: percentile(times, 99) * 1000 for server, times in self.all_answers(known).items()}
            yield key, Sample(found[self.many], found[self.few], running.peak, running.others)
        yield 'start', Sample(starts[self.many], starts[self.few], others=running.others)
        self.many.stop()
        self.few.stop()


def percentile(values, part):
    return statistics.quantiles(values, n=100)[part - 1]


class Rest(Group):
    NAME = 'rest'
    ROWS = (
        Row('memory', 'memory 10 s after the start, 10 lists', 'MB', (Limit('figure', '<=', 16),), '', 'Mailman 961 MB in 16 processes'),
        Row('wakeups', 'wake-ups of an idle server in 10 s', '', (Limit('figure', '<=', 0),), '', 'Mailman: 0.25 % of a core'),
    )

    def start(self):
        self.server = self.keep(populated(self.keep(self.tools.sink()).port, FEW, 100))

    def round(self):
        self.server.start()
        time.sleep(SETTLED)
        before = meter.context_switches(self.server.pid)
        with meter.Meter() as running:
            time.sleep(self.sizes.idle_seconds)
        woken = meter.context_switches(self.server.pid) - before
        at_rest = meter.memory(self.server.pid)
        yield 'memory', Sample(at_rest['Pss'], others=running.others, note=f'{at_rest["Rss"]:.1f} MB with all that it shares with other programs (RSS)')
        yield 'wakeups', Sample(woken, others=running.others)
        self.server.stop()
