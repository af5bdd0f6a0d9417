"""What a queue's URL says: account, name and AWS region. Pure; it sends nothing.

Operator and worker share it, because both must ask the same queue for the same URL; it knows neither of them. What
belongs to AWS is read from botocore's list of partitions (`partitions`); `address` parses URLs.
"""

from queueaddress.address import Address, AddressError, Endpoint, is_at_aws, is_fifo, is_url, parse, place_of
from queueaddress.partitions import is_listed, partition_of

__all__ = [
    "Address",
    "AddressError",
    "Endpoint",
    "is_at_aws",
    "is_fifo",
    "is_listed",
    "is_url",
    "parse",
    "partition_of",
    "place_of",
]
