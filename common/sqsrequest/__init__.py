"""One request to SQS in AWS's JSON protocol: where it goes, its signature, and what its answer says.

Operator and worker share it: the worker sends it in threads, the operator from its event loop. Credentials, signature,
endpoints, proxies and certificates are botocore's own, as its client uses them, but nothing is looked up anew for each
request: that costs more than all the rest. It sends nothing itself, and it knows neither program.
"""

from sqsrequest.answers import Answer
from sqsrequest.endpoints import Endpoint, configured_endpoint, endpoint_at, find_endpoint
from sqsrequest.routes import Route, find_route
from sqsrequest.signing import content_of, sign

__all__ = [
    "Answer",
    "Endpoint",
    "Route",
    "configured_endpoint",
    "content_of",
    "endpoint_at",
    "find_endpoint",
    "find_route",
    "sign",
]
