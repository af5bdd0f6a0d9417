"""Which settings the worker accepts, and how it refuses others."""

from typing import Any

import pytest

from queueworker.errors import UsageError
from queueworker.settings import QueueShare, Settings, reject_unknown

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            {"queues": (QueueShare("jobs"),), "handler": "m:f"},
            "--queue 'jobs' is not a queue URL",
            id="a bare queue name",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "dead_letter_queue": "dead"},
            "--dead-letter-queue 'dead' is not a queue URL",
            id="a bare name of a dead-letter queue",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "exec": "cat", "isolate": True}, "leave out --isolate", id="isolated twice"
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "concurrency": 2, "prefetch": 29},
            "--prefetch 29 is too much with --concurrency 2: at most 28",
            id="more received ahead than handled",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "concurrency": 30, "prefetch": 31},
            "at most 30",
            id="as many again, and one",
        ),
        pytest.param(
            {"queues": (QueueShare(URL), QueueShare(URL, 3)), "handler": "m:f"},
            "jobs' is given twice: leave one out; for a larger share write URL,3",
            id="a queue given twice",
        ),
        pytest.param(
            {"queues": (QueueShare(URL), QueueShare(URL + "-b")), "handler": "m:f", "concurrency": 1},
            "2 queues are too many for --concurrency 1: each needs a handler of its own",
            id="more queues than handlers",
        ),
        pytest.param(
            {"queues": (QueueShare(URL), QueueShare(URL + "-b")), "handler": "m:f", "prefetch": 5},
            "--prefetch is for one queue",
            id="messages received ahead of several queues",
        ),
        pytest.param(
            {"queues": (QueueShare(URL), QueueShare("jobs")), "handler": "m:f"},
            "--queue 'jobs' is not a queue URL",
            id="a second queue's bare name",
        ),
        pytest.param({"queues": (QueueShare(URL),)}, "exactly one of --handler", id="nothing to do with a message"),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "envelope": ("sns", "s3", "sns")},
            "--envelope sns is given twice",
            id="an envelope given twice",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "envelope": ("sns",), "keep_payloads": True},
            "--keep-payloads is for --envelope s3-pointer",
            id="payloads kept that are never read",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "exec": "cat"},
            "not --handler and --exec",
            id="two handlers",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "serve": "cat"},
            "not --handler and --serve",
            id="two again",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "exec": "cat", "serve": "cat"}, "not --exec and --serve", id="two commands"
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "handler": "m:f", "exec": "cat", "serve": "cat"},
            "not --handler and --exec and --serve",
            id="three handlers",
        ),
        pytest.param(
            {"queues": (QueueShare(URL),), "serve": "cat", "isolate": True},
            "leave out --isolate",
            id="served and isolated",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        Settings(**settings)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (URL, QueueShare(URL, 1)),
        (f"{URL},1", QueueShare(URL, 1)),
        (f"{URL},3", QueueShare(URL, 3)),
        (f"{URL},1000", QueueShare(URL, 1000)),
    ],
)
def test_a_queue_is_written_with_its_weight(text: str, share: QueueShare) -> None:
    assert QueueShare.parse(text) == share


@pytest.mark.parametrize("weight", ["", "0", "1001", "-1", "1.5", "+1", "x", " 3", "٣"])
def test_a_weight_that_is_none_is_refused(weight: str) -> None:
    with pytest.raises(UsageError, match="its weight must be a whole number from 1 to 1000, as in URL,3"):
        QueueShare.parse(f"{URL},{weight}")


def test_queues_are_called_by_their_names_or_by_their_urls_where_two_share_one() -> None:
    urls = (URL, "https://sqs.eu-west-1.amazonaws.com/123456789012/mails", URL.replace("eu-west-1", "eu-west-2"))
    settings = Settings(queues=tuple(map(QueueShare, urls)), handler="m:f")
    assert settings.queue_labels() == [urls[0], "mails", urls[2]]


def test_a_typo_in_a_variable_is_refused_with_the_right_name() -> None:
    with pytest.raises(
        UsageError, match=r"QUEUEWORKER_CONCURENCY is not a setting; did you mean QUEUEWORKER_CONCURRENCY"
    ):
        reject_unknown({"QUEUEWORKER_CONCURENCY": "3"})


@pytest.mark.parametrize(
    "name",
    [
        "QUEUEWORKER_SERVICE_HOST",
        "QUEUEWORKER_SERVICE_PORT",
        "QUEUEWORKER_SERVICE_PORT_HTTP",
        "QUEUEWORKER_PORT",
        "QUEUEWORKER_PORT_8081_TCP",
        "QUEUEWORKER_PORT_8081_TCP_ADDR",
        "QUEUEWORKER_METRICS_SERVICE_HOST",
        "QUEUEWORKER_METRICS_PORT_80_TCP_PROTO",
        "QUEUEWORKER_QUEUE",
        "QUEUE_WORKER",
    ],
)
def test_variables_that_kubernetes_sets_for_services_are_no_typos(name: str) -> None:
    reject_unknown({name: "x"})


def test_a_batch_size_is_for_handlers_of_batches() -> None:
    settings = Settings(queues=(QueueShare(URL),), handler="m:f", batch_size=3)
    settings.check_batch_size(for_batches=True)
    with pytest.raises(
        UsageError, match=r"--batch-size is for a --handler whose parameter is annotated list\[Message\]"
    ):
        settings.check_batch_size(for_batches=False)
    Settings(queues=(QueueShare(URL),), handler="m:f").check_batch_size(for_batches=False)
