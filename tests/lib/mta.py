"""A real Postfix for tests, unpacked and never installed.

    with Postfix(lists={'lists.example.com': f'inet:127.0.0.1:{daemon.port}'}) as postfix:
        postfix.send('ant@example.org', ['test@lists.example.com'], message)
        postfix.wait_log(r'status=sent')
        postfix.wait_mail(1)                   # what reached mailboxes of example.net

Debian's packages are unpacked below build-check/mta (LISTWARD_DEBS: a folder that has them already). Postfix runs in mount and
process namespaces of its own: its root is an overlay of those files and a few of /etc over the machine's root; queue, mailboxes
and log are in a scratch folder; it listens on loopback, on a high port. Killing the test kills the namespace with all in it.
"""
import email.utils
import fcntl
import glob
import json
import os
import re
import shutil
import smtplib
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

from lib import events, ports

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, 'build-check', 'mta')
USERS = {'postfix': 64001, 'postdrop': 64002, 'vmail': 64003}

START = '''
set -eu
scratch=$1 tree=$2 temporary=$3
mount -t tmpfs -o mode=755 none "$scratch/over"
mkdir "$scratch/over/upper" "$scratch/over/work" "$scratch/over/root"
cp -a "$tree" "$scratch/over/tree"    # layers of one overlay may not lie within each other
cp -a "$scratch/lower" "$scratch/over/lower"
root=$scratch/over/root
mount -t overlay -o "lowerdir=$scratch/over/lower:$scratch/over/tree:/,upperdir=$scratch/over/upper,workdir=$scratch/over/work" none "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind "$temporary" "$root$temporary"
mkdir -p "$root/var/spool/postfix" "$root/var/lib/postfix"
mount --bind "$scratch/spool" "$root/var/spool/postfix"
mount --bind "$scratch/data" "$root/var/lib/postfix"
# This shell stays: it dies with unshare, and all in the namespace with it. (master changes its user, which undoes that bond for itself.)
chroot "$root" /usr/lib/postfix/sbin/master -s -c /etc/postfix &
wait $!
'''

MASTER = '''
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
lmtp      unix  - - n - - lmtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
'''


# packages

def need():
    """Skips the test where a real MTA cannot run."""
    if os.geteuid() != 0:
        events.skip('mta', 'wants root, for a mount namespace')
    for program in 'unshare', 'nsenter', 'chroot', 'dpkg':
        if not shutil.which(program):
            events.skip('mta', f'{program} is not here')
    if subprocess.run(['unshare', '--mount', '--pid', '--fork', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'none', '/mnt'],
                      capture_output=True, check=False).returncode:
        events.skip('mta', 'a mount namespace of its own is not allowed here')


def unpacked():
    """The folder with the unpacked packages; made once, by whoever comes first."""
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, 'lock'), 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = find_packages()
        tree = os.path.join(CACHE, re.sub(r'\.deb$', '', os.path.basename(packages[0])))
        if not os.path.isdir(tree):
            unpack(packages, tree)
    return tree


def find_packages():
    """Files; the first is Postfix itself."""
    folder = os.environ.get('LISTWARD_DEBS')
    if not folder:
        folder = os.path.join(CACHE, 'debs')
        if not glob.glob(os.path.join(folder, 'postfix_*.deb')):
            download(folder)
    packages = glob.glob(os.path.join(folder, 'postfix_*.deb')) + sorted(glob.glob(os.path.join(folder, 'lib*.deb')))
    if not packages or not os.path.basename(packages[0]).startswith('postfix_'):
        events.skip('mta', f'{folder} has no postfix_*.deb')
    return packages


def download(folder):
    """Postfix and the libraries that this machine lacks."""
    if not shutil.which('apt-get'):
        events.skip('mta', 'apt-get is not here, and LISTWARD_DEBS names no folder of packages')
    fresh = folder + '.new'
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    if not fetch(fresh):
        subprocess.run(['apt-get', '-q', 'update'], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if not fetch(fresh):
            events.skip('mta', 'apt-get cannot download postfix here')
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(fresh, folder)


def fetch(folder):
    plan = subprocess.run(['apt-get', 'install', '--print-uris', '-qq', '--no-install-recommends', 'postfix'], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    names = {name for name in re.findall(r"^'[^']*' ([^_ ]+)_", plan.stdout, re.M) if name.startswith('lib')} | {'postfix'}
    done = subprocess.run(['apt-get', '-q', 'download', *sorted(names)], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def unpack(packages, tree):
    new = tree + '.new'
    shutil.rmtree(new, ignore_errors=True)
    for package in packages:
        subprocess.run(['dpkg', '-x', package, new], check=True)
    for folder in 'lib', 'bin', 'sbin':  # a real folder of that name would hide the machine's link
        path = os.path.join(new, folder)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.copytree(path, os.path.join(new, 'usr', folder), symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(path)
    os.rename(new, tree)


# the server

def only_child(parent):
    with open(f'/proc/{parent}/task/{parent}/children', encoding='ascii') as file:
        return int(file.read())


@dataclass
class Mail:
    """One file of a Maildir. `octets`: as in the file, with the three fields that virtual(8) puts on top."""
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


class Postfix:
    def __init__(self, lists=None, mailboxes=('example.net',), main_cf=None, master_cf='', hostname='mta.example.org'):
        """`lists`: {domain: 'inet:127.0.0.1:PORT' or 'unix:/PATH'}, handed over by LMTP. `mailboxes`: domains whose every address has a
        mailbox, but for those that start with `gone`. `main_cf`: {parameter: value} over the ones below. Other domains: discarded."""
        need()
        self.tree = unpacked()
        self.port = ports.free_port()
        self.scratch = tempfile.mkdtemp(prefix='listward-postfix-')
        os.chmod(self.scratch, 0o755)
        self.process = None
        self.lines = []
        self.hostname = hostname
        self.make_folders()
        self.make_etc()
        self.configure(lists or {}, mailboxes, main_cf or {}, master_cf)

    def path(self, *parts):
        return os.path.join(self.scratch, *parts)

    def make_folders(self):
        for folder in 'over', 'lower/etc/postfix', 'data', 'mail':
            os.makedirs(self.path(folder))
        queue = {'public': 0o710, 'maildrop': 0o730}
        for folder in ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private', 'saved', 'trace', 'public', 'maildrop', 'pid'):
            path = self.path('spool', folder)
            os.makedirs(path)
            if folder != 'pid':
                os.chown(path, USERS['postfix'], USERS['postdrop'] if folder in queue else 0)
            os.chmod(path, queue.get(folder, 0o755 if folder == 'pid' else 0o700))
        os.chown(self.path('data'), USERS['postfix'], USERS['postfix'])
        os.chown(self.path('mail'), USERS['vmail'], USERS['vmail'])

    def make_etc(self):
        def keep(path):
            with open(path, encoding='utf-8', errors='replace') as file:
                return [line for line in file.read().splitlines() if line.split(':')[0] not in USERS]
        self.write('lower/etc/passwd', keep('/etc/passwd') + [f'{name}:x:{number}:{number}::/nonexistent:/bin/false' for name, number in USERS.items()])
        self.write('lower/etc/group', keep('/etc/group') + [f'{name}:x:{number}:' for name, number in USERS.items()])
        self.write('lower/etc/postfix/dynamicmaps.cf', [])

    def write(self, path, lines):
        with open(self.path(path), 'w', encoding='utf-8') as file:
            file.write(''.join(line + '\n' for line in lines))

    def configure(self, lists, mailboxes, main_cf, master_cf=''):
        """Takes effect at the next start."""
        boxes = ' '.join(f'{{ /@{re.escape(domain)}$$/ {domain}/ }}' for domain in mailboxes)
        settings = {
            'compatibility_level': '3.6',
            'command_directory': '/usr/sbin',
            'daemon_directory': '/usr/lib/postfix/sbin',
            'mail_owner': 'postfix',
            'setgid_group': 'postdrop',
            'maillog_file': '/dev/stdout',
            'maillog_file_prefixes': '/dev/stdout',
            'myhostname': self.hostname,
            'mydestination': '',
            'mynetworks': '127.0.0.0/8',
            'inet_interfaces': '127.0.0.1',
            'inet_protocols': 'ipv4',
            'disable_dns_lookups': 'yes',
            'smtp_dns_support_level': 'disabled',
            'lmtp_dns_support_level': 'disabled',
            'smtp_host_lookup': 'native',
            'lmtp_host_lookup': 'native',
            'alias_maps': '',
            'alias_database': '',
            'local_recipient_maps': '',
            'biff': 'no',
            'in_flow_delay': '0',
            'message_size_limit': '52428800',
            'virtual_mailbox_limit': '0',
            'mailbox_size_limit': '0',
            'smtpd_relay_restrictions': 'permit_mynetworks, reject_unauth_destination',
            'virtual_mailbox_domains': ' '.join(mailboxes),
            'virtual_mailbox_base': self.path('mail'),
            'virtual_mailbox_maps': f'regexp:{{ {{ if !/^gone/ }} {boxes} {{ endif }} }}' if mailboxes else '',
            'virtual_uid_maps': f'static:{USERS["vmail"]}',
            'virtual_gid_maps': f'static:{USERS["vmail"]}',
            'relay_domains': ' '.join(lists),
            'transport_maps': 'inline:{ ' + ' '.join(f'{{ {domain} = lmtp:{where} }}' for domain, where in lists.items()) + ' }' if lists else '',
            'lmtp_send_xforward_command': 'yes',
            'default_transport': 'discard:',
            **main_cf,
        }
        self.write('lower/etc/postfix/main.cf', [f'{name} = {value}' for name, value in settings.items()])
        self.write('lower/etc/postfix/master.cf', MASTER.format(port=self.port).strip().splitlines() + master_cf.strip().splitlines())

    # life

    def start(self):
        assert self.process is None, 'it runs already'
        since = len(self.lines)
        self.log_ended = False
        self.process = subprocess.Popen(
            ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private',
             'sh', '-c', START, 'start', self.scratch, self.tree, tempfile.gettempdir()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd='/', env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'})
        self.reader = threading.Thread(target=self.read_log, args=(self.process,), daemon=True)
        self.reader.start()
        self.wait_for(lambda: self.log_lines(r'daemon started', since) or self.log_ended, what='Postfix was to start')
        if not self.log_lines(r'daemon started', since):
            self.kill()
            raise AssertionError(f'Postfix did not start\n{self.log_text()}')
        return self

    def read_log(self, process):
        for line in process.stdout:
            with events.changed:
                self.lines.append(line.decode('utf-8', 'replace').rstrip('\n'))
                events.changed.notify_all()
        process.stdout.close()
        self.log_ended = True
        events.announce()

    @property
    def master(self):
        """The process id of master(8), as the machine sees it: unshare's only child is the shell, its only child is master."""
        return only_child(only_child(self.process.pid))

    def stop(self):
        """SIGTERM to master(8), as `postfix stop` does."""
        os.kill(self.master, 15)
        try:
            self.process.wait(events.SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'Postfix did not stop\n{self.log_text()}') from None
        self.reader.join()
        self.process = None

    def kill(self):
        """Kills the namespace with every process in it."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
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
        """A command inside: postqueue, postsuper, sendmail … Returns its output."""
        done = subprocess.run(['nsenter', '-t', str(self.master), '--mount', '--pid', f'--root=/proc/{self.master}/root', '--wd=/', *argv],
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f'{argv}: status {done.returncode}: {done.stderr.decode()}')
        return done.stdout.decode('utf-8', 'replace')

    def queue(self):
        """What waits: dictionaries of `postqueue -j` (queue_name, queue_id, sender, recipients, …)."""
        return [json.loads(line) for line in self.run('postqueue', '-j').splitlines()]

    def wait_queue(self, *names, seconds=events.SECONDS):
        """Until the queues' names of all that waits are these, sorted: wait_queue('deferred'), wait_queue() for nothing. Returns queue().
        The log's `status=deferred` comes before the message has moved to its queue."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            waiting = self.queue()
            if sorted(entry['queue_name'] for entry in waiting) == sorted(names):
                return waiting
        raise AssertionError(f'the queue did not become {names} within {seconds:.0f} seconds: {waiting}\n{self.log_text()}')

    def flush(self):
        """Tries everything in the deferred queue, now."""
        self.run('postqueue', '-f')

    def send(self, sender, recipients, message, **options):
        """Into its SMTP port; raises smtplib's errors, returns the refused recipients."""
        with smtplib.SMTP('127.0.0.1', self.port, timeout=events.SECONDS) as client:
            return client.sendmail(sender, recipients, message, **options)

    def mail(self, domain='example.net'):
        """What lies in the mailbox of a domain, in order of arrival."""
        paths = glob.glob(os.path.join(self.path('mail'), domain, 'new', '*'))
        found = []
        for path in sorted(paths, key=lambda path: (os.stat(path).st_mtime_ns, path)):
            with open(path, 'rb') as file:
                found.append(Mail(path, file.read()))
        return found

    def wait_mail(self, count, domain='example.net', seconds=events.SECONDS):
        """Until so many copies lie there: Postfix logs each delivery after the file is in place."""
        folder = os.path.join(self.path('mail'), domain, 'new')
        arrived = lambda: os.path.isdir(folder) and len(os.listdir(folder)) >= count
        self.wait_for(arrived, seconds, f'{count} copies in the mailbox of {domain}')
        return self.mail(domain)

    # the log

    def log_text(self, last=200):
        return '\n'.join(f'# {line}' for line in self.lines[-last:])

    def log_lines(self, pattern, since=0):
        return [line for line in self.lines[since:] if re.search(pattern, line)]

    def wait_log(self, pattern, count=1, since=0, seconds=events.SECONDS):
        """Until `count` lines match; returns the last of them."""
        return self.wait_for(lambda: self.log_lines(pattern, since)[count - 1:count], seconds, f'{count} line(s) with {pattern!r}')[0]

    def wait_for(self, predicate, seconds=events.SECONDS, what='what was awaited'):
        try:
            return events.wait_for(predicate, seconds, what)
        except AssertionError as late:
            raise AssertionError(f'{late}\n{self.log_text()}') from None
