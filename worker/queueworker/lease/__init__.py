"""Leases: which messages this worker has received and not finished, and what to request from SQS about them.

`receive` adds messages and `handlers` settle them. The parts: `manager` (the threads), `table` (the rules, pure) and
`records` (their values). Nothing here receives or handles messages.
"""
