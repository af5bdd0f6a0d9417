"""Pools that the API server must refuse for their rules, schedules and other fields."""

from tests.cluster.operator.pool_manifests import (
    CALM,
    MISSING,
    MORNING,
    down,
    manifest,
    policy,
    pool,
    schedule,
    target,
    up,
    written,
)
from tests.cluster.operator.refused import Row

_CRON = "must be five fields such as '0 9 * * 1-5'"
_ZONE = "must be a time zone's name such as Europe/Berlin"
_ONE_TARGET = "exactly one of messagesPerPod and latencySeconds"
_REQUIRED, _UNKNOWN, _TWICE = "Required value", "unknown field", "Duplicate value"
_SCALE_DOWN, _POLICY = "spec.behavior.scaleDown", "spec.behavior.scaleDown.policies[0]"
_SCHEDULE = "spec.schedules[0]"

_PAUSE = "must be a time in RFC 3339, with its zone, such as"

REFUSED_RULES: dict[str, Row] = {
    # Bounds by activity, and a pause with an end.
    "an active minimum of zero": Row(pool(activeMinReplicas=0), "spec.activeMinReplicas", "greater than or equal to 1"),
    "an active minimum of just the minimum": Row(
        pool(activeMinReplicas=3, minReplicas=3), "spec.activeMinReplicas", "must be above spec.minReplicas"
    ),
    "an active minimum above the maximum": Row(
        pool(activeMinReplicas=51), "spec.activeMinReplicas", "lower it or raise maxReplicas"
    ),
    "an idle interval of zero": Row(pool(idlePollSeconds=0), "spec.idlePollSeconds", "greater than or equal to 1"),
    "an idle interval above an hour": Row(pool(idlePollSeconds=3601), "spec.idlePollSeconds", "or equal to 3600"),
    "an idle interval below the default of pollSeconds": Row(
        pool(idlePollSeconds=4), "spec.idlePollSeconds", "must not be below spec.pollSeconds"
    ),
    "an idle interval below pollSeconds": Row(
        pool(pollSeconds=60, idlePollSeconds=59), "spec.idlePollSeconds", "raise it, lower pollSeconds, or remove it"
    ),
    "a pause until a word": Row(pool(pausedUntil="tomorrow"), "spec.pausedUntil", _PAUSE),
    "a pause until a day": Row(pool(pausedUntil="2026-12-24"), "spec.pausedUntil", _PAUSE),
    "a pause without a zone": Row(pool(pausedUntil="2026-12-24T18:00:00"), "spec.pausedUntil", _PAUSE),
    "a pause with a blank": Row(pool(pausedUntil="2026-12-24 18:00:00Z"), "spec.pausedUntil", _PAUSE),
    "a pause until a day that is none": Row(pool(pausedUntil="2026-11-31T18:00:00Z"), "spec.pausedUntil", _PAUSE),
    "a pause until a leap day of no leap year": Row(
        pool(pausedUntil="2100-02-29T18:00:00Z"), "spec.pausedUntil", _PAUSE
    ),
    "a pause until a second that is none": Row(pool(pausedUntil="2026-12-24T18:00:60Z"), "spec.pausedUntil", _PAUSE),
    "a pause of a number": Row(pool(pausedUntil=1766599200), "spec.pausedUntil", "must be of type string"),
    # What to size for.
    "no target size": Row(pool(target=MISSING), "spec.target", _REQUIRED),
    "an empty target size": Row(target(), "spec.target", _ONE_TARGET),
    "a null target size": Row(target(messagesPerPod=None), "spec.target", _ONE_TARGET),
    "both targets": Row(target(messagesPerPod=5, latencySeconds=60), "spec.target", _ONE_TARGET),
    "a target size of zero": Row(target(messagesPerPod=0), "spec.target.messagesPerPod", "greater than or equal to 1"),
    "a target size of half a message": Row(
        target(messagesPerPod=0.5), "spec.target.messagesPerPod", "must be of type int32"
    ),
    "a latency of zero": Row(target(latencySeconds=0), "spec.target.latencySeconds", "greater than or equal to 1"),
    "a latency of two days": Row(target(latencySeconds=172800), "spec.target.latencySeconds", "equal to 86400"),
    "a latency with a unit": Row(target(latencySeconds="60s"), "spec.target.latencySeconds", "must be of type integer"),
    "a service time without a latency": Row(
        target(messagesPerPod=5, serviceSeconds=1), "spec.target", "belong to latencySeconds"
    ),
    "a start-up time without a latency": Row(
        target(messagesPerPod=5, startupSeconds=1), "spec.target", "belong to latencySeconds"
    ),
    "a service time of zero": Row(
        target(latencySeconds=60, serviceSeconds=0), "spec.target.serviceSeconds", "must be 0.001 or more"
    ),
    "a service time next to nothing": Row(
        target(latencySeconds=60, serviceSeconds=0.0001), "spec.target.serviceSeconds", "must be 0.001 or more"
    ),
    "a negative start-up time": Row(
        target(latencySeconds=60, startupSeconds=-0.5), "spec.target.startupSeconds", "greater than or equal to 0"
    ),
    "a start-up time of a million seconds": Row(
        target(latencySeconds=60, startupSeconds=1234567.5), "spec.target.startupSeconds", "less than or equal to 3600"
    ),
    # What counts, and when.
    "a way to count that there is not": Row(
        pool(count={"inFlight": "Maybe"}), "spec.count.inFlight", 'supported values: "Count", "Hold", "Ignore"'
    ),
    "a way to count in small letters": Row(
        pool(count={"delayed": "count"}), "spec.count.delayed", 'supported values: "Count", "Ignore"'
    ),
    "a way to count that is a truth": Row(
        pool(count={"inFlight": True}), "spec.count.inFlight", "must be of type string"
    ),
    "a negative activation": Row(pool(activationMessages=-1), "spec.activationMessages", "greater than or equal to 0"),
    "a poll without pause": Row(pool(pollSeconds=0), "spec.pollSeconds", "greater than or equal to 1"),
    "a poll an hour": Row(pool(pollSeconds=3600), "spec.pollSeconds", "less than or equal to 300"),
    "a duration with a unit": Row(pool(pollSeconds="5s"), "spec.pollSeconds", "must be of type integer"),
    "a zero rule beyond a day": Row(
        pool(scaleToZeroAfterSeconds=86401), "spec.scaleToZeroAfterSeconds", "less than or equal to 86400"
    ),
    # How fast.
    "a behavior that is a list": Row(pool(behavior=[]), "spec.behavior", "must be of type object"),
    "a window beyond an hour": Row(
        down(stabilizationWindowSeconds=3601), f"{_SCALE_DOWN}.stabilizationWindowSeconds", "equal to 3600"
    ),
    "a negative window": Row(
        up(stabilizationWindowSeconds=-1), "spec.behavior.scaleUp.stabilizationWindowSeconds", "equal to 0"
    ),
    "a tolerance of 110 percent": Row(down(tolerance=1.1), f"{_SCALE_DOWN}.tolerance", "less than or equal to 1"),
    "a tolerance as text": Row(up(tolerance="10%"), "spec.behavior.scaleUp.tolerance", "must be of type number"),
    "a choice of policies that there is not": Row(
        up(selectPolicy="max"), "spec.behavior.scaleUp.selectPolicy", 'supported values: "Max", "Min", "Disabled"'
    ),
    "no policies at all": Row(down(policies=[]), f"{_SCALE_DOWN}.policies", "at least 1 items"),
    "eleven policies": Row(
        down(policies=[{"type": "Pods", "value": 1, "periodSeconds": 60}] * 11), f"{_SCALE_DOWN}.policies", "at most 10"
    ),
    "a policy without a period": Row(
        down(policies=[{"type": "Pods", "value": 1}]), f"{_POLICY}.periodSeconds", _REQUIRED
    ),
    "a policy of a kind that there is not": Row(policy(type="Pct"), f"{_POLICY}.type", 'values: "Pods", "Percent"'),
    "a policy that changes nothing": Row(policy(value=0), f"{_POLICY}.value", "greater than or equal to 1"),
    "a policy over a day": Row(policy(periodSeconds=86400), f"{_POLICY}.periodSeconds", "less than or equal to 1800"),
    "going by more than all pods": Row(policy(type="Percent", value=101), f"{_POLICY}.value", "at most 100"),
    # When a queue cannot be read.
    "a fallback without a size": Row(pool(fallback={"afterSeconds": 60}), "spec.fallback.replicas", _REQUIRED),
    "a fallback without a time": Row(pool(fallback={"replicas": 3}), "spec.fallback.afterSeconds", _REQUIRED),
    "a fallback at once": Row(
        pool(fallback={"afterSeconds": 0, "replicas": 3}), "spec.fallback.afterSeconds", "greater than or equal to 1"
    ),
    "a fallback of fewer than no pods": Row(
        pool(fallback={"afterSeconds": 60, "replicas": -3}), "spec.fallback.replicas", "greater than or equal to 0"
    ),
    "a fallback when there is none": Row(
        pool(fallback={"afterSeconds": 60, "replicas": 3, "when": "Never"}),
        "spec.fallback.when",
        '"Always", "IfHigher"',
    ),
    # Schedules.
    "the same schedule twice": Row(pool(schedules=[MORNING, MORNING]), "spec.schedules[1]", _TWICE),
    "twenty-one schedules": Row(
        pool(schedules=[MORNING | {"name": f"s{i}"} for i in range(21)]), "spec.schedules", "at most 20 items"
    ),
    "a schedule without a name": Row(schedule(name=MISSING), f"{_SCHEDULE}.name", _REQUIRED),
    "a schedule's name in capitals": Row(schedule(name="Morning"), f"{_SCHEDULE}.name", "lower-case letters"),
    "a schedule without a time": Row(schedule(cron=MISSING), f"{_SCHEDULE}.cron", _REQUIRED),
    "a schedule by a word": Row(schedule(cron="@daily @daily"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule in six fields": Row(schedule(cron="0 0 9 * * 1-5"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule with two spaces": Row(schedule(cron="0  9 * * 1-5"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule with a dash of another kind": Row(schedule(cron="0 9 * * 1–5"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule that is too short": Row(schedule(cron="0 9"), f"{_SCHEDULE}.cron", "at least 9 chars"),
    "a schedule of a second": Row(schedule(durationSeconds=1), f"{_SCHEDULE}.durationSeconds", "or equal to 60"),
    "a schedule of a year": Row(schedule(durationSeconds=31536000), f"{_SCHEDULE}.durationSeconds", "to 2678400"),
    "a schedule that changes nothing": Row(
        schedule(minReplicas=MISSING), _SCHEDULE, "needs minReplicas or maxReplicas"
    ),
    "a schedule of crossed bounds": Row(
        schedule(maxReplicas=4), f"{_SCHEDULE}.minReplicas", "lower minReplicas or raise maxReplicas"
    ),
    "a time zone with a space": Row(schedule(timeZone="Europe/ Berlin"), f"{_SCHEDULE}.timeZone", _ZONE),
    "a time zone that climbs": Row(schedule(timeZone="../../etc/passwd"), f"{_SCHEDULE}.timeZone", _ZONE),
    "an empty time zone": Row(schedule(timeZone=""), f"{_SCHEDULE}.timeZone", "at least 1 chars long"),
    # The rest.
    "a mode that there is not": Row(pool(mode="Auto"), "spec.mode", 'supported values: "Active", "DryRun", "Paused"'),
    "a mode that is a number": Row(pool(mode=5), "spec.mode", 'supported values: "Active", "DryRun", "Paused"'),
    "a state port beyond the last": Row(pool(scaleIn={"statePort": 65536}), "spec.scaleIn.statePort", "equal to 65535"),
    "a misspelt field": Row(pool(maxReplica=5), "spec.maxReplica", _UNKNOWN),
    "misspelt fields deep inside": Row(down(window=5, policy=[{"a": 1}]), f"{_SCALE_DOWN}.window", _UNKNOWN),
    "a field that is given twice": Row(
        written("maxReplicas: 5\n  maxReplicas: 6"), "maxReplicas", "already set in map"
    ),
    "a megabyte in a field that there is not": Row(pool(note="x" * 1_000_000), "spec.note", _UNKNOWN),
    "no spec": Row(manifest(None), "spec", _REQUIRED),
    "a spec that is a list": Row(manifest([]), "spec", "must be of type object"),
    "a status that there is not": Row(manifest(CALM, status={"phase": "Ready"}), "status.phase", _UNKNOWN),
    "a field beside the spec": Row(manifest(CALM, data={"a": "b"}), "data", _UNKNOWN),
    "no name": Row(manifest(CALM, metadata={}), "metadata.name", "name or generateName is required"),
    "a name in capitals": Row(manifest(CALM, metadata={"name": "P"}), "metadata.name", "lower case alphanumeric"),
    "a name beyond 253 letters": Row(manifest(CALM, metadata={"name": "p" * 254}), "metadata.name", "no more than 253"),
    "a name that is a number": Row(manifest(CALM, metadata={"name": 5}), "ObjectMeta.name", "of type string"),
    "a label that is a truth": Row(
        manifest(CALM, metadata={"name": "p", "labels": {"a": True}}), "ObjectMeta.labels", "of type string"
    ),
    "labels that are a list": Row(
        manifest(CALM, metadata={"name": "p", "labels": ["a"]}), "ObjectMeta.labels", "of type map[string]string"
    ),
    "metadata that is a list": Row(manifest(CALM, metadata=["p"]), "v1.ObjectMeta", "cannot unmarshal array"),
    "a misspelt field of the metadata": Row(
        manifest(CALM, metadata={"name": "p", "label": {}}), "metadata.label", _UNKNOWN
    ),
    "an annotation of a megabyte": Row(
        manifest(CALM, metadata={"name": "p", "annotations": {"a": "x" * 1_000_000}}), "metadata.annotations", "262144"
    ),
    "several faults at once": Row(
        pool(minReplicas=51, pollSeconds=301, activationMessages=-1), "spec.pollSeconds", "less than or equal to 300"
    ),
    "a required field and a crossed bound": Row(pool(minReplicas=51, target=MISSING), "spec.target", _REQUIRED),
}
