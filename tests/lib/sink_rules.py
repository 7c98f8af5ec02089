"""What no SMTP client may do. Each function gives the sentences that say what was wrong; the sink asks for every command and every message."""
import re

STRAY = re.compile(rb'\r(?!\n)|(?<!\r)\n')
LAST_IN_GROUP = ('CONNECT', 'EHLO', 'HELO', 'LHLO', 'DATA', 'STARTTLS', 'AUTH', 'QUIT', 'NOOP', 'VRFY')  # RFC 2920 3.1, 3207 4, 4954 4
TEXT_LINE = 998  # RFC 5321 4.5.3.1.6, without CRLF
COMMAND_LINE, AUTH_LINE = 512, 12288  # with CRLF: RFC 5321 4.5.3.1.4, 4954 4
LONGER = {  # by so much when the keyword is offered: RFC 1870 3, 6152 2, 6531 3.1, 3461 4, 4954 3; ` XVERP=+=`
    'MAIL': {'SIZE': 26, '8BITMIME': 17, 'SMTPUTF8': 10, 'DSN': 116, 'AUTH': 500, 'XVERP': 9},
    'RCPT': {'DSN': 536},
}

XTEXT = r'(?:[!-*,-<>-~]|\+[0-9A-F]{2})*'  # RFC 3461 4
UTF8_XTEXT = r'(?:[!-*,-<>-\[\]-~\u0080-\U0010ffff]|\\x\{[0-9A-F]{2,6}\})*'  # RFC 6533 3
NOTIFY = r'NEVER|(?:(?:SUCCESS|FAILURE|DELAY)(?:,(?!$)|$)){1,3}'
PARAMETERS = {  # name: the keyword that it needs, and its value; '' is none
    'MAIL': {
        'BODY': ('8BITMIME', '7BIT|8BITMIME|BINARYMIME'),
        'SIZE': ('SIZE', r'\d{1,20}'),
        'SMTPUTF8': ('SMTPUTF8', ''),
        'RET': ('DSN', 'FULL|HDRS'),
        'ENVID': ('DSN', rf'(?=.{{1,100}}$){XTEXT}'),
        'XVERP': ('XVERP', '[-+=]{2}|'),
        'AUTH': ('AUTH', f'<>|{XTEXT}'),
    },
    'RCPT': {
        'NOTIFY': ('DSN', NOTIFY),
        'ORCPT': ('DSN', rf'(?=.{{1,500}}$)(?:rfc822;{XTEXT}|utf-8;{UTF8_XTEXT})'),
    },
}


def of_command(line, offered):
    octets = line.encode('utf-8', 'surrogateescape')
    verb = line.split(' ')[0].upper()
    most = AUTH_LINE if verb == 'AUTH' else COMMAND_LINE + sum(more for word, more in LONGER.get(verb, {}).items() if word in offered)
    if STRAY.search(octets):
        yield f'stray line end in the command {line!r}'
    if len(octets) + 2 > most:
        yield f'{verb} has {len(octets) + 2} octets, {most} at most'
    if b'\0' in octets:
        yield f'NUL in {line!r}'
    if re.search('[\udc80-\udcff]', line):
        yield f'no UTF-8 in {line!r}'
    elif not line.isascii() and verb not in PARAMETERS:
        yield f'UTF-8 in {line!r}'


def of_path(verb, path, offered, utf8):
    """`utf8`: MAIL has or had the parameter SMTPUTF8."""
    if not path.line.isascii() and not utf8:
        yield f'UTF-8 without SMTPUTF8: {path.line!r}'
    if not re.match(r'(?i)(MAIL FROM|RCPT TO):<', path.line):
        yield f'a blank behind the colon: {path.line!r}'
    if verb == 'MAIL' and len(path.address.rpartition('@')[0].encode('utf-8', 'surrogateescape')) > 64:
        yield f'a local part of more than 64 octets: {path.line!r}'  # RFC 5321 4.5.3.1.1
    if len(path.words) > len(path.params):
        yield f'a parameter twice: {path.line!r}'
    for name, value in path.params.items():
        keyword, pattern = PARAMETERS[verb].get(name, (None, None))
        if keyword is None:
            yield f'unknown parameter: {path.line!r}'
        elif keyword not in offered:
            yield f'{name} without {keyword} being offered: {path.line!r}'
        elif not re.fullmatch(pattern, value or '', re.I) or (value is not None and pattern == ''):
            yield f'wrong value of {name}: {path.line!r}'
        elif value == 'BINARYMIME' and 'BINARYMIME' not in offered:
            yield f'BINARYMIME is not offered: {path.line!r}'


def of_message(message, offered, strict=False):
    """A message as it came, dots undone. `strict`: nor what a program may have got from somebody else and passes on as it came, as Postfix
    does: long lines, and UTF-8 in the header of mail that did not come as SMTPUTF8."""
    octets, params, (header, _, body) = message.octets, message.params, message.octets.partition(b'\r\n\r\n')
    kind = (params.get('BODY') or '').upper()
    if kind == 'BINARYMIME':
        if not message.chunks:
            yield 'BINARYMIME by DATA'
    else:
        if STRAY.search(message.raw or octets):
            yield 'stray line end in a message'
        longest = max(map(len, octets.split(b'\r\n')))
        if strict and longest > TEXT_LINE:
            yield f'a line of {longest} octets in a message'
        if not body.isascii() and kind != '8BITMIME':
            yield 'octets above 127 in a body without BODY=8BITMIME'
    if not header.isascii() and 'SMTPUTF8' not in params:
        if kind == '':
            yield 'octets above 127 in a header with neither BODY=8BITMIME nor SMTPUTF8'
        elif strict and 'SMTPUTF8' in offered and is_utf8(header):
            yield 'UTF-8 in a header without SMTPUTF8'
    if params.get('SIZE') and int(params['SIZE']) != len(octets):
        yield f'SIZE={params["SIZE"]} and {len(octets)} octets in {len(message.chunks)} chunks'


def is_utf8(octets):
    try:
        octets.decode()
        return True
    except UnicodeDecodeError:
        return False
