"""Real mail through the whole program: over LMTP to a list that takes everybody, caught at an SMTP sink.

Every message gets exactly one verdict; bodies come out octet for octet (but for stray CR and LF, and the line end that DATA must end in); headers keep every
field in order and octets but those that the pipeline's removal table names; DKIM signatures are as intact as they were; the program stays alive
and its memory flat.
"""
import collections
import os
import re
import unittest

from lib import corpus, dkim
from lib.corpus_copy import cleaned, differences
from lib.daemon import Daemon
from lib.lmtp import Client
from lib.sink import Sink

TIMEOUT = 400
LIST = 'corpus@lists.example.com'
AUTHOR, MEMBER = 'author@example.org', 'member@example.net'
SETS = ('postings', 'torture', 'spam-ham')


def resident(daemon):
    with open(f'/proc/{daemon.process.pid}/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')


def verdict(reply):
    text = re.sub(r'^250 2\.6\.0 \S+ ', '250 ', str(reply))
    for word, name in (('250 accepted', 'accepted'), ('250 held', 'held'), ('250 done', 'discarded'), ('250 already', 'repeated')):
        if text.startswith(word):
            return name
    return text[:60]


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        corpus.need()
        cls.sink = Sink(keywords=('PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 0', 'ENHANCEDSTATUSCODES')).__enter__()
        cls.addClassCleanup(cls.sink.__exit__, None, None, None)
        cls.daemon = Daemon(cls.sink).start()
        cls.addClassCleanup(cls.daemon.close)
        cls.daemon.run('create', LIST)
        cls.daemon.run('set', LIST, 'default_nonmember_action=accept', 'max_message_size=0')
        cls.daemon.run('addmembers', '-W', '-', LIST, stdin=MEMBER + '\n')

    def post(self, client, octets, number):
        """Exactly one reply to the message."""
        replies = client.deliver(f'author{number}@example.org', [LIST], octets)
        self.assertEqual(len(replies), 1)
        return replies[0]

    def run_set(self, name):
        """Posts a whole set; returns {verdict: count} and what is wrong with its copies."""
        self.sink.clear()
        sent, verdicts, memory = {}, collections.Counter(), []
        with Client(self.daemon.port) as client:
            client.lhlo()
            for number, (path, octets) in enumerate(corpus.messages(name)):
                reply = self.post(client, octets, number)
                verdicts[verdict(reply)] += 1
                if verdict(reply) == 'accepted':
                    sent[re.match(r'250 2\.6\.0 (\S+)', str(reply))[1]] = (path, octets)
                if number % 100 == 99:
                    memory.append(resident(self.daemon))
        messages = self.sink.wait_messages(len(sent), seconds=120)
        print(f'#: {name}: {sum(verdicts.values())} messages: ' + ', '.join(f'{count} {what}' for what, count in verdicts.most_common()))
        print(f'#: {name}: resident MiB after each hundred: ' + ' '.join(str(octets >> 20) for octets in memory))
        return sent, verdicts, messages, memory

    def check_set(self, name):
        sent, verdicts, messages, memory = self.run_set(name)
        wrong, seen, signatures = [], set(), 0
        for message in messages:
            code = re.search(rb'with LMTP\s+id\s+(\w+)', message.header)[1].decode()
            self.assertIn(code, sent)
            self.assertNotIn(code, seen, 'sent twice')
            seen.add(code)
            self.assertEqual(message.addresses, [MEMBER])
            path, octets = sent[code]
            signatures += len(dkim.signatures(cleaned(octets)))
            wrong += [f'{path}: {text}' for text in differences(octets, message.octets) + dkim.broken(cleaned(octets), message.octets)]
        print(f'#: {name}: {signatures} DKIM signatures compared')
        self.assertEqual(wrong, [])
        self.assertEqual(seen, set(sent))
        self.assertEqual(self.daemon.process.poll(), None, 'the daemon is alive')
        return verdicts, memory

    def test_postings(self):
        verdicts, memory = self.check_set('postings')
        self.assertEqual(sum(verdicts.values()), 1500)
        self.assertGreater(verdicts['accepted'], 1400)
        # sanitizers keep freed memory in quarantine for a while; what leaks would go on growing
        self.assertLess(memory[-1], memory[len(memory) // 2] * 1.5)

    def test_spam_and_ham(self):
        verdicts, _ = self.check_set('spam-ham')
        self.assertEqual(sum(verdicts.values()), 800)

    def test_torture(self):
        verdicts, _ = self.check_set('torture')
        self.assertEqual(sum(verdicts.values()), 110)
