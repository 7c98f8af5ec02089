"""Keyed tags in envelope senders, read by an implementation of their own: src/envelope/tag.c says how they are made."""
import hashlib
import hmac
import re

DIGITS = '0123456789abcdefghijklmnopqrstuv'
MAC = 16


def split(sender):
    """(the sender without its tag, the tag); a sender without one is an error."""
    match = re.fullmatch(rf'(.+)\+([a-z][{DIGITS}]{{{MAC + 1},42}})(@.+)', sender)
    if not match:
        raise AssertionError(f'{sender} has no tag')
    return match[1] + match[3], match[2]


def untagged(sender):
    return split(sender)[0]


def mac(secret, list_id, payload):
    octets = hmac.new(secret, b'listward bounce tag 1\n%d\n' % list_id + payload.encode(), hashlib.sha256).digest()[:10]
    number = int.from_bytes(octets, 'big')
    return ''.join(DIGITS[number >> 5 * place & 31] for place in reversed(range(MAC)))


def read(sender, secrets, list_id):
    """(posting id, member id or 0) of a sender whose tag was made with one of the keys."""
    tag = split(sender)[1]
    payload = tag[:-MAC]
    if tag[-MAC:] not in [mac(secret, list_id, payload) for secret in secrets]:
        raise AssertionError(f'{sender}: nobody with these keys has made the tag')
    kind = ord(payload[0]) - ord('a')
    posting, member = payload[1:kind % 13 + 2], payload[kind % 13 + 2:]
    assert bool(member) == (kind >= 13), sender
    return int(posting, 32), int(member, 32) if member else 0
