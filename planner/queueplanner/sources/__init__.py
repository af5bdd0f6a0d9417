"""Where recorded loads, and what else is known of a pool's past, come from. A module for each format or library.

`parse_load` reads a file in any of the formats. What is missing is told, and never filled in.
"""

from queueplanner.recorded import LoadError, Recorded, parse_csv
from queueplanner.sources.cloudwatch import is_cloudwatch, parse_cloudwatch
from queueplanner.sources.documents import documents
from queueplanner.sources.prometheus import is_prometheus, parse_query_range

__all__ = ["parse_load"]


def parse_load(text: str) -> Recorded:
    """Parse a recorded load: CSV, CloudWatch's JSON or an answer of Prometheus' query_range. Raises LoadError."""
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return parse_csv(text)
    found = documents(text)
    if found and all(is_cloudwatch(each) for each in found):
        return parse_cloudwatch(found)
    if len(found) == 1 and is_prometheus(found[0]):
        return parse_query_range(found[0])
    known = "an answer of CloudWatch (Datapoints, MetricDataResults) nor one of Prometheus (status, data)"
    raise LoadError(f"this JSON is neither {known}")
