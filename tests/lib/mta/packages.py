"""Debian's packages of MTAs, unpacked below build-check/mta and never installed: they conflict with one another."""
import fcntl
import glob
import os
import re
import shutil
import subprocess

from lib import events

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
CACHE = os.path.join(ROOT, 'build-check', 'mta')


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


def unpacked(names):
    """The folder with these packages, the MTA's own first, and the libraries that the machine lacks; made once, by whoever comes first."""
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, 'lock'), 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = find(names)
        tree = os.path.join(CACHE, re.sub(r'\.deb$', '', os.path.basename(packages[0])))
        if not os.path.isdir(tree):
            unpack(packages, tree)
    return tree


def find(names):
    """Files; the first is the MTA itself."""
    folder = os.environ.get('LISTWARD_DEBS')
    if not folder:
        folder = os.path.join(CACHE, 'debs', names[0])
        if not os.path.isdir(folder):
            download(names, folder)
    found = [path for name in names for path in glob.glob(os.path.join(folder, f'{name}_*.deb'))]
    if len(found) < len(names):
        events.skip('mta', f'{folder} has not all of {", ".join(names)}')
    return found + sorted(glob.glob(os.path.join(folder, 'lib*.deb')))


def download(names, folder):
    if not shutil.which('apt-get'):
        events.skip('mta', 'apt-get is not here, and LISTWARD_DEBS names no folder of packages')
    fresh = folder + '.new'
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    if not fetch(names, fresh):
        subprocess.run(['apt-get', '-q', 'update'], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if not fetch(names, fresh):
            events.skip('mta', f'apt-get cannot download {names[0]} here')
    os.rename(fresh, folder)


def fetch(names, folder):
    """What apt would install, if it is one of them or a library."""
    plan = subprocess.run(['apt-get', 'install', '-s', '-q', '--no-install-recommends', *names], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    libraries = {name for name in re.findall(r'^Inst (\S+)', plan.stdout, re.M) if name.startswith('lib')}
    done = subprocess.run(['apt-get', '-q', 'download', *names, *sorted(libraries)], cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, check=False)
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
