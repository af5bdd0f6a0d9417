"""Whatever a ScaledObject holds: it is refused with a sentence, or becomes a pool that `qwp validate` accepts."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from queueworkerpool.importing import Imported, Options, SourceObject, convert
from queueworkerpool.validate import validate
from tests.unit.operator.importing.shapes import NOW

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)


def perhaps(likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what a field holds, now and then anything."""
    return st.integers(0, 60).flatmap(lambda die: anything if die == 60 else likely)


def rarely(common: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly the common values."""
    return st.integers(0, 30).flatmap(lambda die: rare if die == 30 else common)


def some(fields: dict[str, st.SearchStrategy[Any]], **required: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional={name: perhaps(value) for name, value in fields.items()})


numbers = rarely(st.integers(1, 90), st.integers(-2, 400) | st.sampled_from([10**6, 2**31, 10**12]))
texts = numbers.map(str)
names = rarely(st.sampled_from(["orders", "on", "1e3"]), st.sampled_from(["orders.fifo", "Orders_2", "a" * 70, "x\ny"]))
policies = st.lists(
    some({}, type=st.sampled_from(["Pods", "Percent"]), value=numbers, periodSeconds=numbers), max_size=3
)
directions = some(
    {
        "stabilizationWindowSeconds": numbers,
        "selectPolicy": st.sampled_from(["Max", "Min", "Disabled"]),
        "tolerance": st.sampled_from(["0.1", "50m", 2, 0.3]),
        "policies": policies,
    }
)
flags = rarely(st.sampled_from(["true", "false", True]), st.just("yes"))
urls = rarely(
    st.sampled_from([f"https://sqs.eu-west-1.amazonaws.com/111122223333/orders{end}" for end in ("", "-2", ".fifo")]),
    st.sampled_from(
        [
            "http://localhost:4566/000000000000/orders",
            "https://sqs.mars-1.amazonaws.com/111122223333/orders",
            "orders",
        ]
    ),
)
queue_triggers = some(
    {"name": names, "metricType": st.sampled_from(["AverageValue", "Value"]), "useCachedMetrics": st.booleans()},
    type=st.just("aws-sqs-queue"),
    metadata=some(
        {
            "queueURLFromEnv": names,
            "queueLength": texts,
            "activationQueueLength": texts,
            "awsRegion": rarely(st.just("eu-west-1"), st.sampled_from(["us-east-1", "Mars"])),
            "awsEndpoint": urls,
            "identityOwner": st.sampled_from(["pod", "operator"]),
            "scaleOnInFlight": flags,
            "scaleOnDelayed": flags,
        },
        queueURL=urls,
    ),
)
crons = rarely(
    st.sampled_from(["0 8 * * 1-5", "30 17 * * *", "0 8 ? * MON", "5 8 1 */2 *"]),
    st.sampled_from(["0 0 31 2 *", "@daily", "0 8 * *"]),
)
cron_triggers = some(
    {"name": names},
    type=st.just("cron"),
    metadata=some(
        {},
        timezone=rarely(st.sampled_from(["Europe/Berlin", "UTC"]), st.just("Mars/Base")),
        start=crons,
        end=crons,
        desiredReplicas=texts,
    ),
)
other_triggers = some({}, type=st.sampled_from(["cpu", "kafka"]), metadata=st.just({}))
annotations = st.dictionaries(
    st.sampled_from([f"autoscaling.keda.sh/{name}" for name in ("paused", "paused-replicas", "paused-scale-in")]),
    texts | st.sampled_from(["true", "false"]),
    max_size=2,
)
specs = some(
    {
        "pollingInterval": numbers,
        "cooldownPeriod": numbers,
        "initialCooldownPeriod": numbers,
        "idleReplicaCount": numbers,
        "minReplicaCount": numbers,
        "maxReplicaCount": numbers,
        "fallback": some({"behavior": st.just("static")}, failureThreshold=numbers, replicas=numbers),
        "advanced": some(
            {
                "restoreToOriginalReplicaCount": st.booleans(),
                "horizontalPodAutoscalerConfig": some(
                    {"behavior": some({"scaleUp": directions, "scaleDown": directions})}
                ),
            }
        ),
    },
    scaleTargetRef=some({"kind": st.just("Deployment"), "apiVersion": st.just("apps/v1")}, name=names),
    triggers=st.lists(queue_triggers, min_size=1, max_size=2).flatmap(
        lambda first: st.lists(queue_triggers | cron_triggers | other_triggers, max_size=2).map(first.__add__)
    ),
)
scaled_objects = st.fixed_dictionaries(
    {
        "apiVersion": st.just("keda.sh/v1alpha1"),
        "kind": st.just("ScaledObject"),
        "metadata": some({"annotations": annotations, "namespace": names, "labels": annotations}, name=names),
        "spec": perhaps(specs),
    }
)


def imported(value: dict[str, Any]) -> Imported:
    return convert([], [SourceObject("cluster", value)], Options(), NOW)


def outcome_is_told(result: Imported) -> bool:
    """Whether there is either a pool, or a sentence that says why not."""
    return bool(result.manifests) != bool(result.refusals) and all(len(each.text) > 10 for each in result.refusals)


@given(scaled_objects)
@settings(deadline=None, max_examples=60)
def test_a_scaled_object_is_refused_with_a_sentence_or_becomes_a_valid_pool(value: dict[str, Any]) -> None:
    result = imported(value)
    assert outcome_is_told(result)
    for text in result.manifests:
        assert [verdict.errors for verdict in validate(text, NOW)] == [()]


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), anything))
@settings(deadline=None, max_examples=60)
def test_an_object_of_any_shape_is_refused_with_a_sentence(value: dict[str, Any]) -> None:
    head = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}
    result = imported(value | head)
    assert (result.manifests, len(result.refusals)) == ((), 1)


@given(st.dictionaries(st.text(max_size=5), anything, max_size=3), st.sampled_from(["yaml", "text"]))
@settings(deadline=None, max_examples=40)
def test_a_file_of_any_content_is_read_or_told(value: dict[str, Any], form: str) -> None:
    text = yaml.safe_dump(value) if form == "yaml" else str(value)
    result = convert([("f", text)], [], Options(), NOW)
    assert result.manifests == ()


@given(specs)
@settings(deadline=None, max_examples=40)
def test_what_is_written_in_a_file_gives_the_same_pool_as_what_is_in_the_cluster(spec: dict[str, Any]) -> None:
    value = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "orders"},
        "spec": spec,
    }
    from_file = convert([("f", yaml.safe_dump(value, default_style='"'))], [], Options(), NOW)
    parsed = [[yaml.safe_load(text) for text in result.manifests] for result in (from_file, imported(value))]
    assert parsed[0] == parsed[1]
