import unittest

from lib.corpus_copy import differences


class Differences(unittest.TestCase):
    SENT = b'From: a@b\r\nList-Id: <other>\r\nSubject: x\r\n\r\nbody\rline\r\n'

    def test_takes_what_is_right(self):
        self.assertEqual(differences(self.SENT, b'Received: by x\r\n y\r\nFrom: a@b\r\nSubject: x\r\n\r\nbody line\r\n'), [])

    def test_finds_fault(self):
        for got in (b'From: a@b\r\nSubject: x\r\n\r\nbody  line\r\n', b'Subject: x\r\nFrom: a@b\r\n\r\nbody line\r\n', b'From: a@b\r\n\r\nbody line\r\n',
                    b'Sender: x\r\nFrom: a@b\r\nSubject: x\r\n\r\nbody line\r\n', b'From: a@b\r\nSubject: y\r\n\r\nbody line\r\n'):
            self.assertNotEqual(differences(self.SENT, got), [], got)
