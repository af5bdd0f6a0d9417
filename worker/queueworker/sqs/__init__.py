"""The only adapter to boto3 (its lower half botocore, which starts faster). Raises our errors; decides nothing.

The receiver and the lease manager call it. The parts: `queues` (the operations on a queue), `requests` (how they are
sent: over our own connections), `inspection` and `account` (what people do by hand: loaded by their commands alone),
`copies` (of messages, for another queue), `credentials` (what signs them), `failures` (what an error answer means).
What a request is made of is `sqsrequest`'s.
"""

from queueworker.sqs.credentials import WorkerCredentials
from queueworker.sqs.queues import SqsDeadLetterQueue, SqsQueue

__all__ = ["SqsDeadLetterQueue", "SqsQueue", "WorkerCredentials"]
