"""Chaos: many troubles at once, at random, beside pools whose sizes are known.

The benchmark `chaos` and `tests/cluster/faults/test_chaos.py` use `run`. The troubles are in the modules `*_troubles`.
"""
