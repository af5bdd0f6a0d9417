"""`qwp history` as users call it, and the Events that it reads."""

import json
from datetime import datetime
from typing import Any

import pytest

from queueworkerpool.cluster.objects import parse_event, raw_event
from queueworkerpool.model import Event, RecordedEvent, SizeChange
from queueworkerpool.names import EventType, Reason
from tests.unit.operator.builders import NOW, ago, pool
from tests.unit.operator.cli.conftest import POOL, STATUS, Api, listed, qwp, refused, stored

EVENTS = "/api/v1/namespaces/shop/events"
GROWN = Event(EventType.NORMAL, "SuccessfulRescale", "from 3 to 10 replicas: 50", SizeChange(3, 10, "SizedByBacklog"))
LOST = Event(EventType.WARNING, "QueueNotFound", "there is no such queue")
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "well",
    "lastTransitionTime": "2026-11-23T11:00:00Z",
}
KNOWN = STATUS | {"conditions": [READY], "lastScaleTime": "2026-11-23T11:59:00Z"}


def event(told: Event, time: datetime) -> dict[str, Any]:
    return raw_event(pool(), told, time)


def test_changes_and_conditions_stand_in_the_order_of_their_times(api: Api) -> None:
    api[POOL] = stored(status=KNOWN)
    api[EVENTS] = listed(event(LOST, ago(30)), event(GROWN, ago(60)))
    result = qwp("history", "thumbnails")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "TIME                   PODS      REASON           MESSAGE",
            "2026-11-23T11:00:00Z   -         Ready            Ready is True since then, now because: well",
            "2026-11-23T11:59:00Z   3 -> 10   SizedByBacklog   from 3 to 10 replicas: 50",
            "2026-11-23T11:59:30Z   -         QueueNotFound    there is no such queue",
            "now: 12 pods, by SizedByBacklog: 60 messages / 5 per pod = 12 pods",
        ],
    )
    assert "keeps Events for an hour" in result.stderr


def test_the_last_change_is_told_after_its_event_is_gone(api: Api) -> None:
    api[POOL], api[EVENTS] = stored(status=KNOWN), listed()
    [line] = [line for line in qwp("history", "thumbnails").stdout.splitlines() if "11:59:00" in line]
    assert line.endswith("the operator last changed the size; no Event tells of it any more")


def test_without_the_right_to_events_the_status_is_shown_and_the_right_is_named(api: Api) -> None:
    api[POOL], api[EVENTS] = stored(status=KNOWN), refused('events is forbidden: "op" cannot list')
    result = qwp("history", "thumbnails")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 4)
    assert result.stderr == 'Events are not shown, for you may not list them: events is forbidden: "op" cannot list\n'


def test_programs_get_the_sizes(api: Api) -> None:
    api[POOL], api[EVENTS] = stored(status=KNOWN), listed(event(GROWN, ago(60)))
    document = json.loads(qwp("history", "thumbnails", "-o", "json").stdout)
    assert [(entry["from"], entry["to"]) for entry in document["entries"]] == [(None, None), (3, 10)]
    assert document["now"]["desiredReplicas"] == 12


def test_a_pool_without_a_decision_has_a_history(api: Api) -> None:
    api[POOL], api[EVENTS] = stored(status={}), listed()
    assert qwp("history", "thumbnails").stdout.splitlines()[-1] == "now: nothing is decided yet"


def test_a_missing_pool_has_none() -> None:
    result = qwp("history", "shop/thumbnails", "--kubeconfig", "/nonexistent")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: shop/thumbnails: no usable /nonexistent (ConfigException)\n",
    )


@pytest.mark.parametrize("told", [GROWN, LOST])
def test_an_event_says_the_same_when_it_is_read_back(told: Event) -> None:
    assert parse_event(raw_event(pool(), told, NOW)) == RecordedEvent(
        NOW, told.type, told.reason, told.message, told.change
    )


FORGED = {
    "no number": {"queueworker.dev/from": "-1", "queueworker.dev/to": "x"},
    "half of it": {"queueworker.dev/from": "1"},
    "an endless number": {"queueworker.dev/from": "1", "queueworker.dev/to": "1" * 9999},
}


@pytest.mark.parametrize("annotations", FORGED.values(), ids=FORGED)
def test_a_forged_event_is_no_change_of_size(annotations: dict[str, str]) -> None:
    raw = raw_event(pool(), LOST, NOW)
    assert parse_event(raw | {"metadata": raw["metadata"] | {"annotations": annotations}}).change is None


def test_every_change_of_size_says_from_what_to_what_and_why() -> None:
    annotations = raw_event(pool(), GROWN, NOW)["metadata"]["annotations"]
    assert annotations == {
        "queueworker.dev/from": "3",
        "queueworker.dev/to": "10",
        "queueworker.dev/decision": Reason.SIZED_BY_BACKLOG,
    }
