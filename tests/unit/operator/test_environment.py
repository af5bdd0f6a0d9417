"""What a pod template tells of queues: the URLs that stand in it, why there is none, and how little is kept."""

from typing import Any

import pytest

from queueworkerpool.errors import QueueUrlUnresolvedError
from queueworkerpool.model import PodEnvironment, QueueRef, QueueVariable
from queueworkerpool.model.environment import MOST_CONTAINERS, MOST_VARIABLES
from tests.unit.operator.builders import URL

OTHER = "http://localhost:4566/queue/us-east-1/000000000000/jobs"
SECRET = "postgres://app:secret@db/orders"


def template(*env: Any, container: str = "worker", **more: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": container, "env": list(env)} | more]}}


def variable(name: str, container: str = "worker", region: str | None = None) -> QueueVariable:
    return QueueVariable(container, name, region)


FOUND: dict[str, tuple[Any, str]] = {
    "a literal value": (template({"name": "QUEUE_URL", "value": URL}), URL),
    "a value of a compatible server": (template({"name": "QUEUE_URL", "value": OTHER}), OTHER),
    "the last of a repeated variable, as in a pod": (
        template({"name": "QUEUE_URL", "value": OTHER}, {"name": "QUEUE_URL", "value": URL}),
        URL,
    ),
    "a sidecar that starts before the others": (
        {"spec": {"initContainers": template({"name": "QUEUE_URL", "value": URL})["spec"]["containers"]}},
        URL,
    ),
}


@pytest.mark.parametrize(("raw", "url"), FOUND.values(), ids=FOUND.keys())
def test_a_url_is_found(raw: Any, url: str) -> None:
    assert PodEnvironment.parse(raw).url(variable("QUEUE_URL")) == url


_FIX = "give it a literal value in the pod template, or set spec.queues[].url"

UNRESOLVED: dict[str, tuple[Any, str]] = {
    "without the container": (
        template({"name": "QUEUE_URL", "value": URL}, container="main"),
        "the pod template has no container of that name (it has: main): correct containerName",
    ),
    "without any container": (
        None,
        "the pod template has no container of that name (it has: none): correct containerName",
    ),
    "without the variable": (template(), f"the container does not set it to the URL of a queue: {_FIX}"),
    "without the variable, which envFrom may bring": (
        template(envFrom=[{"configMapRef": {"name": "queues"}}]),
        f"the container does not set it to the URL of a queue; envFrom is not looked into: {_FIX}",
    ),
    "with a value from a ConfigMap": (
        template({"name": "QUEUE_URL", "valueFrom": {"configMapKeyRef": {"name": "queues", "key": "url"}}}),
        f"its value comes from elsewhere (valueFrom): {_FIX}",
    ),
    "with a value from other variables": (
        template({"name": "QUEUE_URL", "value": "https://sqs.eu-west-1.amazonaws.com/$(ACCOUNT)/q"}),
        f"its value refers to other variables ($(...)): {_FIX}",
    ),
    "with a value from elsewhere after a literal one": (
        template(
            {"name": "QUEUE_URL", "value": URL}, {"name": "QUEUE_URL", "valueFrom": {"secretKeyRef": {"name": "urls"}}}
        ),
        f"its value comes from elsewhere (valueFrom): {_FIX}",
    ),
    "with an empty value": (template({"name": "QUEUE_URL", "value": ""}), f"it is empty: {_FIX}"),
    "with no value": (template({"name": "QUEUE_URL"}), f"it is empty: {_FIX}"),
    "with a queue's name": (
        template({"name": "QUEUE_URL", "value": "jobs"}),
        f"its value is no URL of a queue: {_FIX}",
    ),
    "with a secret, which is not repeated": (
        template({"name": "QUEUE_URL", "value": SECRET}),
        f"its value is no URL of a queue: {_FIX}",
    ),
    "with a URL that is too long": (
        template({"name": "QUEUE_URL", "value": f"http://{'h' * 500}/000000000000/jobs"}),
        f"its value is no URL of a queue: {_FIX}",
    ),
}


@pytest.mark.parametrize(("raw", "problem"), UNRESOLVED.values(), ids=UNRESOLVED.keys())
def test_it_is_told_what_is_wrong(raw: Any, problem: str) -> None:
    with pytest.raises(QueueUrlUnresolvedError) as caught:
        PodEnvironment.parse(raw).url(variable("QUEUE_URL"))
    assert str(caught.value) == f"variable QUEUE_URL of container worker: {problem}"


def test_a_variable_of_any_name_that_a_later_one_replaces_is_no_queue() -> None:
    raw = template({"name": "JOBS", "value": URL}, {"name": "JOBS", "valueFrom": {"secretKeyRef": {"name": "urls"}}})
    with pytest.raises(QueueUrlUnresolvedError, match="does not set it to the URL of a queue"):
        PodEnvironment.parse(raw).url(variable("JOBS"))


def test_a_queue_is_found_after_variables_that_are_none() -> None:
    """What is kept is limited; what only may be meant to hold a queue's URL goes first."""
    others = ({"name": f"SERVICE_{n}_URL", "value": f"http://service-{n}"} for n in range(2 * MOST_VARIABLES))
    assert (
        PodEnvironment.parse(template(*others, {"name": "QUEUE_URL", "value": URL})).url(variable("QUEUE_URL")) == URL
    )


def test_names_that_are_none_are_not_repeated() -> None:
    with pytest.raises(QueueUrlUnresolvedError, match=r"^variable \? of container \?: "):
        PodEnvironment().url(QueueVariable("a\nb", "x" * 254))


def test_only_what_may_be_a_queue_is_kept_and_little_of_it() -> None:
    secrets = [{"name": f"SECRET_{n}", "value": SECRET} for n in range(100)]
    assert PodEnvironment.parse(template(*secrets)) == PodEnvironment(("worker",))
    urls = [{"name": f"QUEUE_{n}", "value": f"{URL}{n}"} for n in range(1000)]
    assert len(PodEnvironment.parse(template(*urls)).variables) == MOST_VARIABLES
    containers = [{"name": f"c{n}"} for n in range(1000)]
    assert len(PodEnvironment.parse({"spec": {"containers": containers}}).containers) == MOST_CONTAINERS
    assert PodEnvironment.parse(template({"name": "Q" * 254, "value": URL})).variables == ()


@pytest.mark.parametrize(
    "raw",
    [
        {"spec": 1},
        {"spec": {"containers": {"name": "worker"}}},
        {"spec": {"containers": [7, {"name": 7}, {"env": "x"}]}},
        template(7, {"name": 7}, {"value": URL}),
    ],
)
def test_what_cannot_be_read_is_absent(raw: Any) -> None:
    assert PodEnvironment.parse(raw).variables == ()


def test_variables_become_queues_and_two_that_are_one_count_once() -> None:
    raw = template({"name": "QUEUE_URL", "value": URL}, {"name": "SAME_QUEUE", "value": URL})
    queues = (variable("QUEUE_URL", region="eu-west-1"), variable("SAME_QUEUE"), QueueRef(URL), variable("MISSING"))
    assert PodEnvironment.parse(raw).resolved(queues) == (QueueRef(URL, "eu-west-1"), variable("MISSING"))
