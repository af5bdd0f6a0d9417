"""Presets without a queue: a primary server that assigns the jobs to nodes, and three ways to say how many. Pure."""

import math
from collections.abc import Iterator

from queueplanner.policies.ec2 import (
    Adjustment,
    AutoScalingGroup,
    PrimaryLoad,
    Step,
    StepScaling,
    TargetTracking,
    Utilization,
)
from queueplanner.presets.aws import Group, on_instances
from queueplanner.presets.rival import Request, Rival
from queueplanner.simulation import Primary, Run
from queueplanner.work import Work

OUTAGE = (12 * 3600.0, 12 * 3600.0 + 1200.0)
"""When a primary is down."""
BUSY = 0.6
"""How busy nodes should be."""
STEPS = 10
"""Steps of the primary's load, by which the number of nodes is set."""


def sized_for_all_nodes(work: Work, most: int) -> Primary:
    """Return a primary that manages what all nodes can do together, and fails once."""
    return Primary(most * work.concurrency / work.service.mean_seconds, failures=(OUTAGE,))


def with_the_primary(run: Run, _: Work) -> float:
    """Return the seconds of the nodes, and of the machine of the primary."""
    return run.pod_seconds + run.seconds


def _fixed(request: Request, _: Work) -> AutoScalingGroup:
    return AutoScalingGroup(request.name, request.most, request.most)


def _by_the_primary(request: Request, work: Work) -> AutoScalingGroup:
    """Return a group whose steps an expert has set to the work, so that nodes are as busy as they should be."""
    primary = _primary(request)
    steps = tuple(_steps(request.most, primary, work))
    policy = StepScaling(0.0, steps, periods=3, adjustment=Adjustment.EXACT_CAPACITY)
    warmup = work.startup.mean_seconds
    return AutoScalingGroup(request.name, 1, request.most, PrimaryLoad(primary), (policy,), warmup_seconds=warmup)


def _steps(most: int, primary: Primary, work: Work) -> Iterator[Step]:
    """Yield the nodes that the middle of each tenth of the primary's load needs."""
    nodes_at_full_load = primary.assignments_per_second * work.service.mean_seconds / work.concurrency / BUSY
    for step in range(STEPS):
        nodes = math.ceil((step + 0.5) / STEPS * nodes_at_full_load)
        yield Step(step / STEPS, min(nodes, most))


def _by_the_nodes(request: Request, work: Work) -> AutoScalingGroup:
    metric, policies, warmup = Utilization(work.concurrency), (TargetTracking(BUSY),), work.startup.mean_seconds
    return AutoScalingGroup(request.name, 1, request.most, metric, policies, warmup_seconds=warmup)


def _primary(request: Request) -> Primary:
    if request.primary is None:
        raise ValueError(f"{request.name} needs a primary")
    return request.primary


_SOURCE = "no product: the architecture that a queue takes the place of"
_FAILURE = "A primary fails once, after 12 hours and for 20 minutes, and still knows its jobs then: it is an example."
_CAPACITY = "A primary manages as many jobs as all nodes together: it is an example."
_ALARMS = "The alarms are those of EC2 Auto Scaling as far as they are known: minutes, not seconds."
_CPU = "The load of a node is how many of its places are taken: its CPU is less exact."


def _preset(name: str, what: str, begin: Group, unchecked: tuple[str, ...]) -> Rival:
    return Rival(
        name,
        what,
        _SOURCE,
        begin,
        on_instances,
        paid_seconds=with_the_primary,
        primary=sized_for_all_nodes,
        unchecked=(_FAILURE, _CAPACITY, *unchecked),
    )


RIVALS = (
    _preset("primary", "a primary server that assigns jobs to a fixed number of nodes", _fixed, ()),
    _preset(
        "primary-by-its-load",
        "a primary server, and nodes by how busy it is, in steps that are set to the work",
        _by_the_primary,
        (_ALARMS,),
    ),
    _preset(
        "primary-by-node-load",
        "a primary server, and nodes so that they are busy for 60 % of the time",
        _by_the_nodes,
        (_ALARMS, _CPU),
    ),
)
