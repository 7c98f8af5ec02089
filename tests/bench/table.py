"""The rows of the table, and how it is printed."""
import json
import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limit:
    """A promise about the figure itself or its ratio to the reference."""
    of: str  # 'figure' or 'ratio'
    sign: str  # '>=' or '<='
    value: float

    def holds(self, value):
        return value >= self.value if self.sign == '>=' else value <= self.value

    def text(self, unit):
        return f'{self.sign} {self.value:g}' + (' ×' if self.of == 'ratio' else f' {unit}' if unit else '')


@dataclass(frozen=True)
class Row:
    key: str
    measure: str
    unit: str
    limits: tuple = ()
    reference: str = ''  # what the reference is
    peers: str = ''  # what others do, measured at another time


@dataclass(frozen=True)
class Sample:
    figure: float
    reference: float = None
    peak: float = None  # MB of PSS meanwhile
    others: float = 0.0  # share of the machine that processes of others used
    note: str = ''


@dataclass
class Result:
    row: Row
    samples: list = field(default_factory=list)

    def median(self, pick):
        values = [pick(sample) for sample in self.samples if pick(sample) is not None]
        return statistics.median(values) if values else None

    @property
    def figure(self):
        return self.median(lambda sample: sample.figure)

    @property
    def reference(self):
        return self.median(lambda sample: sample.reference)

    @property
    def ratio(self):
        """Of the pairs, not of the medians: both halves of a pair saw the machine in the same state."""
        return self.median(lambda sample: sample.figure / sample.reference if sample.reference else None)

    @property
    def peak(self):
        return max((sample.peak for sample in self.samples if sample.peak), default=None)

    @property
    def others(self):
        return max(sample.others for sample in self.samples)

    def value_of(self, limit):
        return self.ratio if limit.of == 'ratio' else self.figure

    @property
    def is_met(self):
        return all(limit.holds(self.value_of(limit)) for limit in self.row.limits)

    @property
    def spread(self):
        figures = [sample.figure for sample in self.samples]
        return f'{number(min(figures))}..{number(max(figures))}' if len(figures) > 1 else ''

    def as_json(self):
        return {'key': self.row.key, 'measure': self.row.measure, 'unit': self.row.unit, 'figure': self.figure, 'reference': self.reference,
                'reference_is': self.row.reference, 'ratio': self.ratio, 'targets': [limit.text(self.row.unit) for limit in self.row.limits],
                'met': self.is_met, 'peak_mb': self.peak, 'others': self.others, 'samples': [vars(sample) for sample in self.samples]}


PEAK = Row('peak', 'memory, the highest peak of the rows above', 'MB', (Limit('figure', '<=', 48),))


def peaks(results):
    """The row about all rows, if any has a peak."""
    highest = max((result for result in results if result.peak), key=lambda result: result.peak, default=None)
    return [Result(PEAK, [Sample(highest.peak, note=f'in "{highest.row.measure}"')])] if highest else []


def number(value):
    if value is None:
        return ''
    if value == 0 or abs(value) >= 1000:
        return f'{value:,.0f}'
    return f'{value:.3g}' if abs(value) < 100 else f'{value:.0f}'


def verdict(result):
    return '' if not result.row.limits else 'met' if result.is_met else 'MISSED'


COLUMNS = (  # heading, text of a result, to the right
    ('measure', lambda result: result.row.measure, False),
    ('figure', lambda result: f'{number(result.figure)} {result.row.unit}', True),
    ('runs', lambda result: result.spread, True),
    ('reference', lambda result: number(result.reference), True),
    ('ratio', lambda result: number(result.ratio), True),
    ('target', lambda result: ', '.join(limit.text(result.row.unit) for limit in result.row.limits), False),
    ('', verdict, False),
    ('peak MB', lambda result: number(result.peak), True),
    ('others', lambda result: f'{result.others:.2f}', True),
)


def render(results):
    """Lines: the table, then what the references are and what others do."""
    cells = [[heading for heading, _, _ in COLUMNS]] + [[text(result) for _, text, _ in COLUMNS] for result in results]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ['  '.join(cell.rjust(width) if right else cell.ljust(width) for cell, width, (_, _, right) in zip(line, widths, COLUMNS)).rstrip() for line in cells]
    lines.insert(1, '  '.join('-' * width for width in widths))
    lines += notes('references, each measured right beside its figure:', [(result.row.measure, result.row.reference) for result in results])
    lines += notes('notes:', [(result.row.measure, sample.note) for result in results for sample in result.samples[-1:]])
    return lines + notes('others, measured in November 2026 on a machine with 2 cores like the one of docs/performance.md:',
                         [(result.row.measure, result.row.peers) for result in results])


def notes(heading, pairs):
    pairs = [pair for pair in pairs if pair[1]]
    width = max((len(name) for name, _ in pairs), default=0)
    return ['', heading] + [f'  {name.ljust(width)}  {text}' for name, text in pairs] if pairs else []


def write_json(path, machine, results):
    with open(path, 'w', encoding='utf-8') as file:
        json.dump({'machine': machine, 'rows': [result.as_json() for result in results]}, file, indent=1)
        file.write('\n')
