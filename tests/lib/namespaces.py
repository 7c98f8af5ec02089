"""A network and mounts of a test's own, where they are allowed: by root, and not in every container."""
import functools
import os
import shutil
import subprocess

from lib import events


@functools.cache
def missing(*options):
    """Why there are none; '' if there are."""
    if os.geteuid() != 0:
        return 'only root has mounts of its own'
    words = ['unshare', *options, 'mount', '-t', 'tmpfs', 'none', '/mnt']
    lacks = [word for word in (words[0], *(['ip'] if '--net' in options else [])) if not shutil.which(word)]
    if lacks:
        return f'the command {lacks[0]} is not here'
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return '' if done.returncode == 0 else f'{words[0]} {" ".join(options)} and a mount in it are not allowed here'


def need(*options):
    """Skips the test unless `unshare` may make such namespaces (--mount, --net), and something be mounted there."""
    why = missing(*options)
    if why:
        events.skip('namespaces', why)
