"""What the reader of the corpus takes away and what it leaves; that the sets are whole."""
import re
import unittest

from lib import corpus

LISTED = b'''Return-Path: <x-bounces@lists.linux.it>
Received: from picard.linux.it by mail.lfdr.de (Postfix) id 1
Received: from picard (localhost)
\tby picard.linux.it (Postfix) id 2
Received: from in-3.smtp.example by picard.linux.it; now
Received: from home.example by in-3.smtp.example; now
Received: from odd.example by picard.linux.it; long ago
Delivered-To: someone@home.example
List-Id: x
 <x.lists.example>
Subject: List-Id: in a subject
Precedence: list
X-Mailman-Version: 2
Errors-To: x
Sender: x

Sender: in the body
List-Id: x
'''
SENT = b'''Received: from home.example by in-3.smtp.example; now
Received: from odd.example by picard.linux.it; long ago
Delivered-To: someone@home.example
Subject: List-Id: in a subject

Sender: in the body
List-Id: x
'''


class Reading(unittest.TestCase):
    def test_as_sent(self):
        self.assertEqual(corpus.as_sent(LISTED), SENT)

    def test_without_body(self):
        self.assertEqual(corpus.as_sent(b'Sender: x\nTo: y\n'), b'To: y\n')

    def test_without_header(self):
        self.assertEqual(corpus.as_sent(b'\nSender: x\n'), b'\nSender: x\n')

    def test_line_ends(self):
        self.assertEqual(corpus.to_wire(b'a\nb\r\nc\rd\n\ne'), b'a\r\nb\r\nc\rd\r\n\r\ne')


class Sets(unittest.TestCase):
    def test_sizes(self):
        for name, count in ('postings', 1500), ('bounces', 418), ('torture', 107), ('spam-ham', 800):
            with self.subTest(name):
                self.assertGreaterEqual(sum(1 for _ in corpus.messages(name, wire=False)), count)

    def test_postings_are_as_sent(self):
        for name, octets in corpus.messages('postings'):
            header = corpus.split_header(octets)[0]
            self.assertIsNone(re.search(rb'(?im)^(list-id|sender|precedence|x-mailman-version|x-beenthere):', header), name)
            self.assertIsNone(re.search(rb'(?<!\r)\n', octets), name)
            self.assertIn(b'\r\nFrom:', b'\r\n' + header.replace(b'FROM:', b'From:').replace(b'from:', b'From:'), name)


if __name__ == '__main__':
    unittest.main()
