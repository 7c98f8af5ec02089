"""What a stretch of time cost: seconds, processor time of the server, its memory at the peak, and what others did on the machine meanwhile."""
import os
import threading
import time

TICKS = os.sysconf('SC_CLK_TCK')
CORES = len(os.sched_getaffinity(0))
SAMPLE_TIME = 0.05


def cpu_seconds(pid):
    """Of all its threads, by the clock that clock_getcpuclockid(3) names: nanoseconds, where /proc counts in ticks."""
    return time.clock_gettime(~pid << 3 | 2)


def memory(pid):
    """{'Rss': megabytes, 'Pss': what is shared with others counted in part, …} of smaps_rollup."""
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
        lines = [line.split() for line in file.readlines()[1:]]
    return {words[0].rstrip(':'): int(words[1]) / 1024 for words in lines}


def context_switches(pid):
    """Of all its threads together: a thread that wakes up and sleeps again counts one."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/status', encoding='ascii', errors='replace') as file:
            total += sum(int(line.split()[1]) for line in file if 'ctxt_switches' in line)
    return total


def machine_ticks():
    with open('/proc/stat', encoding='ascii') as file:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, file.readline().split()[1:8])
    return user + nice + system + irq + softirq


def processes():
    """{pid: (parent, ticks that it and the children it has waited for used)}"""
    found = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open(f'/proc/{name}/stat', 'rb') as file:
                    fields = file.read().rpartition(b') ')[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[int(name)] = int(fields[1]), sum(map(int, fields[11:15]))
    return found


def own_ticks():
    """Of this process and all that it has started."""
    found = processes()
    children = {}
    for pid, (parent, _) in found.items():
        children.setdefault(parent, []).append(pid)
    total, open_ends = 0, [os.getpid()]
    while open_ends:
        pid = open_ends.pop()
        total += found[pid][1] if pid in found else 0
        open_ends += children.get(pid, [])
    return total


class Meter:
    """with Meter(pid) as meter: …, then meter.seconds, .cpu (seconds), .peak (MB of PSS), .others (share of the machine, 0 to 1)."""

    def __init__(self, pid=None):
        self.pid = pid
        self.seconds = self.cpu = self.peak = self.others = 0.0
        self.over = threading.Event()

    def __enter__(self):
        self.begin = time.monotonic(), machine_ticks(), own_ticks(), cpu_seconds(self.pid) if self.pid else 0
        if self.pid:
            self.sampler = threading.Thread(target=self.sample, daemon=True)
            self.sampler.start()
        return self

    def __exit__(self, kind, *_):
        began, machine, own, cpu = self.begin
        self.seconds = time.monotonic() - began
        if self.pid:
            self.over.set()
            self.sampler.join()
            self.cpu = cpu_seconds(self.pid) - cpu if kind is None else 0
        used = (machine_ticks() - machine) - (own_ticks() - own)
        self.others = max(0.0, used / TICKS / CORES / max(self.seconds, 1 / TICKS))

    def sample(self):
        while True:
            try:
                self.peak = max(self.peak, memory(self.pid)['Pss'])
            except (FileNotFoundError, ProcessLookupError, KeyError):
                return
            if self.over.wait(SAMPLE_TIME):
                return
