"""What was sent to a queue is asked of CloudWatch: moto's, and one that refuses by a script."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from click.testing import CliRunner

from devcluster.sqs import CREDENTIALS, REGION, MotoSqs
from queueplanner.commands.simulate import simulate_command
from queueplanner.recorded import LoadError
from queueplanner.sources import aws
from queueplanner.sources.aws import QueueName, fetch, pages, parse_queue
from tests.adapters.operator.faulty import Faulty, answering

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(second=30, microsecond=0)
"""moto keeps points by its own clock."""


@pytest.fixture
def cloudwatch(moto_sqs: MotoSqs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in (moto_sqs.env | CREDENTIALS | {"AWS_ENDPOINT_URL": moto_sqs.endpoint}).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("cloudwatch")
    yield client
    client.close()


def record(cloudwatch: Any, queue: str, *sent: tuple[datetime, float]) -> None:
    for time, messages in sent:
        metric = {"MetricName": "NumberOfMessagesSent", "Dimensions": [{"Name": "QueueName", "Value": queue}]}
        point = metric | {"Timestamp": time, "Value": messages, "Unit": "Count"}
        cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[point])


def test_what_was_sent_is_returned_by_the_minute_and_gaps_are_told(cloudwatch: Any) -> None:
    start = NOW.replace(second=0) - timedelta(minutes=10)
    minutes = [(start + timedelta(minutes=number), 10.0 * number) for number in (1, 2, 5)]
    record(cloudwatch, "orders", *minutes)
    record(cloudwatch, "others", (start, 999.0))
    load = fetch(parse_queue("orders"), timedelta(minutes=10), NOW)
    assert [(each.start, each.seconds, each.messages) for each in load.intervals] == [
        (0, 60, 10),
        (60, 60, 20),
        (240, 60, 50),
    ]
    assert load.began == start + timedelta(minutes=1)
    assert len(load.times(Random(1))) == 80
    hole, after = load.notes
    assert hole.startswith("nothing is known from ")
    ends = " to ".join(f"{start + timedelta(minutes=minute):%Y-%m-%d %H:%M}" for minute in (6, 10))
    assert after == f"nothing is known after it ends, from {ends} (UTC): that is not played"


def test_a_past_that_is_shorter_than_was_asked_for_says_so(cloudwatch: Any) -> None:
    start = NOW.replace(second=0) - timedelta(hours=1)
    record(cloudwatch, "young", *((start + timedelta(minutes=minute), 1.0) for minute in range(60)))
    [note] = fetch(parse_queue("young"), DAY, NOW).notes
    began = f"{start + timedelta(hours=1) - DAY:%Y-%m-%d %H:%M} to {start:%Y-%m-%d %H:%M}"
    assert note == f"nothing is known before it begins, from {began} (UTC): that is not played"


def test_simulate_asks_cloudwatch(cloudwatch: Any) -> None:
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
    record(cloudwatch, "asked", *((start + timedelta(minutes=minute), 7.0) for minute in range(10)))
    asked = ["--from-cloudwatch", f"arn:aws:sqs:{REGION}:123456789012:asked", "--since", "1h"]
    work = ["--rival", "keda", "--service", "2s", "--startup", "10s", "--concurrency", "1"]
    done = CliRunner().invoke(simulate_command, [*asked, *work, "-o", "json"], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert (found["load"]["seconds"], found["policies"][0]["runs"][0]["messages"]) == (600, 70)


def test_a_long_past_is_asked_for_by_the_hour(cloudwatch: Any) -> None:
    hour = NOW.replace(minute=0, second=0) - 2 * DAY
    record(cloudwatch, "old", (hour, 5.0), (hour + timedelta(minutes=30), 7.0), (hour + timedelta(hours=1), 1.0))
    load = fetch(parse_queue("old"), 100 * DAY, NOW)
    assert [(each.seconds, each.messages) for each in load.intervals] == [(3600, 12), (3600, 1)]


PERIODS = {
    "an hour": (timedelta(hours=1), 60),
    "15 days": (15 * DAY, 60),
    "more": (15 * DAY + timedelta(minutes=1), 300),
    "63 days": (63 * DAY, 300),
    "a year": (365 * DAY, 3600),
}


@pytest.mark.parametrize(("since", "seconds"), PERIODS.values(), ids=PERIODS)
def test_the_period_is_the_shortest_that_is_still_kept(since: timedelta, seconds: int) -> None:
    assert aws.period_of(since).total_seconds() == seconds


def test_what_is_older_than_all_that_is_kept_is_refused() -> None:
    with pytest.raises(LoadError, match="CloudWatch keeps points for 455 days: ask for fewer than 500"):
        fetch(QueueName("orders", REGION), 500 * DAY, NOW)


QUEUES = {
    "a name": ("orders", QueueName("orders", None)),
    "a FIFO queue": ("orders.fifo", QueueName("orders.fifo", None)),
    "a URL": (
        "https://sqs.us-east-1.amazonaws.com/123456789012/orders",
        QueueName("orders", "us-east-1"),
    ),
    "an ARN": ("arn:aws-cn:sqs:cn-north-1:123456789012:orders.fifo", QueueName("orders.fifo", "cn-north-1")),
}


@pytest.mark.parametrize(("text", "queue"), QUEUES.values(), ids=QUEUES)
def test_a_queue_is_named_as_people_have_it(text: str, queue: QueueName) -> None:
    assert parse_queue(text) == queue


@pytest.mark.parametrize("text", ["", "two words", "arn:aws:sns:us-east-1:123456789012:topic", "https://example.com"])
def test_what_is_no_queue_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(LoadError, match=r"is no queue: give its name, or https://sqs\.REGION"):
        parse_queue(text)


@pytest.mark.usefixtures("cloudwatch")
def test_a_queue_of_which_nothing_is_known_is_told_with_what_to_check() -> None:
    with pytest.raises(LoadError, match="CloudWatch has no NumberOfMessagesSent of queue nobodys in eu-west-1 since"):
        fetch(QueueName("nobodys", "eu-west-1"), DAY, NOW)


@pytest.mark.usefixtures("cloudwatch")
def test_without_a_region_it_says_where_one_may_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(LoadError, match="queue orders: no region: give the queue's URL or ARN, or set AWS_REGION"):
        fetch(QueueName("orders", None), DAY, NOW)


@pytest.mark.usefixtures("cloudwatch")
def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(LoadError, match=r"no AWS credentials \(NoCredentialsError\): set them as for the AWS CLI"):
        fetch(QueueName("orders", REGION), DAY, NOW)


@pytest.mark.usefixtures("cloudwatch")
def test_a_refusal_names_the_permission_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Faulty(answering(403, {"__type": "AccessDeniedException"})) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        with pytest.raises(LoadError, match="allow the action cloudwatch:GetMetricData on resource"):
            fetch(QueueName("orders", REGION), DAY, NOW)


@pytest.mark.usefixtures("cloudwatch")
def test_an_endpoint_where_nothing_listens_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(LoadError, match=r"CloudWatch does not answer \(EndpointConnectionError\): check region"):
        fetch(QueueName("orders", REGION), DAY, NOW)


REFUSALS = {
    "ExpiredToken": "AWS does not accept these credentials (ExpiredToken): renew them",
    "ThrottlingException": "CloudWatch has too many requests (ThrottlingException): ask again later",
    "InternalServiceFault": "CloudWatch answers InternalServiceFault",
    "": "CloudWatch answers an error without a code",
}


@pytest.mark.parametrize(("code", "sentence"), REFUSALS.items())
def test_other_refusals_are_told_by_their_code(code: str, sentence: str) -> None:
    assert aws._refusal(ClientError({"Error": {"Code": code}}, "GetMetricData")) == sentence


def test_all_pages_are_asked_for(cloudwatch: Any) -> None:
    results = [{"Id": "sent", "Timestamps": [NOW - minute], "Values": [1.0]} for minute in (2 * DAY, DAY)]
    with Stubber(cloudwatch) as stubbed:
        stubbed.add_response("get_metric_data", {"MetricDataResults": results[:1], "NextToken": "more"})
        stubbed.add_response("get_metric_data", {"MetricDataResults": results[1:]})
        found = pages(cloudwatch, QueueName("orders", None), timedelta(minutes=1), NOW - 3 * DAY, NOW)
        stubbed.assert_no_pending_responses()
    assert [page["MetricDataResults"] for page in found] == [results[:1], results[1:]]
