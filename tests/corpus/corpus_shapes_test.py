"""Real mail in the other shapes that copies have: one for each member, and for a peer that can do little."""
import collections
import email
import re

from lib import corpus, dkim
from lib.corpus_copy import cleaned, differences, parts
from lib.fanout import LIST, Fanout
from lib.lmtp import Client

TIMEOUT = 400
MEMBERS = ('one@example.net', 'two@example.net', 'three@example.net')
SETS = ('postings', 'torture', 'spam-ham')
ID = re.compile(r'^250 2\.6\.0 (\S+) accepted')

# A header that breaks off: what Python reads as the body is converted as lines of the header.
READ_OTHERWISE = ['torture/eml/malformed/019.eml']


def named(name):
    return re.compile(rb'(?i)^' + name + rb'[ \t]*:')


def without(octets, *names):
    """The fields but those of these names, and the body."""
    before, body = parts(octets)
    return [field for field in before if not any(named(name).match(field) for name in names)], body


def values(octets, name):
    return [field.partition(b':')[2].strip() for field in parts(octets)[0] if named(name).match(field)]


def leaves(octets):
    """(type, decoded octets) of each part, as Python reads them."""
    found = []
    for part in email.message_from_bytes(octets).walk():
        if not part.is_multipart():
            found.append((part.get_content_type(), (part.get_payload(decode=True) or b'').replace(b'\r\n', b'\n')))
    return found


class Shapes(Fanout):
    def setUp(self):
        corpus.need()
        super().setUp()

    def post_all(self, messages):
        """{id: (path, octets)} of what was accepted."""
        posted = {}
        with Client(self.daemon.port) as client:
            client.lhlo()
            for number, (path, octets) in enumerate(messages):
                [reply] = client.deliver(f'author{number}@example.org', [LIST], octets)
                accepted = ID.match(str(reply))
                if accepted:
                    posted[accepted[1]] = path, octets
        return posted

    def caught(self, count):
        """{id: {recipient: Message}}"""
        found = collections.defaultdict(dict)
        for message in self.sink.wait_messages(count, seconds=120):
            code = re.search(rb'with LMTP\s+id\s+(\w+)', message.header)[1].decode()
            for address in message.addresses:
                self.assertNotIn(address, found[code], 'sent twice')
                found[code][address] = message
        return found


class Personal(Shapes):
    KEYWORDS = ('PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 0', 'ENHANCEDSTATUSCODES', 'CHUNKING', 'DSN')

    def post_and_compare(self, setting, step, first, compare):
        self.add_members(MEMBERS)
        self.daemon.run('set', LIST, setting)
        wrong, compared = [], 0
        for name in SETS:
            self.sink.clear()
            posted = self.post_all(list(corpus.messages(name))[first::step])
            copies = self.caught(len(MEMBERS) * len(posted))
            self.assertEqual(set(copies), set(posted))
            for code, (path, octets) in posted.items():
                self.assertEqual(set(copies[code]), set(MEMBERS))
                self.assertEqual(len({message.sender.address for message in copies[code].values()}), len(MEMBERS))
                wrong += [f'{path}: {text}' for text in compare(cleaned(octets), {to: message.octets for to, message in copies[code].items()})]
                compared += 1
        print(f'#: {setting}: {compared} messages, {len(MEMBERS)} copies of each')
        self.assertEqual(wrong, [])

    def test_individual(self):
        """The copies are the same, and as right as a batch's."""
        def compare(sent, copies):
            first, *others = copies.values()
            if any(other != first for other in others):
                yield 'the copies differ'
            yield from differences(sent, first)
            yield from dkim.broken(sent, first)
        self.post_and_compare('personalize=individual', 3, 0, compare)

    def test_full(self):
        """They differ in To alone; what was changed for all is To and Cc."""
        def compare(sent, copies):
            rest = {to: without(octets, b'to') for to, octets in copies.items()}
            if len({(b''.join(before), body) for before, body in rest.values()}) != 1:
                yield 'the copies differ beside To'
            for to, octets in copies.items():
                if values(octets, b'to') != [to.encode()]:
                    yield f'To of {to} is {values(octets, b"to")}'
                if LIST.encode() not in b''.join(values(octets, b'cc')):
                    yield 'the list is not in Cc'
            yield from differences(*(b''.join(before) + b'\r\n' + body for before, body in (without(sent, b'to', b'cc'), without(octets, b'to', b'cc'))))
        self.post_and_compare('personalize=full', 3, 1, compare)


class LittleAble(Shapes):
    """A peer with neither 8BITMIME nor SMTPUTF8 gets another form of what needs them, which says the same."""
    KEYWORDS = ('PIPELINING', 'SIZE 0', 'ENHANCEDSTATUSCODES')

    def test_copies_are_seven_bit(self):
        self.add_members(MEMBERS[:1])
        messages = [(path, octets) for name in SETS for path, octets in corpus.messages(name) if not octets.isascii()]
        posted = self.post_all(messages)
        self.wait_done()
        failed = dict(self.rows('SELECT posting.code, recipient.reply FROM recipient JOIN delivery ON delivery.id = recipient.delivery_id '
                                'JOIN posting ON posting.id = delivery.posting_id WHERE recipient.state = 3'))
        copies = self.caught(len(posted) - len(failed))
        for reply in failed.values():
            self.assertRegex(reply, r'^550 5\.6\.[37] ')
        self.assertEqual(self.bounces(), [])
        self.assertEqual(set(copies), set(posted) - set(failed))
        otherwise = []
        for code, found in copies.items():
            path, octets = posted[code]
            got = found[MEMBERS[0]].octets
            self.assertTrue(got.isascii(), path)
            self.assertLessEqual(max(map(len, got.split(b'\r\n'))), 998, path)
            if leaves(cleaned(octets)) != leaves(got):
                otherwise.append(path)
        print(f'#: {len(posted)} messages of 8 bit: {len(copies)} sent in 7, {len(failed)} refused')
        self.assertEqual(len(failed), 3)
        self.assertEqual(otherwise, READ_OTHERWISE)
