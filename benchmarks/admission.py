"""Admission: from a thousand pools created at once to a first decision on each of them."""

import statistics

from benchmarks.bench import Bench, Needs
from benchmarks.result import Figure, Result
from testbed.environment import Environment
from testbed.pools import Admission, admit, remove
from testbed.process_usage import MIB

POLL_SECONDS = 15
PEER = {"pools_created": 1000, "pools_admitted_after_18_minutes": 602}


async def measure(environment: Environment, *, pools: int, rounds: int) -> Result:
    """Run the bench, each round with new pools."""
    admissions = [await _round(environment, pools, number) for number in range(rounds)]
    decided = [round(each.decided_seconds, 2) for each in admissions]
    figures = [
        Figure("median_seconds_from_last_creation_to_last_decision", round(statistics.median(decided), 2), limit=30),
        Figure("pools_without_decision", sum(each.undecided for each in admissions), limit=0),
    ]
    details = {
        "rounds": rounds,
        "pools": pools,
        "seconds_from_last_creation_to_last_decision": decided,
        "seconds_to_create_all": [round(each.created_seconds, 2) for each in admissions],
        "peak_resident_mib": round(environment.operator_usage().peak_resident / MIB, 1),
    }
    setting = (
        f"{pools} pairs of a Deployment and a pool (a queue each, one message in it) created as fast as the API server "
        "takes them, while the operator runs; seconds until a watch has shown status.lastDecision of every pool. "
        "The Deployments are paused, so that no pods are made"
    )
    return Result("admission", setting, figures, PEER, details)


async def _round(environment: Environment, pools: int, number: int) -> Admission:
    names = [f"round-{number}-{index}" for index in range(pools)]
    environment.sqs.set_depths(dict.fromkeys(names, 1))
    admission = await admit(environment, names, replicas=1, poll_seconds=POLL_SECONDS)
    await remove(environment, names)
    return admission


BENCH = Bench(name="admission", measure=measure, needs=Needs.ENVIRONMENT, options=("pools", "rounds"))
