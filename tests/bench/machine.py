"""What the figures were measured on."""
import os
import platform
import subprocess
import tempfile
import time

from bench.meter import CORES

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYNC_SECONDS = 1.0
PLACE = 4 << 20


def processor():
    with open('/proc/cpuinfo', encoding='utf-8', errors='replace') as file:
        return next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), platform.machine())


def memory():
    with open('/proc/meminfo', encoding='ascii') as file:
        return f'{int(file.readline().split()[1]) / (1 << 20):.0f} GB'


def syncs(in_place, seconds=SYNC_SECONDS):
    """How often a second 4 KB are safe on the disk where the databases lie, by one thread: appended, or written over what is there, as a write-ahead
    log is that has been used before."""
    count = 0
    with tempfile.TemporaryFile() as file:
        if in_place:
            os.write(file.fileno(), b'x' * PLACE)
            os.fsync(file.fileno())
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            if in_place:
                os.lseek(file.fileno(), count * 4096 % PLACE, os.SEEK_SET)
            os.write(file.fileno(), b'y' * 4096)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.monotonic() - began)


def commit():
    done = subprocess.run(['git', '-C', ROOT, 'describe', '--always', '--dirty'], capture_output=True, text=True, check=False)
    return done.stdout.strip() or 'unknown'


def describe():
    """{what: text}"""
    return {'processor': f'{CORES} cores, {processor()}', 'memory': memory(), 'system': f'{platform.system()} {platform.release()}',
            'disk': f'{syncs(False):,.0f} fdatasync/s of 4 KB by one thread in {tempfile.gettempdir()}, appended; {syncs(True):,.0f} in place',
            'commit': commit(), 'date': time.strftime('%Y-%m-%d %H:%M %Z')}
