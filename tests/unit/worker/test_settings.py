"""Which settings the worker accepts, and how it refuses others."""

from typing import Any

import pytest

from queueworker.errors import UsageError
from queueworker.settings import Settings, reject_unknown

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"queue": "jobs", "handler": "m:f"}, "--queue 'jobs' is not a queue URL", id="a bare queue name"),
        pytest.param(
            {"queue": URL, "handler": "m:f", "dead_letter_queue": "dead"},
            "--dead-letter-queue 'dead' is not a queue URL",
            id="a bare name of a dead-letter queue",
        ),
        pytest.param({"queue": URL, "exec": "cat", "isolate": True}, "leave out --isolate", id="isolated twice"),
        pytest.param(
            {"queue": URL, "handler": "m:f", "concurrency": 2, "prefetch": 29},
            "--prefetch 29 is too much with --concurrency 2: at most 28",
            id="more received ahead than handled",
        ),
        pytest.param(
            {"queue": URL, "handler": "m:f", "concurrency": 30, "prefetch": 31},
            "at most 30",
            id="as many again, and one",
        ),
        pytest.param({"queue": URL}, "exactly one of --handler", id="nothing to do with a message"),
        pytest.param({"queue": URL, "handler": "m:f", "exec": "cat"}, "not --handler and --exec", id="two handlers"),
        pytest.param({"queue": URL, "handler": "m:f", "serve": "cat"}, "not --handler and --serve", id="two again"),
        pytest.param({"queue": URL, "exec": "cat", "serve": "cat"}, "not --exec and --serve", id="two commands"),
        pytest.param(
            {"queue": URL, "handler": "m:f", "exec": "cat", "serve": "cat"},
            "not --handler and --exec and --serve",
            id="three handlers",
        ),
        pytest.param({"queue": URL, "serve": "cat", "isolate": True}, "leave out --isolate", id="served and isolated"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        Settings(**settings)


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
    settings = Settings(queue=URL, handler="m:f", batch_size=3)
    settings.check_batch_size(for_batches=True)
    with pytest.raises(
        UsageError, match=r"--batch-size is for a --handler whose parameter is annotated list\[Message\]"
    ):
        settings.check_batch_size(for_batches=False)
    Settings(queue=URL, handler="m:f").check_batch_size(for_batches=False)
