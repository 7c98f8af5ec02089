"""The program under test: `listward serve` with a configuration and a state folder of its own, and the command line beside it.

    with Daemon(sink) as daemon:               # made, started, stopped; a crash or a sanitizer's word fails the test
        daemon.cli('create', 'ant@example.com')
        daemon.wait_log(event='accepted', list='ant@example.com')
"""
import collections
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading

from lib import events, ports

BINARY = os.environ.get('LISTWARD_BIN', os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'build-check', 'listward'))
SANITIZER = re.compile(r'((ERROR|WARNING): (Address|Leak|Memory|Thread)Sanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL)')
PAIR = re.compile(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S*)')
ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|.)')
ESCAPED = {'n': '\n', 'r': '\r', 't': '\t'}

Done = collections.namedtuple('Done', 'code out err')


def no_services():
    """A configuration without those whose default ports are the same for all servers that run at a time."""
    return {service: {'listen': ''} for service in ('milter', 'policy', 'socketmap', 'readsocket')}


def logfmt(line):
    """{key: text} of one log line; {} for what is none. No key may stand there twice."""
    fields = {}
    for key, value in PAIR.findall(line):
        if value.startswith('"'):
            value = ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 5 else ESCAPED.get(m[1], m[1]), value[1:-1])
        assert key not in fields, f'{key} twice: {line}'
        fields[key] = value
    return fields if 'ts' in fields and 'event' in fields else {}


class Daemon:
    def __init__(self, sink=None, config=None, scratch=None, env=None):
        """`config`: {section: {key: value}} over the defaults below; a key set to None is left out."""
        self.owns_scratch = scratch is None
        self.scratch = scratch or tempfile.mkdtemp(prefix='listward-')
        os.chmod(self.scratch, 0o755)  # an MTA under another user must reach the socket
        self.state = os.path.join(self.scratch, 'state')
        self.conf = os.path.join(self.scratch, 'listward.conf')
        self.socket = os.path.join(self.state, 'lmtp.sock')
        self.port = ports.free_port()
        self.env = {**os.environ, **(env or {})}
        self.launcher, self.inherited = (), ()  # what starts the server, by its words; descriptors for it
        self.process = None
        self.log = []  # the lines of stderr, all starts together
        self.log_pipe = None
        self.log_rest = b''  # a line that is not whole yet
        os.makedirs(self.state, exist_ok=True)
        self.settings = {
            'server': {'state_dir': self.state, 'user': '', 'hostname': 'lists.example.com'},
            'lmtp': {'listen': f'127.0.0.1:{self.port}, {self.socket}'},
            **no_services(),
            'outlet': {'type': 'smtp', 'host': '127.0.0.1', 'port': sink.port if sink else ports.free_port()},
        }
        self.configure(config or {})

    # configuration

    def configure(self, changes):
        """Takes effect at the next start, or with SIGHUP."""
        for section, keys in changes.items():
            self.settings.setdefault(section, {}).update(keys)
        with open(self.conf, 'w', encoding='utf-8') as file:
            for section, keys in self.settings.items():
                file.write(f'[{section}]\n' + ''.join(f'{key} = {value}\n' for key, value in keys.items() if value is not None))

    # life

    def start(self, wait=True):
        assert self.process is None, 'it runs already'
        seen = len(self.lines)
        self.process = subprocess.Popen([*self.launcher, BINARY, '--config', self.conf, 'serve'], env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.scratch, bufsize=0, pass_fds=self.inherited)
        self.log_ended = False
        self.log_pipe = self.process.stderr
        os.set_blocking(self.log_pipe.fileno(), False)
        self.reader = threading.Thread(target=self.read_log, args=(self.log_pipe,), daemon=True)
        self.reader.start()
        if wait:
            self.wait_ready(seen)
        return self

    def wait_ready(self, since=0):
        """Until event=ready; fails at once when the process ends before."""
        def ready():
            return self.log_lines(since, event='ready') or self.log_ended
        self.wait_for(ready, what='the server was to be ready')
        if not self.log_lines(since, event='ready'):
            code = self.process.wait()
            self.process = None
            raise AssertionError(f'the server ended with status {code} before it was ready\n{self.log_text()}')

    def read_log(self, pipe):
        readable = select.poll()
        readable.register(pipe, select.POLLIN)
        while readable.poll() and self.drain_log():
            pass
        with events.changed:
            self.log_pipe = None
            pipe.close()
            self.log_ended = True
            events.changed.notify_all()

    def drain_log(self):
        """Takes what has been written so far. False: it is at its end."""
        with events.changed:
            try:
                while self.log_pipe:
                    got = os.read(self.log_pipe.fileno(), 1 << 16)
                    *whole, self.log_rest = (self.log_rest + got).split(b'\n')
                    if not got and self.log_rest:
                        whole, self.log_rest = [self.log_rest], b''
                    self.log += [line.decode('utf-8', 'replace') for line in whole]
                    events.changed.notify_all()
                    if not got:
                        return False
            except BlockingIOError:
                pass
            return True

    @property
    def lines(self):
        """With all that was written before one asks: what a reply is the sign of stands there."""
        self.drain_log()
        return self.log

    def stop(self, number=signal.SIGTERM, code=0, seconds=60):
        """Asks it to end, and checks how it did."""
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            ended = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f'the server did not end within {seconds} seconds of signal {number}\n{self.log_text()}') from None
        self.reader.join()
        self.check_sanitizers()
        if ended != code:
            raise AssertionError(f'the server ended with status {ended}, not {code}\n{self.log_text()}')

    def kill(self):
        """As a crash would: SIGKILL."""
        process, self.process = self.process, None
        process.kill()
        process.wait()
        self.reader.join()
        self.check_sanitizers()

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def wait_end(self, seconds=events.SECONDS):
        """For a server that is to end by itself. Returns its status."""
        code = self.process.wait(seconds)
        self.process = None
        self.reader.join()
        self.check_sanitizers()
        return code

    def check_sanitizers(self):
        if SANITIZER.search('\n'.join(self.lines)):
            raise AssertionError('a sanitizer spoke\n' + self.log_text())

    def close(self):
        if self.process:
            self.stop()
        if self.owns_scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, kind, error, trace):
        if kind is not None:  # the test's own failure is the one to show, with what the server said
            print(self.log_text())
            if self.process:
                self.kill()
        self.close()

    # the log

    def log_text(self, last=200):
        return '\n'.join(f'# {line}' for line in self.lines[-last:])

    def log_lines(self, since=0, **fields):
        """The parsed log lines with these values."""
        parsed = map(logfmt, self.lines[since:])
        return [line for line in parsed if line and all(line.get(key) == str(value) for key, value in fields.items())]

    def wait_log(self, since=0, count=1, seconds=events.SECONDS, **fields):
        """Until `count` lines with these values are there; returns the last of them."""
        what = f'{count} log line(s) with {fields}'
        return self.wait_for(lambda: self.log_lines(since, **fields)[count - 1:count], seconds, what)[0]

    def wait_for(self, predicate, seconds=events.SECONDS, what='what was awaited'):
        try:
            return events.wait_for(predicate, seconds, what)
        except AssertionError as late:
            raise AssertionError(f'{late}\n{self.log_text()}') from None

    # the command line

    def cli(self, *words, stdin=None, seconds=60, check=None):
        """Runs one command; `check=True` demands status 0. Bytes or text on stdin; text comes back."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([BINARY, '--config', self.conf, *words], input=data, env=self.env, capture_output=True, timeout=seconds, cwd=self.scratch,
                              check=False, **({} if data is not None else {'stdin': subprocess.DEVNULL}))
        result = Done(done.returncode, done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace'))
        if SANITIZER.search(result.err) or done.returncode < 0:
            raise AssertionError(f'listward {" ".join(words)}: status {result.code}\n{result.err}')
        if check and result.code != 0:
            raise AssertionError(f'listward {" ".join(words)}: status {result.code}\n{result.err}{result.out}')
        return result

    def run(self, *words, **options):
        """A command that must succeed; returns what it printed."""
        return self.cli(*words, check=True, **options).out
