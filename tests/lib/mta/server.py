"""What the MTAs of these tests have in common.

    with Exim(lists={'lists.example.com': f'inet:127.0.0.1:{daemon.port}'}, lacks=['CHUNKING'], tls=True) as exim:
        exim.send('ant@example.org', ['bat@example.net'], message)
        exim.wait_mail(1)                      # what reached mailboxes of example.net
        exim.wait_delivered(1)                 # Counter of every address that it has delivered to, by its own log

Domains: those of `lists` are handed over by LMTP, to 'inet:127.0.0.1:PORT' or 'unix:/PATH'; each address of those of `mailboxes` has a mailbox;
mail for all others is thrown away, and logged, which is the fast way for many recipients. But for `lists`, an address that begins with
    gone   is refused, 550 5.1.1        later   is deferred, 450 4.2.0        lost   is accepted, and bounced to the envelope sender

An MTA runs in mount and process namespaces of its own: its root is an overlay of its packages and a few files of /etc over the machine's root;
queue, mailboxes and log are in a scratch folder; it listens on loopback, on a high port. Killing the test kills the namespace with all in it.
"""
import collections
import email.utils
import glob
import os
import queue
import re
import select
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

from lib import certificates, events, ports
from lib.mta import packages

START = '''
set -eu
scratch=$1 tree=$2 temporary=$3
shift 3
mount -t tmpfs -o mode=755 none "$scratch/over"
mkdir "$scratch/over/upper" "$scratch/over/work" "$scratch/over/root"
cp -a "$tree" "$scratch/over/tree"    # layers of one overlay may not lie within each other
cp -a "$scratch/lower" "$scratch/over/lower"
root=$scratch/over/root
mount -t overlay -o "lowerdir=$scratch/over/lower:$scratch/over/tree:/,upperdir=$scratch/over/upper,workdir=$scratch/over/work" none "$root"
mount -t tmpfs -o mode=755 none "$root/dev"
for node in null zero full random urandom; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/1 "$root/dev/stdout"
: >"$root/dev/log"
mount --bind "$scratch/log" "$root/dev/log"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind "$temporary" "$root$temporary"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$scratch/$1" "$root$2"
  shift 2
done
shift
# This shell stays: it dies with unshare, and all in the namespace with it. (A server that changes its user undoes that bond for itself.)
chroot "$root" "$@" &
wait $!
'''

LOST = '#!/bin/sh\nexit 67\n'  # a mailer that knows nobody, EX_NOUSER

Delivery = collections.namedtuple('Delivery', 'queue_id address status text')  # status: sent, deferred, bounced


def first_child(parent):
    with open(f'/proc/{parent}/task/{parent}/children', encoding='ascii') as file:
        return int(file.read().split()[0])


@dataclass
class Mail:
    """One copy in a mailbox, with the three fields that the MTA put on top. `octets`: with LF."""
    path: str
    octets: bytes

    def field(self, name):
        match = re.search(rb'(?im)^' + name.encode() + rb':[ \t]*(.*(?:\n[ \t].*)*)$', self.octets.split(b'\n\n', 1)[0])
        return match[1].decode() if match else None

    @property
    def to(self):
        return self.field('Delivered-To')

    @property
    def sender(self):
        return email.utils.parseaddr(self.field('Return-Path'))[1]

    @property
    def body(self):
        return self.octets.split(b'\n\n', 1)[1]


class Mta:
    # each MTA says:
    PACKAGES = ()
    USERS = {}  # {name: number} of users and groups of its own
    FOLDERS = {}  # {folder of the scratch folder: where the MTA finds it}
    COMMAND = ()
    STARTED = ''  # the pattern of a log line
    COMPLAINTS = ''  # of those about a client that does not speak as it should
    MAILBOX_USER = 64003

    def __init__(self, lists=None, mailboxes=('example.net',), hostname='mta.example.org', *, lacks=(), tls=False, users=None, size=0, recipients=0, defers=True,
                 **own):
        """`lacks`: keywords of EHLO that are not offered. `tls`: STARTTLS, with the certificate of certificates.of('server'). `users`: {name: password}
        for AUTH. `size`: of a message at most, 0: 50 MB. `recipients`: in a transaction at most (452), 0: as many as can be. `defers`: later@ is deferred.
        `own`: what this MTA alone takes."""
        packages.need()
        self.tree = packages.unpacked(self.PACKAGES)
        self.lists, self.mailboxes, self.hostname = dict(lists or {}), tuple(mailboxes), hostname
        self.lacks, self.tls, self.users, self.defers = lacks, tls, dict(users or {}), defers
        self.size, self.recipients, self.options = size or 50 << 20, recipients, own
        self.port = ports.free_port()
        self.scratch = tempfile.mkdtemp(prefix=f'listward-{self.name.lower()}-')
        os.chmod(self.scratch, 0o755)
        self.process = None
        self.lines = []
        self.tries = []  # (how many lines there were, Delivery)
        self.make_folders()
        self.make_etc()
        self.configure(**own)

    @property
    def name(self):
        return type(self).__name__

    def configure(self):
        """Writes the configuration; takes effect at the next start."""
        raise NotImplementedError

    # files

    def path(self, *parts):
        return os.path.join(self.scratch, *parts)

    def make_folders(self):
        for folder in 'over', 'lower/etc', 'mail', *self.FOLDERS:
            os.makedirs(self.path(folder), exist_ok=True)
        self.give('mail', self.MAILBOX_USER)
        for domain in self.mailboxes:
            os.makedirs(self.path('mail', domain))
            self.give(os.path.join('mail', domain), self.MAILBOX_USER)

    def give(self, path, user, group=None, mode=None):
        os.chown(self.path(path), user, user if group is None else group)
        if mode is not None:
            os.chmod(self.path(path), mode)

    def make_etc(self):
        users = {**self.USERS, 'vmail': self.MAILBOX_USER}

        def keep(path):
            with open(path, encoding='utf-8', errors='replace') as file:
                return [line for line in file.read().splitlines() if line.split(':')[0] not in users]
        self.write('lower/etc/passwd', keep('/etc/passwd') + [f'{name}:x:{number}:{number}::/nonexistent:/bin/false' for name, number in users.items()])
        self.write('lower/etc/group', keep('/etc/group') + [f'{name}:x:{number}:' for name, number in users.items()])

    def write(self, path, lines, mode=0o644):
        """A file of the scratch folder; those below `lower` are below / for the MTA."""
        lines = lines.splitlines() if isinstance(lines, str) else lines
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), 'w', encoding='utf-8') as file:
            file.write(''.join(line + '\n' for line in lines))
        os.chmod(self.path(path), mode)
        os.utime(self.path(path), (0, 0))  # Postfix takes its time over a file that may still be written

    def keep_certificate(self, folder, user=0):
        """Copies of certificate, key and CA where the MTA may read them: paths as it sees them."""
        paths = []
        for source in (*certificates.of('server'), certificates.ca()):
            target = f'{folder}/{os.path.basename(source)}'
            os.makedirs(self.path('lower' + folder), exist_ok=True)
            shutil.copyfile(source, self.path('lower' + target))
            self.give('lower' + target, user, mode=0o600 if target.endswith('.key') else 0o644)
            paths.append(target)
        return paths

    # life

    def start(self):
        assert self.process is None, 'it runs already'
        since = len(self.lines)
        self.log_ended = False
        self.listen_to_log()
        folders = [word for pair in self.FOLDERS.items() for word in pair]
        self.process = subprocess.Popen(
            ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private',
             'sh', '-c', START, 'start', self.scratch, self.tree, tempfile.gettempdir(), *folders, '--', *self.COMMAND],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd='/', env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'})
        self.reader = threading.Thread(target=self.read_log, args=(self.process,), daemon=True)
        self.reader.start()
        self.wait_for(lambda: self.log_lines(self.STARTED, since) or self.log_ended, what=f'{self.name} was to start')
        if not self.log_lines(self.STARTED, since):
            self.kill()
            raise AssertionError(f'{self.name} did not start\n{self.log_text()}')
        return self

    def listen_to_log(self):
        """/dev/log of the namespace."""
        path = self.path('log')
        if os.path.exists(path):
            os.unlink(path)
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.log.bind(path)
        os.chmod(path, 0o666)
        received = queue.SimpleQueue()
        self.syslog_reader = threading.Thread(target=self.take_lines, args=(received,), daemon=True)
        self.syslog_reader.start()
        threading.Thread(target=self.read_syslog, args=(self.log, received), daemon=True).start()

    def read_syslog(self, log, received):
        """Waits for nothing but the socket: its queue is short, and an MTA whose line does not fit waits, maybe for a test that waits for the MTA."""
        line = None
        while line != b'':
            line = log.recv(65536)
            received.put(line)

    def take_lines(self, received):
        for line in iter(received.get, b''):
            self.add_line(re.sub(rb'^<\d+>', b'', line))

    def read_log(self, process):
        for line in process.stdout:
            self.add_line(line)
        process.stdout.close()
        self.log_ended = True
        events.announce()

    def add_line(self, line):
        with events.changed:
            self.lines.append(line.decode('utf-8', 'replace').rstrip('\n\0'))
            self.tries += [(len(self.lines), one) for one in self.deliveries_of(self.lines[-1])]
            events.changed.notify_all()

    @property
    def master(self):
        """The server's process id, as the machine sees it: unshare's child is the shell, whose first child is the server; orphans come behind it."""
        return first_child(first_child(self.process.pid))

    def stop(self):
        """SIGTERM, as its init script does. What is being delivered just now is cut off, and is in the queue at the next start."""
        os.kill(self.master, 15)
        try:
            self.process.wait(events.SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'{self.name} did not stop\n{self.log_text()}') from None
        self.ended()

    def restart(self, **changes):
        """With these arguments of the constructor changed. What it has taken is delivered before."""
        self.wait_deferred(0)
        self.stop()
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        self.configure(**self.options)
        return self.start()

    def kill(self):
        """Kills the namespace with every process in it, and waits until its first one, and with it the last, is gone."""
        shell = os.pidfd_open(first_child(self.process.pid))
        self.process.kill()
        self.process.wait()
        select.select([shell], [], [], events.SECONDS)
        os.close(shell)
        self.ended()

    def ended(self):
        self.reader.join()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b'', self.path('log'))  # behind all that was logged
        self.syslog_reader.join()
        self.log.close()
        self.process = None

    def close(self):
        if self.process:
            self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self):
        try:
            return self if self.process else self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print(self.log_text())
        self.close()

    # use

    def run(self, *argv, stdin=None):
        """A command inside: mailq, postsuper, sendmail … Returns its output."""
        done = subprocess.run(['nsenter', '-t', str(self.master), '--mount', '--pid', f'--root=/proc/{self.master}/root', 'sh', '-c', 'cd / && exec "$@"', 'sh', *argv],
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f'{argv}: status {done.returncode}: {done.stderr.decode()}')
        return done.stdout.decode('utf-8', 'replace')

    def waiting(self):
        """Queue ids of what is in the queue."""
        raise NotImplementedError

    def wait_deferred(self, count, seconds=events.SECONDS):
        """Until so many messages lie in the queue, and wait for the next try."""
        self.poll(lambda: len(self.waiting()) == count, f'{count} messages in the queue', seconds)

    def poll(self, predicate, what, seconds=events.SECONDS):
        """For what no log line tells of."""
        deadline = time.monotonic() + seconds
        while not predicate():
            if time.monotonic() > deadline:
                raise AssertionError(f'{what}: not within {seconds:.0f} seconds\n{self.log_text()}')

    def flush(self):
        """Tries everything in the queue, now."""
        raise NotImplementedError

    def send(self, sender, recipients, message, **options):
        """Into its SMTP port; raises smtplib's errors, returns the refused recipients."""
        with smtplib.SMTP('127.0.0.1', self.port, timeout=events.SECONDS) as client:
            return client.sendmail(sender, recipients, message, **options)

    def keywords(self):
        """What it offers: {keyword: parameters}, in capital letters."""
        with smtplib.SMTP('127.0.0.1', self.port, timeout=events.SECONDS) as client:
            client.ehlo()
            return {word.upper(): parameters for word, parameters in client.esmtp_features.items()}

    # what became of it

    def read_mailbox(self, domain):
        """The files of a domain's mailbox: a Maildir."""
        return glob.glob(os.path.join(self.path('mail'), domain, 'new', '*'))

    def mail(self, domain='example.net'):
        """What lies in the mailbox of a domain, in order of arrival."""
        found = []
        for path in sorted(self.read_mailbox(domain), key=lambda path: (os.stat(path).st_mtime_ns, path)):
            with open(path, 'rb') as file:
                found.append(self.mail_of(path, file.read()))
        return found

    def mail_of(self, path, octets):
        return Mail(path, octets)

    def wait_mail(self, count, domain='example.net', seconds=events.SECONDS):
        """Until so many copies lie there: each delivery is logged after the file is in place."""
        self.wait_for(lambda: len(self.read_mailbox(domain)) >= count, seconds, f'{count} copies in the mailbox of {domain}')
        return self.mail(domain)

    def deliveries_of(self, line):
        """Each Delivery that a line of the log speaks of."""
        raise NotImplementedError

    def deliveries(self, since=0):
        """Delivery for each try and recipient; `since`: how many log lines there were before."""
        with events.changed:
            return [one for at, one in self.tries if at > since]

    def delivered(self, since=0, domain=''):
        """Counter: how often it has delivered to each address, by its own log."""
        return collections.Counter(one.address for one in self.deliveries(since) if one.status == 'sent' and one.address.endswith(domain))

    def wait_delivered(self, count, since=0, domain='', seconds=events.SECONDS):
        """Until it has delivered so many copies; returns delivered()."""
        done = lambda: len(self.tries) >= count and self.delivered(since, domain).total() >= count
        self.wait_for(done, seconds, f'{count} deliveries')
        return self.delivered(since, domain)

    def queue_ids(self, since=0):
        """{address: queue ids with which it got its copies}"""
        found = collections.defaultdict(list)
        for one in self.deliveries(since):
            if one.status == 'sent':
                found[one.address].append(one.queue_id)
        return dict(found)

    # the log

    def log_text(self, last=200):
        return '\n'.join(f'# {line}' for line in self.lines[-last:])

    def log_lines(self, pattern, since=0):
        return [line for line in self.lines[since:] if re.search(pattern, line)]

    def complaints(self, since=0):
        return self.log_lines(self.COMPLAINTS, since)

    def wait_log(self, pattern, count=1, since=0, seconds=events.SECONDS):
        """Until `count` lines match; returns the last of them."""
        return self.wait_for(lambda: self.log_lines(pattern, since)[count - 1:count], seconds, f'{count} line(s) with {pattern!r}')[0]

    def wait_for(self, predicate, seconds=events.SECONDS, what='what was awaited'):
        try:
            return events.wait_for(predicate, seconds, what)
        except AssertionError as late:
            raise AssertionError(f'{late}\n{self.log_text()}') from None
