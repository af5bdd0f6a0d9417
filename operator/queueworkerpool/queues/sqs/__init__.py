"""The only door to SQS. Returns readings, raises our errors; decides nothing, remembers nothing.

The scheduler reads through it. The parts: `reader` (a reading), `bulkhead` (threads), `clients` (boto3's clients),
`failures` (what went wrong, in our words).
"""

from queueworkerpool.queues.sqs.reader import SqsQueues

__all__ = ["SqsQueues"]
