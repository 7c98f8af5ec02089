"""A server under load that is killed again and again: the program, the next hop with its journal, twenty MTAs, and the account at the end."""
import collections
import glob
import itertools
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading

from lib import crash_account, crash_database, events, ports
from lib.crash_load import LISTS, Mta, Told
from lib.daemon import BINARY, SANITIZER, no_services

SESSIONS = 20
CONNECTIONS = 8
BACKLOG = 20000  # copies that may be outstanding before the MTAs pause
SINK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'journal_sink.py')


class Server:
    """The program, without the comfort of lib/daemon.py: its log goes to a file."""

    def __init__(self, folder, sink_port, config=None):
        self.folder, self.port = folder, ports.free_port()
        self.state = os.path.join(folder, 'state')
        self.database = os.path.join(self.state, 'listward.db')
        self.conf = os.path.join(folder, 'listward.conf')
        self.log_path = os.path.join(folder, 'log')
        self.process = None
        self.ready = threading.Event()
        settings = {
            'server': {'state_dir': self.state, 'user': '', 'hostname': 'lists.example.com'},
            'lmtp': {'listen': f'127.0.0.1:{self.port}', 'unproven': 'refuse'},
            **no_services(),
            'outlet': {'type': 'smtp', 'host': '127.0.0.1', 'port': sink_port},
            'courier': {'connections': CONNECTIONS, 'retry_first': '1s', 'retry_max': '1s'},
        }
        for section, keys in (config or {}).items():
            settings.setdefault(section, {}).update(keys)
        with open(self.conf, 'w', encoding='utf-8') as file:
            for section, keys in settings.items():
                file.write(f'[{section}]\n' + ''.join(f'{key} = {value}\n' for key, value in keys.items()))

    def start(self, **environment):
        self.ready.clear()
        self.is_ready = False
        self.process = subprocess.Popen([BINARY, '--config', self.conf, 'serve'], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read_log, args=(self.process,), daemon=True)
        self.reader.start()

    def read_log(self, process):
        with open(self.log_path, 'ab', buffering=0) as log:
            for line in process.stderr:
                log.write(line)
                if b' event=ready ' in line:
                    self.is_ready = True
                    self.ready.set()
        self.ready.set()  # whoever waits sees that it has ended

    def wait_ready(self):
        """False: it has ended before."""
        assert self.ready.wait(60), 'the server was to be ready'
        return self.is_ready

    def kill(self):
        """Its status: -9 also if it had killed itself."""
        self.process.kill()
        return self.join()

    def join(self, seconds=60):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.reader.join()
        return status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.join(120)
        assert status == 0, f'status {status}\n{self.log()[-3000:]}'

    def wait_for_none(self, sql, seconds):
        """Until that count, in the database of the running server, is 0."""
        database, pause = sqlite3.connect(self.database, timeout=30), threading.Event()
        for _ in range(int(seconds * 20)):
            if database.execute(sql).fetchone()[0] == 0:
                break
            pause.wait(0.05)
        else:
            raise AssertionError(f'{sql}: not 0 after {seconds} seconds\n' + self.run('queue') + self.run('status') + self.log()[-3000:])
        database.close()

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def run(self, *words, stdin='', environment=None, status=0):
        done = subprocess.run([BINARY, '--config', self.conf, *words], input=stdin, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == status, f'listward {" ".join(words)}: status {done.returncode}\n{done.stderr}{done.stdout}'
        return done.stdout


class NextHop:
    def __init__(self, folder, seed, *options):
        self.port, self.path, self.seed, self.options = ports.free_port(), os.path.join(folder, 'journal'), seed, options
        self.starts = 0
        open(self.path, 'wb').close()
        self.journal = crash_account.Journal(self.path)
        self.start()

    def start(self, rough=False):
        self.starts += 1
        self.process = subprocess.Popen([sys.executable, SINK, str(self.port), self.path, f'{self.seed} {self.starts}', *self.options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.be('rough' if rough else 'calm')

    def be(self, mood):
        self.process.stdin.write(mood.encode() + b'\n')
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def hang(self, hung=True):
        self.process.send_signal(signal.SIGSTOP if hung else signal.SIGCONT)


class Run:
    def __init__(self, seed):
        self.seed, self.chance = seed, random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix='listward-crash-')
        self.hop = NextHop(self.folder, seed, *(['chunking'] if self.chance.random() < 0.5 else []))
        self.server = Server(self.folder, self.hop.port)
        self.told, self.in_hand, self.wrong = Told(), collections.Counter(), []
        self.most_in_hand = 0
        self.gate, self.done, self.pause = threading.Event(), threading.Event(), threading.Event()
        self.gate.set()
        self.hung = False
        self.counts = collections.Counter()

    def close(self):
        self.done.set()
        self.gate.set()
        if self.server.process and self.server.process.poll() is None:
            self.server.kill()
        self.hop.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_lists(self):
        self.server.start()
        assert self.server.wait_ready()
        for one in LISTS:
            if one.fate != 'unknown':
                self.server.run('create', '-o', 'owner@example.com', one.address)
                self.server.run('set', one.address, *one.settings)
                self.server.run('addmembers', '-W', '-', one.address, stdin='\n'.join(one.members) + '\n')

    def begin_load(self):
        numbers = itertools.count(1)
        self.mtas = [Mta(self.server.port, numbers, f'{self.seed} {index}', self.told, self.gate, self.done) for index in range(SESSIONS)]
        for mta in self.mtas:
            mta.start()

    def end_load(self):
        self.done.set()
        self.gate.set()
        for mta in self.mtas:
            mta.join(60)
            assert not mta.is_alive(), 'an MTA hangs'

    # crashes

    def crash(self, integrity=False):
        """After the process has died: what it had in hand, and what must be true."""
        def look(database):
            return crash_database.in_hand(database), crash_database.wrongs(database) + (crash_database.damage(database) if integrity else [])
        pieces, wrong = crash_database.ask_the_dead(self.server.database, look)
        for code, _, count in pieces:
            self.in_hand[code] += count
        self.counts['kills'] += 1
        self.counts['pieces in hand'] += len(pieces)
        self.counts['recipients in hand'] += sum(count for _, _, count in pieces)
        self.wrong += [f'after kill {self.counts["kills"]}: {what}' for what in wrong + crash_database.too_much_in_hand(pieces, CONNECTIONS)]

    def trouble_the_hop(self):
        """Killed, hung, or in another mood."""
        chance = self.chance.random()
        if self.hung:
            self.hop.hang(False)
            self.hung = False
        if chance < 0.15:
            self.hop.kill()
            self.hop.start(rough=self.chance.random() < 0.7)
            self.counts['next hop killed'] += 1
        elif chance < 0.3:
            self.hop.hang()
            self.hung = True
            self.counts['next hop hung'] += 1
        elif chance < 0.5:
            self.hop.be('rough')
        elif chance < 0.7:
            self.hop.be('calm')

    def calm(self):
        """The next hop is well again."""
        if self.hung:
            self.hop.hang(False)
            self.hung = False
        self.hop.be('calm')

    def hold_back(self):
        """The MTAs pause while too much is outstanding."""
        behind = self.told.expected - self.hop.journal.read().copies
        (self.gate.clear if behind > BACKLOG else self.gate.set)()

    def kill_at_random(self, longest):
        """Some at a moment from outside, some at one of the marks in the program, whichever is passed N-th."""
        at_a_mark = self.chance.random() < 0.4
        environment = {'LISTWARD_CRASH_AT': f'any:{int(10 ** self.chance.uniform(0, 3.5))}'} if at_a_mark else {}
        self.server.start(**environment)
        if at_a_mark:
            self.server.join(longest)
        else:
            self.pause.wait(self.chance.uniform(0.01, longest))
        own = self.server.process.poll() is not None
        self.counts['by themselves'] += own
        status = self.server.kill()
        assert status == -signal.SIGKILL, f'status {status}\n{self.server.log()[-3000:]}'
        self.crash(integrity=self.counts['kills'] % 10 == 0)
        self.trouble_the_hop()
        self.hold_back()

    def clear_suspects(self):
        """Deaths at chosen marks are no random ones: three in a row may well have the same delivery alone in hand, and that would be set aside, as it should be."""
        suspects = 'SELECT count(*) FROM delivery WHERE state = 0 AND strikes >= 2'
        if not crash_database.ask_the_dead(self.server.database, lambda database: database.execute(suspects).fetchone()[0]):
            return
        self.gate.clear()
        self.server.start()
        self.server.wait_for_none(suspects, 60)
        self.server.stop()
        self.gate.set()

    def kill_at(self, name, passing, seconds):
        """True: it died there."""
        self.clear_suspects()
        self.server.start(LISTWARD_CRASH_AT=f'{name}:{passing}')
        reached = self.server.join(seconds) is not None
        self.server.kill()
        self.crash()
        self.hold_back()
        return reached

    # the end

    def finish(self, seconds):
        """A last start, everybody well-behaved: what was promised must come about."""
        self.calm()
        self.hop.kill()
        self.hop.start()
        self.server.start()
        assert self.server.wait_ready(), self.server.log()[-3000:]
        self.end_load()
        self.server.run('retry')
        self.server.wait_for_none('SELECT count(*) FROM delivery WHERE state = 0', seconds)
        self.server.stop()
        self.hop.journal.read()

    def account(self):
        """[what is wrong]"""
        wrong, twice = crash_account.check(self.hop.journal, self.told, LISTS, self.in_hand)
        self.counts['duplicates'] = twice
        self.counts['set aside'] = crash_database.ask_the_dead(self.server.database, lambda database: database.execute('SELECT count(*) FROM delivery WHERE state = 1').fetchone()[0])
        left = crash_database.ask_the_dead(self.server.database, crash_database.in_hand)
        wrong += [f'in hand when all is done: {piece}' for piece in left]
        wrong += [f'the log speaks of a sanitizer: {word[0]}' for word in SANITIZER.findall(self.server.log())[:1]]
        return self.wrong + self.told.wrong + wrong + crash_database.all_of(self.server.database)

    def figures(self):
        told, counts = self.told, self.counts
        yield f'{counts["kills"]} kills ({counts["by themselves"]} at a mark), the next hop killed {counts["next hop killed"]} times and hung {counts["next hop hung"]} times; seed {self.seed}'
        yield (f'{len(told.sure)} answered 250, {len(told.refused)} refused, {told.lost} replies lost, {len(told.unsure)} of these given up; '
               f'{self.hop.journal.copies} copies taken by the next hop')
        yield (f'{counts["duplicates"]} duplicates, {counts["recipients in hand"]} recipients in hand at the kills, '
               f'{sum(self.hop.journal.uncertain().values())} taken whose reply may have been lost; {counts["set aside"]} deliveries set aside')


MARK = re.compile(r'CRASH_POINT(?:_IF)?\((?:.*, )?"([a-z-]+)"\)')
SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'src')


def marks():
    """Every mark in the source (base/crash_point.h)."""
    found = []
    for path in sorted(glob.glob(os.path.join(SOURCE, '**', '*.c'), recursive=True)):
        with open(path, encoding='utf-8') as file:
            found += MARK.findall(file.read())
    return found


def seed_of():
    return os.environ.get('LISTWARD_SEED') or str(random.SystemRandom().randrange(10 ** 6))


def has_crash_points():
    with open(BINARY, 'rb') as program:
        return b'LISTWARD_CRASH_AT' in program.read()


def need_crash_points():
    if not has_crash_points():
        events.skip('crash-points', 'the program is built without them: meson setup -Dcrash_points=true')
