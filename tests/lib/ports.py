"""Ports that no other test takes: below the kernel's range for clients, each locked by a file for the life of this process."""
import fcntl
import os
import socket
import tempfile

FIRST, LAST = 20000, 32000
FOLDER = os.path.join(tempfile.gettempdir(), 'listward-test-ports')
held = []


def free_port():
    os.makedirs(FOLDER, exist_ok=True)
    start = FIRST + os.getpid() * 37 % (LAST - FIRST)
    for step in range(LAST - FIRST):
        port = FIRST + (start - FIRST + step) % (LAST - FIRST)
        if take(port):
            return port
    raise RuntimeError('no port is free')


def take(port):
    lock = open(os.path.join(FOLDER, str(port)), 'w', encoding='ascii')
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for family, address in (socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'):
            probe(family, address, port)
    except OSError:
        lock.close()
        return False
    held.append(lock)
    return True


def probe(family, address, port):
    if family == socket.AF_INET6 and not has_ipv6():
        return
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe_socket:
            probe_socket.bind(('::1', 0))
        return True
    except OSError:
        return False
