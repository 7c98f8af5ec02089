"""The program as it is measured: its log goes to a file, nobody reads along."""
import contextlib
import os
import signal
import sqlite3
import subprocess
import time

from lib import daemon
from lib.lmtp import Client, crlf

from bench.load import SENDER, wait_port

LIST = 'ant@lists.example.com'
SECONDS = 300  # for anything that one row waits for
POLL_TIME = 0.004


def posting(subject, size=4096, to=LIST):
    """A message of about this size in octets; the same subject gives the same message."""
    head = f'From: {SENDER}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{subject.replace(" ", ".")}@example.org>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\n'
    line = 'x' * 70 + '\n'
    return crlf(head + line * max(1, (size - len(head)) // len(line)))


class Server(daemon.Daemon):
    def __init__(self, outlet_port, config=None, scratch=None):
        super().__init__(config={'outlet': {'port': outlet_port}, **(config or {})}, scratch=scratch)
        self.log = os.path.join(self.scratch, 'log')
        self.database = os.path.join(self.state, 'listward.db')
        self.posted = 0

    @property
    def pid(self):
        return self.process.pid

    def start(self, wait=True):
        """Returns at the greeting; start_seconds is the time from exec to there."""
        with open(self.log, 'ab') as log:
            began = time.monotonic()
            self.process = subprocess.Popen([daemon.BINARY, '--config', self.conf, 'serve'], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=log, cwd=self.scratch)
        wait_port(self.port, self.process)
        self.start_seconds = time.monotonic() - began
        return self

    def stop(self, number=signal.SIGTERM, code=0, seconds=60):
        process, self.process = self.process, None
        process.send_signal(number)
        if process.wait(seconds) != code:
            raise AssertionError(f'the server ended with status {process.returncode}\n{self.log_text()}')

    def kill(self):
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def log_text(self, last=40):
        with open(self.log, encoding='utf-8', errors='replace') as file:
            return ''.join(file.readlines()[-last:])

    def make_list(self, name=LIST, *settings):
        self.run('create', name)
        self.run('set', name, 'default_nonmember_action=accept', 'max_message_size=0', *settings)

    def add_members(self, count, name=LIST, prefix=''):
        """Returns the seconds that the command took."""
        path = os.path.join(self.scratch, 'members')
        with open(path, 'w', encoding='ascii') as file:
            file.writelines(f'{prefix}member{number:06}@example.net\n' for number in range(count))
        began = time.monotonic()
        self.run('addmembers', '-W', path, name, seconds=SECONDS)
        return time.monotonic() - began

    @contextlib.contextmanager
    def rows(self):
        """A connection to read with."""
        connection = sqlite3.connect(f'file:{self.database}?mode=ro', uri=True, timeout=30, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    def wait_done(self):
        """Until nothing is left to be sent, and all that was sent is recorded."""
        deadline = time.monotonic() + SECONDS
        with self.rows() as rows:
            while rows.execute('SELECT 1 FROM delivery WHERE state <> 2 LIMIT 1').fetchone():
                if time.monotonic() > deadline:
                    raise AssertionError(f'not delivered within {SECONDS} seconds\n{self.log_text()}')
                time.sleep(POLL_TIME)

    def count_sent(self, code):
        """Recipients of a posting that the ledger has as sent: what a figure speaks of has happened."""
        with self.rows() as rows:
            return rows.execute('SELECT coalesce(sum(c.count), 0) FROM chunk c JOIN delivery d ON d.id = c.delivery_id JOIN posting p ON p.id = d.posting_id '
                                'WHERE p.code = ? AND c.state = 2', (code,)).fetchone()[0]

    def check_sent(self, code, count):
        sent = self.count_sent(code)
        if sent != count:
            raise AssertionError(f'{sent} of {count} recipients were sent a copy\n{self.log_text()}')

    def post(self, to=LIST, size=4096):
        """One posting over a connection of its own; returns (code of the posting, monotonic time of its 250)."""
        self.posted += 1
        with Client(self.port) as client:
            client.lhlo()
            reply = client.deliver(SENDER, [to], posting(f'posting {self.posted} of {self.pid}', size, to))[0]
            taken = time.monotonic()
        if reply.code != 250:
            raise AssertionError(f'the posting was answered {reply}')
        return reply.text.split()[1], taken
