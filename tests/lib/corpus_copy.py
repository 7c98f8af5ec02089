"""A copy that a list sends out, compared with the message that came in."""
import re

# src/pipeline/README.md: the removal table.
REMOVED = re.compile(rb'(?i)^(approved|approve|x-approved|x-approve|urgent|return-receipt-to|disposition-notification-to|x-confirm-reading-to|x-pmrqc|return-path'
                     rb'|list-[\w-]+|message-id-hash|x-message-id-hash)[ \t]*:')
# What the pipeline puts on top, and nothing else.
ADDED = re.compile(rb'(?i)^(received|x-listward-loop|list-id|list-help|list-owner|list-post|list-subscribe|list-unsubscribe|precedence|message-id-hash|message-id'
                   rb'|date)[ \t]*:')


def cleaned(octets):
    """As the server takes it in: stray CR and LF are spaces; the last line has an end, since DATA gives it one."""
    octets = re.sub(rb'\r(?!\n)|(?<!\r)\n', b' ', octets)
    return octets if octets.endswith(b'\r\n') else octets + b'\r\n'


def fields(header):
    """The fields of a header section, folded as they are."""
    return [field for field in re.split(rb'(?<=\r\n)(?![ \t])', header) if field]


def parts(octets):
    """(fields, body)"""
    if octets.startswith(b'\r\n'):
        return [], octets[2:]
    header, blank, body = octets.partition(b'\r\n\r\n')
    return fields(header + b'\r\n' if blank else header), body


def is_kept(field):
    return not REMOVED.match(field)


def differences(sent, got):
    """What is wrong with the copy `got` of the message `sent`; empty if nothing."""
    before, body = parts(cleaned(sent))
    after, got_body = parts(got)
    while before and before[0].startswith((b'From ', b' ', b'\t', b'>From ')):
        before = before[1:]  # above the first field: an mbox's line, or a continuation of nothing
    kept = [field for field in before if is_kept(field)]
    wrong = []
    if got_body != body:
        wrong.append(f'body of {len(body)} octets came out with {len(got_body)}')
    if kept and after[-len(kept):] != kept:
        wrong.append('kept fields differ')
    for field in after[:len(after) - len(kept)]:
        if not ADDED.match(field):
            wrong.append(f'added {field!r}')
    return wrong
