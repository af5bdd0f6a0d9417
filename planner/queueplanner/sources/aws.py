"""Asks CloudWatch how many messages were sent to a queue. The only adapter to boto3 of the planner.

It needs the permission `cloudwatch:GetMetricData`. `cloudwatch` reads the answers.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from awsaccess import codes
from queueaddress import AddressError, parse
from queueplanner.recorded import LoadError, Recorded, told_at_its_ends
from queueplanner.sources.cloudwatch import METRIC, parse_cloudwatch

RETENTION = (
    (timedelta(days=15), timedelta(minutes=1)),
    (timedelta(days=63), timedelta(minutes=5)),
    (timedelta(days=455), timedelta(hours=1)),
)
"""For how long CloudWatch keeps points of which period."""

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
_ARN = re.compile(r"arn:[a-z-]+:sqs:(?P<region>[a-z0-9-]+):[0-9]{12}:(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}(?:\.fifo)?")


class QueueName(NamedTuple):
    """A queue as CloudWatch knows it; a region of None is the one that AWS's own settings name."""

    name: str
    region: str | None


def parse_queue(text: str) -> QueueName:
    """Parse a queue's name, URL or ARN. Raises LoadError."""
    if arn := _ARN.fullmatch(text):
        return QueueName(arn["name"], arn["region"])
    if _NAME.fullmatch(text):
        return QueueName(text, None)
    try:
        address = parse(text)
    except AddressError:
        forms = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME or arn:aws:sqs:REGION:ACCOUNT:NAME"
        raise LoadError(f"{text!r} is no queue: give its name, or {forms}") from None
    return QueueName(address.name, address.region)


def fetch(queue: QueueName, since: timedelta, now: datetime) -> Recorded:
    """Return what was sent to a queue since then, by periods as short as CloudWatch still has. Raises LoadError."""
    period = period_of(since)
    end = _floored(now, period)
    try:
        answers = _asked(queue, period, end - since, end)
    except (NoRegionError, InvalidRegionError):
        raise LoadError(f"queue {queue.name}: no region: give the queue's URL or ARN, or set AWS_REGION") from None
    except (NoCredentialsError, CredentialRetrievalError, ProfileNotFound) as error:
        raise LoadError(
            f"there are no AWS credentials ({type(error).__name__}): set them as for the AWS CLI"
        ) from error
    except ClientError as error:
        raise LoadError(_refusal(error)) from error
    except BotoCoreError as error:
        raise LoadError(f"CloudWatch does not answer ({type(error).__name__}): check region and network") from error
    if not any(result["Values"] for page in answers for result in page["MetricDataResults"]):
        where = queue.region or "the region that AWS's settings name"
        remedy = "check name, region and account; a queue that nobody used has none"
        raise LoadError(f"CloudWatch has no {METRIC} of queue {queue.name} in {where} since {end - since}: {remedy}")
    return told_at_its_ends(parse_cloudwatch(answers, period.total_seconds()), end - since, end)


def period_of(since: timedelta) -> timedelta:
    """Return the shortest period of which CloudWatch still has points so old. Raises LoadError."""
    for kept, period in RETENTION:
        if since <= kept:
            return period
    raise LoadError(f"CloudWatch keeps points for {RETENTION[-1][0].days} days: ask for fewer than {since.days}")


def _floored(now: datetime, period: timedelta) -> datetime:
    """Return the end of the last period that is over."""
    seconds = period.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def _asked(queue: QueueName, period: timedelta, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
    client = boto3.Session().client("cloudwatch", region_name=queue.region, config=_CONFIG)
    try:
        return pages(client, queue, period, start, end)
    finally:
        client.close()


def pages(
    client: Any, queue: QueueName, period: timedelta, start: datetime, end: datetime
) -> Sequence[Mapping[str, Any]]:
    """Return all pages of what boto3's client of CloudWatch says was sent. Raises what boto3 raises."""
    dimensions = [{"Name": "QueueName", "Value": queue.name}]
    metric = {"Namespace": "AWS/SQS", "MetricName": METRIC, "Dimensions": dimensions}
    query = {"Id": "sent", "MetricStat": {"Metric": metric, "Period": int(period.total_seconds()), "Stat": "Sum"}}
    return list(
        client.get_paginator("get_metric_data").paginate(MetricDataQueries=[query], StartTime=start, EndTime=end)
    )


def _refusal(error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    if code in codes.FORBIDDEN:
        return f"AWS refuses it ({code}): allow the action cloudwatch:GetMetricData on resource * to these credentials"
    if code in codes.CREDENTIALS_REFUSED:
        return f"AWS does not accept these credentials ({code}): renew them"
    if code in codes.THROTTLED:
        return f"CloudWatch has too many requests ({code}): ask again later"
    return f"CloudWatch answers {code or 'an error without a code'}"
