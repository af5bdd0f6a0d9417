"""The only adapter to SQS. Returns readings, raises our errors; decides nothing and remembers nothing.

The scheduler reads through it. The parts: `reader` (one reading), `bulkhead` (its threads), `clients` (boto3's
clients), `credentials` (the operator's own), `roles` (those of tenants' roles), `failures` and
`identity_failures` (which of our errors a failure is).
"""

from queueworkerpool.queues.sqs.reader import SqsQueues

__all__ = ["SqsQueues"]
