"""Personal copies to a next hop that goes wrong at any step, whatever it can do."""
import unittest

from lib.next_hop_matrix import WORDS, Matrix
from lib.sink import Do


class Personal(Matrix):
    SHAPE = 'always'

    def test_manners(self):
        self.check_manners()

    def test_helo(self):
        self.check_all(WORDS['HELO'])

    def test_pipelining(self):
        self.check_all(WORDS['PIPELINING'])

    def test_chunking(self):
        self.check_all(WORDS['CHUNKING'])

    def test_both(self):
        self.check_all(WORDS['both'])

    def test_all(self):
        self.check_all(WORDS['all'], steps=('MAIL', 'RCPT', 'DOT'))

    def test_taken_but_not_said(self):
        for name, words in WORDS.items():
            with self.subTest(words=name):
                self.hang_up()
                self.offer(words)
                self.once('DOT', Do(b'2', 'close'))
                code = self.deliver()
                copies = self.copies(code)
                self.assertEqual(sorted(copies), self.people)
                self.assertEqual(sum(copies.values()), self.COUNT + 1)
                self.check_twice(code, copies, allowed=True)


if __name__ == '__main__':
    unittest.main()
