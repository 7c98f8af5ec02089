"""The build without sanitizers, as `make` makes it: sandbox and hardening exist there alone. LISTWARD_PLAIN_BIN names another than build-plain's."""
import os

from lib import daemon, events

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get('LISTWARD_PLAIN_BIN', os.path.join(ROOT, 'build-plain', 'listward'))
PROBE = os.path.join(os.path.dirname(BINARY), 'probe')


def need(path=BINARY):
    if not os.path.exists(path):
        events.skip('plain', f'{os.path.relpath(path, ROOT)} is not built: tests/check build/plain makes it')


def use():
    """From now on Daemon runs that build. To be called in setUpModule."""
    need()
    daemon.BINARY = BINARY
