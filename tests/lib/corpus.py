"""Real mail for tests, read in place from the archives in ../shared/corpus or LISTWARD_CORPUS; never unpacked to disk.

    for name, octets in corpus.messages('postings'): …      as the author sent them in, with CRLF
    corpus.messages('torture', wire=False)                  as they lie in the archive
"""
import os
import re
import tarfile

from lib import events

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.environ.get('LISTWARD_CORPUS') or os.path.join(os.path.dirname(ROOT), 'shared', 'corpus')
SETS = ('postings', 'bounces', 'torture', 'spam-ham')

# What a list added on the way out.
ADDED = re.compile(rb'(?i)^(list-[\w-]+|x-mailman-[\w-]+|x-beenthere|sender|errors-to|precedence)[ \t]*:')
# What the archive's machine and the list's machines added, above the line of the machine that brought the message to the list.
DELIVERED = re.compile(rb'(?i)^(return-path|x-original-to|delivered-to)[ \t]*:')
RECEIVED = re.compile(rb'(?i)^received[ \t]*:')
OWN_HOSTS = re.compile(rb'(?i)\bby (lfdr|mail\.lfdr\.de|vger\.kernel\.org|smtp\.subspace\.kernel\.org|\w+\.(mirrors|lore)\.kernel\.org'
                       rb'|picard\.linux\.it|mm2\.emwd\.com)[\s.;]')


def need():
    """Skips the test where the corpus is not."""
    missing = [name for name in SETS if not os.path.exists(path_of(name))]
    if missing:
        events.skip('corpus', f'{FOLDER} has no {", ".join(missing)}; LISTWARD_CORPUS names another folder')


def path_of(name):
    return os.path.join(FOLDER, name + '.tar.xz')


def messages(name, wire=True):
    """(name in the archive, octets) of each message of a set, in the archive's order."""
    need()
    with tarfile.open(path_of(name)) as archive:
        for entry in archive:
            if entry.isfile():
                octets = archive.extractfile(entry).read()
                if wire and name == 'postings':
                    octets = as_sent(octets)
                yield entry.name, to_wire(octets) if wire else octets


def to_wire(octets):
    """Every line end CRLF; a stray CR stays what it is."""
    return re.sub(rb'(?<!\r)\n', b'\r\n', octets)


def as_sent(octets):
    """A posting as its author sent it in."""
    header, blank, body = split_header(octets)
    kept, on_top = [], True
    for field in re.split(rb'(?<=\n)(?![ \t])', header):
        own = RECEIVED.match(field) and OWN_HOSTS.search(field)
        if on_top and RECEIVED.match(field) and not own:
            on_top = False
        if not (ADDED.match(field) or (on_top and (own or DELIVERED.match(field)))):
            kept.append(field)
    return b''.join(kept) + blank + body


def split_header(octets):
    """(header with its last line end, the blank line, body)."""
    end = re.search(rb'(?:\A|\n)(\r?\n)', octets)
    if not end:
        return octets, b'', b''
    return octets[:end.start(1)], end.group(1), octets[end.end(1):]
