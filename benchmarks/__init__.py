"""Measures what operator and worker promise. Run it by `make bench`, or `python -m benchmarks --help`."""
