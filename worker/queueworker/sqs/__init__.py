"""The only door to boto3 (its lower half botocore, which starts faster). Raises our errors; decides nothing.

The receiver and the custodian call it. The parts: `queues` (what is asked of a queue), `requests` (how: signed, sent,
answered), `failures` (what went wrong, in our words).
"""

from queueworker.sqs.queues import DeadLetterQueue, Sqs

__all__ = ["DeadLetterQueue", "Sqs"]
