"""The account at the end of a crash test: the journal of the next hop against what the MTAs were told."""
import collections

# A connection that did not end in order: replies to what was taken on it so shortly before its end may never have been read.
UNREAD = 0.3  # seconds


class Journal:
    """Reads on where it stopped before."""

    def __init__(self, path):
        self.path, self.at = path, 0
        self.taken = []  # (connection, number, time, mark, code, sender, [recipient])
        self.replied, self.ended = set(), set()
        self.copies = 0

    def read(self):
        with open(self.path, 'rb') as file:
            file.seek(self.at)
            octets = file.read()
        octets = octets[:octets.rfind(b'\n') + 1]
        self.at += len(octets)
        for line in octets.decode().splitlines():
            kind, *words = line.split(' ')
            if kind == 'T':
                connection, number, time, mark, code, sender, recipients = words
                recipients = recipients.split(',')
                self.copies += len(recipients)
                self.taken.append((connection, number, float(time), mark, code, sender, recipients))
            elif kind == 'R':
                self.replied.add(tuple(words))
            else:
                self.ended.add(words[0])
        return self

    def of(self):
        """{(number, list): {posting's id: Counter of addresses}}"""
        found = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
        for _, _, _, mark, code, sender, recipients in self.taken:
            found[int(mark) if mark.isdigit() else mark, sender.split('-bounces')[0]][code].update(recipients)
        return found

    def uncertain(self):
        """Counter of (posting's id, address): what was taken and may never have been known to be."""
        last = {}
        for connection, _, time, *_ in self.taken:
            last[connection] = time
        found = collections.Counter()
        for connection, number, time, _, code, _, recipients in self.taken:
            unread = connection not in self.ended and time > last[connection] - UNREAD
            if unread or (connection, number) not in self.replied:
                found.update((code, address) for address in recipients)
        return found


def check(journal, told, lists, in_hand):
    """([what is wrong], copies that came twice). `in_hand`: Counter by posting's id of recipients in hand at all kills together."""
    sent, uncertain, wrong, twice = journal.of(), journal.uncertain(), [], 0
    members = {one.name: set(one.members) for one in lists}
    for (number, name), copies in sent.items():
        if (number, name) in told.refused or name in ('held', 'full', 'closed', 'nobody'):
            wrong.append(f'n{number} to {name} was refused or held, and is sent')
        if len(copies) > 1:
            wrong.append(f'n{number} to {name} was posted {len(copies)} times')
        for code, addresses in copies.items():
            twice += sum(addresses.values()) - len(addresses)
            again = sum(max(0, count - 1 - uncertain[code, address]) for address, count in addresses.items())
            if again > in_hand[code]:
                wrong.append(f'{again} copies too many of {code} (n{number} to {name}), and {in_hand[code]} were in hand at kills')
            if set(addresses) != members.get(name):
                wrong.append(f'n{number} to {name}: {len(set(addresses))} members of {len(members.get(name, ()))} got it')
    for (number, name), code in told.sure.items():
        if name not in ('held', 'full') and list(sent.get((number, name), ())) != [code]:
            wrong.append(f'n{number} to {name} has a 250 with the id {code}, and was sent as {list(sent.get((number, name), ()))}')
    return wrong, twice
