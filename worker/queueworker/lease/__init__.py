"""Leases: which messages this worker has received and not finished, and what SQS must still be asked about them.

`receive` adds messages and `handlers` settle them. The parts: `table` (the rules, pure) and `manager` (the threads).
Nothing here knows how messages are received or handled.
"""
