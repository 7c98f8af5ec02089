"""What the figures were measured on."""
import os
import platform
import subprocess
import tempfile
import time

from bench.meter import CORES

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYNC_SECONDS = 1.0


def processor():
    with open('/proc/cpuinfo', encoding='utf-8', errors='replace') as file:
        return next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), platform.machine())


def memory():
    with open('/proc/meminfo', encoding='ascii') as file:
        return f'{int(file.readline().split()[1]) / (1 << 20):.0f} GB'


def syncs(seconds=SYNC_SECONDS):
    """How often a second 4 KB are appended to a file and safe on the disk, by one thread, where the databases lie."""
    count = 0
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            os.write(file.fileno(), b'x' * 4096)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.monotonic() - began)


def commit():
    done = subprocess.run(['git', '-C', ROOT, 'describe', '--always', '--dirty'], capture_output=True, text=True, check=False)
    return done.stdout.strip() or 'unknown'


def describe():
    """{what: text}"""
    return {'processor': f'{CORES} cores, {processor()}', 'memory': memory(), 'system': f'{platform.system()} {platform.release()}',
            'disk': f'{syncs():,.0f} fdatasync/s of 4 KB appended by one thread in {tempfile.gettempdir()}', 'commit': commit(),
            'date': time.strftime('%Y-%m-%d %H:%M %Z')}
