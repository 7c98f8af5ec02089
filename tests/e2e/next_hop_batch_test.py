"""Batches to a next hop that goes wrong at any step, whatever it can do."""
import unittest

from lib.next_hop_matrix import WORDS, Matrix


class Batch(Matrix):
    def test_manners(self):
        self.check_manners()

    def test_helo(self):
        self.check_all(WORDS['HELO'])

    def test_pipelining(self):
        self.check_all(WORDS['PIPELINING'])

    def test_chunking(self):
        self.check_all(WORDS['CHUNKING'])

    def test_all(self):
        self.check_all(WORDS['all'])


if __name__ == '__main__':
    unittest.main()
