"""What tests of hostile peers share: a server that must outlive them, in bounded memory, and serve a well-behaved client meanwhile.

LISTWARD_HOSTILE=full runs them in the sizes of real attacks; without it some are a fraction of that."""
import os
import resource
import time
import unittest

from lib.daemon import Daemon
from lib.lmtp import Client
from lib.sink import Sink

LIST = 'ant@lists.example.com'
MEMBER = 'bat@example.net'
MEBI = 1 << 20
FULL = os.environ.get('LISTWARD_HOSTILE') == 'full'
MAX_MEMORY = 32  # MiB, as Outlives configures it
SESSION = 0.5  # MiB that a session may need beside max_memory
BASE = 48  # MiB for everything else that an attack may cause: the database's cache, the courier's shelf, what the allocator and a sanitizer keep
serial = iter(range(1, 1 << 30))


def message(body=b'hello\r\n', header=b'', author=b'From: bat@example.net\r\n'):
    return author + b'To: ant@lists.example.com\r\nMessage-ID: <%d@example.net>\r\n%s\r\n%s' % (next(serial), header, body)


def post(daemon, octets=None, to=LIST):
    """The reply of a posting by a client that behaves well."""
    with Client(daemon.port) as client:
        client.lhlo()
        return client.deliver(MEMBER, [to], octets or message())[0]


def try_to_post(daemon):
    """False: turned away."""
    with Client(daemon.port) as client:
        if client.greeting.code == 421:
            return False
        client.lhlo()
        return client.deliver(MEMBER, [LIST], message())[0].code


def of_status(daemon, key):
    with open(f'/proc/{daemon.process.pid}/status', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key + ':'))


def resident(daemon):
    return of_status(daemon, 'VmRSS') / 1024


def peak(daemon):
    return of_status(daemon, 'VmHWM') / 1024


def forget_peak(daemon):
    with open(f'/proc/{daemon.process.pid}/clear_refs', 'w', encoding='ascii') as file:
        file.write('5')


def cpu_seconds(daemon):
    with open(f'/proc/{daemon.process.pid}/stat', encoding='ascii') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def pour(client, octets, times):
    """As much of it as the server takes."""
    try:
        for _ in range(times):
            client.send(octets)
    except OSError:
        pass


def prepare(daemon, **settings):
    daemon.run('create', LIST)
    if settings:
        daemon.run('set', LIST, *(f'{name}={value}' for name, value in settings.items()))
    daemon.run('addmembers', '-W', '-', LIST, stdin=MEMBER + '\n')
    return daemon


def descriptors(count):
    """Lets this process open so many; skips the test where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise unittest.SkipTest(f'{count} descriptors are needed, {hard} allowed')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def frugal():
    """An environment in which AddressSanitizer gives back what was freed."""
    return {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1:thread_local_quarantine_size_kb=16:allocator_release_to_os_interval_ms=0'}


class Outlives(unittest.TestCase):
    """One server for a class: it must outlive each test, in bounded memory, and still serve. `sessions`: how many the test opens at most."""
    CONFIG = {}
    SETTINGS = {}
    KEYWORDS = ('PIPELINING', '8BITMIME', 'SIZE 0')
    sessions = 5

    @classmethod
    def setUpClass(cls):
        cls.sink = Sink(keywords=cls.KEYWORDS)
        cls.addClassCleanup(cls.sink.stop)
        limits = {'max_memory': f'{MAX_MEMORY}M', **cls.CONFIG.get('limits', {})}
        cls.daemon = Daemon(cls.sink, {**cls.CONFIG, 'limits': limits}, env=frugal())
        cls.addClassCleanup(cls.daemon.close)
        prepare(cls.daemon.start(), **cls.SETTINGS)
        post(cls.daemon)
        cls.started = resident(cls.daemon)

    def setUp(self):
        forget_peak(self.daemon)
        self.since = len(self.daemon.lines)

    def tearDown(self):
        grown = peak(self.daemon) - self.started
        allowed = BASE + MAX_MEMORY + self.sessions * SESSION
        print(f'# {self.id()}: {grown:.1f} MiB of {allowed:.0f}', flush=True)
        if 'TSAN_OPTIONS' not in os.environ:  # ThreadSanitizer takes many times the memory
            self.assertLess(grown, allowed, f'MiB over the {self.started:.0f} at the start')
        self.assertEqual(post(self.daemon).code, 250)

    def wait_log(self, **fields):
        return self.daemon.wait_log(self.since, **fields)

    def events(self, event):
        return self.daemon.log_lines(self.since, event=event)

    def client(self, **options):
        client = Client(self.daemon.port, **options)
        self.addCleanup(client.close)
        return client

    def in_transaction(self):
        client = self.client()
        client.lhlo()
        client.envelope(MEMBER, [LIST])
        return client

    def in_data(self):
        client = self.in_transaction()
        self.assertEqual(client.command('DATA').code, 354)
        return client


def cpu_of(daemon, action):
    """CPU seconds of the server while `action` runs, and until it has come to rest."""
    before = cpu_seconds(daemon)
    action()
    spent = None
    while spent != (spent := cpu_seconds(daemon)):
        time.sleep(0.05)  # how fast it comes to rest decides nothing
    return spent - before
