"""Shared parts of tests and benchmarks: clusters with operators on them, a counting SQS server, loads and faults.

`tests/` and `benchmarks/` import it; it imports neither. A module here runs a scenario and returns what it observed.
Assertions belong to the tests; figures, limits and JSON belong to the benchmarks.
"""
