"""DKIM signatures (RFC 6376) without keys: what a signature covers, so that a message and its copy can be compared.

    dkim.signatures(octets)  ->  [Signature, …] in the message's order
    dkim.broken(before, after) -> what no longer holds in `after` that held in `before`: texts, empty if nothing
"""
import base64
import hashlib
import re
from dataclasses import dataclass


@dataclass
class Signature:
    name: str  # domain and selector
    body_holds: bool  # the body hash is that of the body
    covered: bytes  # digest of the header data that the signature is over


def canonical_body(body, relaxed):
    """3.4.3 and 3.4.4"""
    if relaxed:
        body = re.sub(rb'[ \t]+', b' ', body)
        body = re.sub(rb' \r\n', b'\r\n', body)
    body = re.sub(rb'(\r\n)+\Z', b'', body)
    return body + b'\r\n' if body or not relaxed else b''


def canonical_field(field, relaxed):
    """3.4.1 and 3.4.2; without the line end"""
    if not relaxed:
        return field[:-2]
    name, _, value = field.partition(b':')
    value = re.sub(rb'[ \t]+', b' ', value.replace(b'\r\n', b''))
    return name.strip().lower() + b':' + value.strip()


def tags(field):
    value = re.sub(rb'[\r\n \t]+', b'', field.partition(b':')[2])
    return dict(item.split(b'=', 1) for item in value.split(b';') if b'=' in item)


def split(octets):
    header, _, body = octets.partition(b'\r\n\r\n')
    return [field for field in re.split(rb'(?<=\r\n)(?![ \t])', header + b'\r\n') if field], body


def covered(fields, signature, tag, relaxed):
    """5.4.2: each name takes the lowest instance that is not taken yet; then the signature itself with an empty b=."""
    left = {}
    for field in fields:
        left.setdefault(field.partition(b':')[0].strip().lower(), []).append(field)
    digest = hashlib.sha256()
    for name in tag.get(b'h', b'').lower().split(b':'):
        if left.get(name):
            digest.update(canonical_field(left[name].pop(), relaxed) + b'\r\n')
    digest.update(canonical_field(re.sub(rb'(?s)([;:\s]b[ \t\r\n]*=)[^;]*', rb'\1', signature), relaxed))
    return digest.digest()


def body_holds(body, tag, relaxed):
    content = canonical_body(body, relaxed)
    if tag.get(b'l', b'').isdigit():
        content = content[:int(tag[b'l'])]
    made = hashlib.new('sha1' if tag.get(b'a', b'').endswith(b'sha1') else 'sha256', content).digest()
    return base64.b64encode(made) == tag.get(b'bh')


def signatures(octets):
    fields, body = split(octets)
    found = []
    for field in fields:
        if not re.match(rb'(?i)dkim-signature[ \t]*:', field):
            continue
        tag = tags(field)
        header_way, _, body_way = tag.get(b'c', b'simple/simple').partition(b'/')
        name = (tag.get(b'd', b'?') + b' ' + tag.get(b's', b'?')).decode('ascii', 'replace')
        found.append(Signature(name, body_holds(body, tag, body_way == b'relaxed'), covered(fields, field, tag, header_way == b'relaxed')))
    return found


def broken(before, after):
    now = {(signature.name, signature.covered): signature for signature in signatures(after)}
    wrong = []
    for signature in signatures(before):
        same = now.get((signature.name, signature.covered))
        if same is None:
            wrong.append(f'{signature.name}: signed fields differ')
        elif signature.body_holds and not same.body_holds:
            wrong.append(f'{signature.name}: the body hash does not hold any more')
    return wrong
