"""Helpers of the black-box tests; Python's standard library only."""
