"""A group of rows that share a set-up: start() once, round() as often as there are runs, stop()."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How much of everything. The table is measured with these; the test of the harness takes tiny ones."""
    accepts: int = 4000  # 50 sessions; a fewth of it with one session, and of the large ones
    sustained: int = 3000
    members: int = 100_000
    copies: int = 20_000  # transactions of the reference of personal copies
    queue_members: int = 10_000
    lists: int = 10_000
    all_members: int = 1_000_000
    answers: int = 3000
    idle_seconds: float = 10.0
    growth: int = 2000
    milter_messages: int = 4000


TINY = Sizes(accepts=60, sustained=30, members=700, copies=50, queue_members=300, lists=30, all_members=300, answers=40, idle_seconds=0.2, growth=60,
             milter_messages=20)


class Group:
    NAME = ''
    ROWS = ()

    def __init__(self, tools, sizes):
        self.tools, self.sizes = tools, sizes
        self.open = []  # what stop() closes, the last first

    def keep(self, thing):
        self.open.append(thing)
        return thing

    def start(self):
        """Makes what all rounds share."""

    def round(self):
        """Yields (key of a row, Sample)."""
        raise NotImplementedError

    def stop(self):
        while self.open:
            self.open.pop().close()
