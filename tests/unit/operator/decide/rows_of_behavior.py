"""Rows of spec.behavior: tolerance, the scale-up window and rate policies."""

from queueworkerpool.model import Memory, ScaleUpStabilization, Select
from queueworkerpool.names import Reason
from tests.unit.operator.builders import ago, empty, percent_policy, pods_policy, reading, rules, window
from tests.unit.operator.decide.rows import LATENCY, MEASURED, REPORTING, Row, changed, joined

BEHAVIOR: dict[str, Row] = {
    "stays within the tolerance upwards": (
        {"reading": reading(0, 54), "scale_up": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "the tolerance's upper edge is within, although 1.1 - 1 is not 0.1 in floating point": (
        {"reading": reading(0, 55), "scale_up": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "moves beyond the tolerance upwards": (
        {"reading": reading(0, 56), "scale_up": rules(tolerance=0.1)},
        12,
        Reason.SIZED_BY_BACKLOG,
    ),
    "stays within the tolerance downwards": (
        {"reading": reading(0, 45), "scale_down": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "moves beyond the tolerance downwards": (
        {"reading": reading(0, 44), "scale_down": rules(tolerance=0.1)},
        9,
        Reason.SIZED_BY_BACKLOG,
    ),
    "no tolerance keeps a pool at zero": (
        {"replicas": 0, "reading": reading(5), "scale_up": rules(tolerance=1)},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the tolerance of a latency target is of its own recommendation": (
        {"target": LATENCY, "reading": reading(0, 840), "memory": MEASURED, "scale_up": rules(tolerance=0.1)},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "the tolerance of a latency target counts slots": (
        {"target": LATENCY, "reading": reading(44), "scale_up": rules(tolerance=0.2), "memory": REPORTING},
        10,
        Reason.WITHIN_TOLERANCE,
    ),
    "waits while more pods are recommended within the scale-up window": (
        {"reading": reading(100), "scale_up": window(30)},
        10,
        Reason.SCALE_UP_STABILIZED,
    ),
    "scales out to the lowest recommendation of the window": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(30), 14)),
        },
        14,
        Reason.SCALE_UP_STABILIZED,
    ),
    "scales out to the recommendation after the window": (
        {
            "reading": reading(100),
            "scale_up": window(30),
            "memory": Memory(scale_up_stabilization=ScaleUpStabilization(ago(30), 20)),
        },
        20,
        Reason.SIZED_BY_BACKLOG,
    ),
    "grows by so many pods a period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15))},
        14,
        Reason.SCALE_UP_LIMIT,
    ),
    "grows by so many percent a period, rounded up": (
        {"replicas": 11, "reading": reading(500), "scale_up": rules(percent_policy(50, 15))},
        17,
        Reason.SCALE_UP_LIMIT,
    ),
    "a percentage upwards is of a hundred": (
        {"replicas": 200, "max_replicas": 500, "reading": reading(5000), "scale_up": rules(percent_policy(10, 60))},
        220,
        Reason.SCALE_UP_LIMIT,
    ),
    "takes the policy that allows most": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15), percent_policy(100, 15))},
        20,
        Reason.SCALE_UP_LIMIT,
    ),
    "takes the policy that allows least when selectPolicy is Min": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15), percent_policy(100, 15), select=Select.MIN)},
        14,
        Reason.SCALE_UP_LIMIT,
    ),
    "counts what it added within the period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((10, 3))},
        11,
        Reason.SCALE_UP_LIMIT,
    ),
    "an exceeded rate takes no pod back": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((5, 8))},
        10,
        Reason.SCALE_UP_LIMIT,
    ),
    "gives back what it removed within the period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((10, -3))},
        17,
        Reason.SCALE_UP_LIMIT,
    ),
    "forgets what it added before the period": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": changed((15, 3))},
        14,
        Reason.SCALE_UP_LIMIT,
    ),
    "of several changes that became one, those up count until the last is a period old": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": joined(20, 10, 1)},
        13,
        Reason.SCALE_UP_LIMIT,
    ),
    "of several changes that became one, those down are given back until the first is a period old": (
        {"reading": reading(500), "scale_up": rules(pods_policy(4, 15)), "memory": joined(20, 10, -3)},
        14,
        Reason.SCALE_UP_LIMIT,
    ),
    "a percentage lets a pool leave zero": (
        {"replicas": 0, "reading": reading(500), "scale_up": rules(percent_policy(100, 15))},
        1,
        Reason.SCALE_UP_LIMIT,
    ),
    "never grows when that is disabled": (
        {"reading": reading(500), "scale_up": rules(select=Select.DISABLED)},
        10,
        Reason.SCALE_UP_LIMIT,
    ),
    "shrinks by so many pods a period": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60))},
        8,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "shrinks by so many percent a period, rounded down": (
        {"replicas": 11, "reading": reading(0, 5), "scale_down": rules(percent_policy(50, 60))},
        5,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "a percentage downwards is of a hundred": (
        {"replicas": 200, "max_replicas": 500, "reading": reading(0, 5), "scale_down": rules(percent_policy(10, 60))},
        180,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "shrinks by the most that is allowed by default": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(1, 60), pods_policy(4, 60), select=Select.MAX)},
        6,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "a rate may lead to zero": (
        {"reading": reading(0), "memory": empty(600), "scale_down": rules(pods_policy(20, 60))},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "shrinks by the least that is allowed when selectPolicy is Min": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60), percent_policy(50, 60), select=Select.MIN)},
        8,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "counts what it removed within the period": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60)), "memory": changed((30, -2))},
        10,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "downwards, several changes down that became one count until the last is a period old": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60)), "memory": joined(70, 30, -1)},
        9,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "downwards, several changes up that became one are given back until the first is a period old": (
        {"reading": reading(0, 5), "scale_down": rules(pods_policy(2, 60)), "memory": joined(70, 30, 3)},
        8,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "never shrinks when that is disabled": (
        {"reading": reading(0, 5), "scale_down": rules(select=Select.DISABLED)},
        10,
        Reason.SCALE_DOWN_LIMIT,
    ),
    "a policy that allows enough does not object": (
        {"reading": reading(0, 55), "scale_up": rules(pods_policy(4, 15))},
        11,
        Reason.SIZED_BY_BACKLOG,
    ),
}
