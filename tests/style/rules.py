"""What a machine can check of how the code looks: who may include whom, lengths, locks, replies, comments.

python3 tests/style/rules.py [TREE]   prints what is wrong, then what is longer than the house likes.
"""
import os
import re
import sys
from dataclasses import dataclass

BELOW_ROBOT = 'base net store envelope message list verdict queue pipeline smtp outlet courier'.split()
BELOW_SURFACE = BELOW_ROBOT + ['robot', 'archive']
MAY_INCLUDE = {  # a folder may always include itself
    'base': [],
    'net': ['base'],
    'store': ['base'],
    'envelope': ['base'],
    'message': ['base'],
    'door': ['base', 'net', 'envelope'],
    'list': ['base', 'store', 'envelope'],
    'verdict': ['base', 'envelope', 'message', 'list'],
    'queue': ['base', 'store', 'envelope', 'message', 'list', 'verdict'],
    'pipeline': ['base', 'envelope', 'message', 'list'],
    'smtp': ['base', 'net'],
    'outlet': ['base', 'net', 'smtp'],
    'courier': ['base', 'net', 'store', 'envelope', 'message', 'list', 'queue', 'pipeline', 'smtp', 'outlet'],
    'robot': BELOW_ROBOT,
    'archive': BELOW_ROBOT,
    'rest': BELOW_SURFACE,
    'web': BELOW_SURFACE,
    'mta': BELOW_SURFACE,
    'import': BELOW_SURFACE,
    'cli': BELOW_SURFACE + ['mta'],
    'server': BELOW_SURFACE + ['door', 'rest', 'web', 'mta', 'import', 'cli'],
}
ONLY_IN = {  # library header: folders
    'sqlite3.h': ['store'],
    'libpq-fe.h': ['store'],
    'microhttpd.h': ['rest', 'web'],
    'openssl/ssl.h': ['net'],
}
FUNCTION_MAX, FUNCTION_GOOD, FUNCTION_LONG_SHARE = 100, 60, 0.05
FILE_MAX, FILE_GOOD = 1000, 600

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
GLIB_LOCK = re.compile(r'\b(g_(mutex|rec_mutex|rw_lock|static_mutex|cond|thread|async_queue|private|once|atomic|bit_lock|main_loop|task)_\w*'
                       r'|G(Mutex|RecMutex|RWLock|Cond|Thread|ThreadPool|AsyncQueue|Private|Once|MainLoop|Task)|G_LOCK\w*|G_ONCE\w*)\b')
REPLY = re.compile(r'"[245][0-9][0-9][ -]')
REPLIES = re.compile(r'src/(base/reply\.[ch]|mta/\w+\.c|door/(stub_hooks\.c|dialogue_check\.h))$')  # the table; what is pasted into MTAs; what tests say
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX)\b')
PROTOTYPE = re.compile(r'^(?!static\b|typedef\b|return\b|extern "C")(?:[a-zA-Z_][\w \t*]*?\b)?([a-z_]\w*)\(')
NEEDS_NO_COMMENT = re.compile(r'_(free|clear)$')  # the same for all: they give back what the noun holds, and take NULL
TEXT = ('.c', '.h', '.py', '.md', '.build', '.txt', '.sh', '.1', '.5', '.conf', '.service', '.sql')
SKIPPED_FOLDERS = {'.git', '__pycache__', 'fuzz'}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f'{self.path}:{self.line}: {self.text}'


def files_of(tree):
    """Paths from `tree`, sorted; neither build folders nor seeds of fuzz targets."""
    found = []
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not (folder == tree and name.startswith('build')))
        found += [os.path.relpath(os.path.join(folder, name), tree) for name in sorted(names)]
    return found


def is_test(path):
    return path.endswith(('_test.c', '_fuzz.c'))


def folder_of(path):
    """`list` for src/list/member.c; None outside src."""
    parts = path.split(os.sep)
    return parts[1] if parts[0] == 'src' and len(parts) > 2 else None


def check_includes(path, lines, tree):
    folder = folder_of(path)
    allowed = MAY_INCLUDE.get(folder)
    if allowed is None:
        yield Finding(path, 1, 'include', f'the folder src/{folder} is not in the table of who may include whom')
        return
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include:
            yield from check_include(path, number, folder, allowed, *include.groups())


def check_include(path, number, folder, allowed, mark, name):
    if name in ONLY_IN and folder not in ONLY_IN[name]:
        yield Finding(path, number, 'library', f'{name} belongs in {" and ".join(ONLY_IN[name])} alone')
    if mark == '"':
        target = name.split('/')[0]
        if '/' not in name:
            yield Finding(path, number, 'include', f'"{name}" is not a path from src/')
        elif target != folder and target not in allowed:
            yield Finding(path, number, 'include', f'{folder}/ may not include {target}/')


def check_own_header(path, lines, tree):
    own = path[len('src/'):-len('.c')] + '.h'
    if not path.endswith('.c') or not os.path.exists(os.path.join(tree, 'src', own)):
        return
    first = next((m.group(2) for m in map(INCLUDE.match, lines) if m), None)
    if first != own:
        yield Finding(path, 1, 'own header', f'the first include is not "{own}"')


def functions_of(lines):
    """(name, first line, length): a function's braces stand alone in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == '{':
            start = number
        elif line.startswith('}') and start is not None:
            yield name_above(lines, start), start, number - start
            start = None


def name_above(lines, start):
    for line in reversed(lines[max(0, start - 12):start - 1]):
        name = re.match(r'^(?:[\w *]*[ *])?(\w+)\(', line)
        if name:
            return name.group(1)
    return '?'


def check_lengths(path, lines, tree):
    if len(lines) > FILE_MAX:
        yield Finding(path, len(lines), 'file length', f'{len(lines)} lines, {FILE_MAX} at most')
    for name, number, length in functions_of(lines):
        if length > FUNCTION_MAX:
            yield Finding(path, number, 'function length', f'{name} has {length} lines, {FUNCTION_MAX} at most')


def check_words(path, lines, tree):
    for number, line in enumerate(lines, 1):
        lock = GLIB_LOCK.search(line)
        if lock:
            yield Finding(path, number, 'locks', f"{lock.group(0)}: locks and threads are pthreads' or C11 atomics")
        if REPLY.search(line) and not is_test(path) and not REPLIES.match(path):
            yield Finding(path, number, 'reply', 'a literal SMTP reply outside base/reply')


def check_prototypes(path, lines, tree):
    """A prototype needs a comment above it; one comment may stand over several prototypes if no blank line parts them."""
    if not path.endswith('.h'):
        return
    commented = in_comment = False
    for number, line in enumerate(lines, 1):
        opens, closes = '/*' in line, '*/' in line
        if in_comment or line.lstrip().startswith('/*'):
            in_comment = not closes
            commented = True
            continue
        if not line.strip() or line.startswith('}'):
            commented = False
        prototype = PROTOTYPE.match(line)
        if not prototype or commented or opens or NEEDS_NO_COMMENT.search(prototype.group(1)):
            continue
        if ends_as_prototype(lines, number - 1):
            yield Finding(path, number, 'comment', f'{prototype.group(1)} has no comment')


def ends_as_prototype(lines, index):
    """False for a definition with a body."""
    for line in lines[index:index + 12]:
        bare = line.split('/*')[0].rstrip()
        if bare.endswith(';'):
            return True
        if bare.endswith('{') or not bare:
            return False
    return False


def check_text(path, data):
    if not data.endswith(b'\n') and data:
        yield Finding(path, data.count(b'\n') + 1, 'text', 'no line end at the end of the file')
    for number, line in enumerate(data.split(b'\n'), 1):
        if line.endswith((b' ', b'\t', b'\r')):
            yield Finding(path, number, 'text', 'blanks at the end of the line')
        if UNFINISHED.search(line.decode('utf-8', 'replace')):
            yield Finding(path, number, 'unfinished', 'a note to do something later: do it, or say in the docs what is missing')


def check_readmes(paths):
    for folder in sorted({folder_of(path) for path in paths} - {None}):
        if os.path.join('src', folder, 'README.md') not in paths:
            yield Finding(f'src/{folder}', 1, 'readme', 'the folder has no README.md')


CODE_CHECKS = [check_includes, check_own_header, check_lengths, check_words, check_prototypes]


def is_text(path):
    return path.endswith(TEXT) or '.' not in os.path.basename(path)


def check_tree(tree):
    paths = files_of(tree)
    findings = list(check_readmes(paths))
    for path in paths:
        if not is_text(path):
            continue
        with open(os.path.join(tree, path), 'rb') as file:
            data = file.read()
        findings += check_text(path, data)
        if path.endswith(('.c', '.h')) and folder_of(path):
            lines = data.decode('utf-8', 'replace').splitlines()
            for check in CODE_CHECKS:
                findings += check(path, lines, tree)
    return findings


def lengths_of(tree):
    """Every function of the code that is no test: (length, path, name)."""
    lengths = []
    for path in files_of(tree):
        if path.endswith('.c') and folder_of(path) and not is_test(path):
            with open(os.path.join(tree, path), encoding='utf-8', errors='replace') as file:
                lengths += [(length, path, name) for name, _, length in functions_of(file.read().splitlines())]
    return sorted(lengths)


def long_share(lengths):
    return sum(length > FUNCTION_GOOD for length, _, _ in lengths) / len(lengths) if lengths else 0


def main(tree):
    findings = check_tree(tree)
    for finding in findings:
        print(finding)
    lengths = lengths_of(tree)
    for length, path, name in lengths:
        if length > FUNCTION_GOOD:
            print(f'longer than the house likes: {path}: {name}: {length} lines')
    if lengths:
        at = lambda share: lengths[min(len(lengths) - 1, int(len(lengths) * share))][0]
        print(f'{len(lengths)} functions: median {at(0.5)} lines, 95th percentile {at(0.95)}, {100 * long_share(lengths):.1f} % over {FUNCTION_GOOD}')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))
