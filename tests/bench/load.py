"""Postfix's own load generator and sink, from its package (lib/mta/packages.py): the ceiling that each figure stands beside."""
import os
import socket
import subprocess
import time

from lib import ports
from lib.mta import packages
from lib.mta.postfix import Postfix

BACKLOG = 1000
SENDER = 'author@example.org'


class Tools:
    def __init__(self):
        self.tree = packages.unpacked(Postfix.PACKAGES)
        usr = os.path.join(self.tree, 'usr')
        self.env = {**os.environ, 'LD_LIBRARY_PATH': ':'.join((f'{usr}/lib/postfix', f'{usr}/lib/x86_64-linux-gnu'))}

    def argv(self, program, *words):
        return [os.path.join(self.tree, 'usr', 'sbin', program), *map(str, words)]

    def sink(self, *words):
        """smtp-sink on a port of its own, ready."""
        return SmtpSink(self, words)

    def source(self, port, *words):
        """Runs smtp-source to its end; returns the seconds it took."""
        began = time.monotonic()
        done = subprocess.run(self.argv('smtp-source', '-f', SENDER, *words, f'127.0.0.1:{port}'), env=self.env, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode or 'fatal' in done.stderr:
            raise AssertionError(f'smtp-source {words}: status {done.returncode}: {done.stderr}')
        return seconds


class SmtpSink:
    def __init__(self, tools, words):
        self.port = ports.free_port()
        user = ('-u', 'nobody') if os.geteuid() == 0 else ()
        self.process = subprocess.Popen(tools.argv('smtp-sink', *user, *words, f'127.0.0.1:{self.port}', BACKLOG), env=tools.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(self.port, self.process)

    def close(self):
        self.process.kill()
        self.process.wait()


def wait_port(port, process, seconds=30):
    """Until somebody answers there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f'{process.args[0]} ended with status {process.returncode} before it listened')
        try:
            with socket.create_connection(('127.0.0.1', port), 5) as connection:
                if connection.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.0005)
    raise AssertionError(f'{process.args[0]} does not listen')
