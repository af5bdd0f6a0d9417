"""Measure what the operator promises: reaction, admission, cost. By `make bench`, or `python -m benchmarks --help`."""
