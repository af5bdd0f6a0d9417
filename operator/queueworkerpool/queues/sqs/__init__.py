"""The only adapter to SQS. Returns readings, raises our errors; decides nothing and remembers nothing.

The scheduler reads through it. The parts: `reader` (one reading), `bulkhead` (its place among the others), `clients`
(who asks which endpoint), `connections` (how a request gets there), `attempts` (when it is sent again), `roles` (the
credentials of tenants' roles), `failures` and `identity_failures` (which of our errors a failure is). What a request
is made of is `sqsrequest`'s.
"""

from queueworkerpool.queues.sqs.reader import SqsQueues

__all__ = ["SqsQueues"]
