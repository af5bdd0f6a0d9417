"""Admission: from a thousand pools created at once to a first decision for each of them."""

import statistics

from benchmarks.bed import Bed
from benchmarks.pools import Admission, admit, remove
from benchmarks.process import MIB
from benchmarks.result import Figure, Result

POLL_SECONDS = 15

RIVAL = {"pools_created": 1000, "pools_admitted_after_18_minutes": 602}


async def measure(bed: Bed, pools: int, rounds: int) -> Result:
    """Run the bench, each round with new pools."""
    taken = [await _round(bed, pools, number) for number in range(rounds)]
    decided = [round(each.decided_seconds, 2) for each in taken]
    figures = [
        Figure("median_seconds_from_last_creation_to_last_decision", round(statistics.median(decided), 2), limit=30),
        Figure("pools_without_decision", sum(each.undecided for each in taken), limit=0),
    ]
    details = {
        "rounds": rounds,
        "pools": pools,
        "seconds_from_last_creation_to_last_decision": decided,
        "seconds_to_create_all": [round(each.created_seconds, 2) for each in taken],
        "peak_resident_mib": round(bed.operator_usage().peak_resident / MIB, 1),
    }
    setting = (
        f"{pools} pairs of a Deployment and a pool (a queue each, one message in it) created as fast as the API server "
        "takes them, while the operator runs; seconds until a watch has shown status.lastDecision of every pool. "
        "The Deployments are paused, so that no pods are made"
    )
    return Result("admission", setting, figures, RIVAL, details)


async def _round(bed: Bed, pools: int, number: int) -> Admission:
    names = [f"round-{number}-{index}" for index in range(pools)]
    bed.sqs.set_depths(dict.fromkeys(names, 1))
    admission = await admit(bed, names, replicas=1, poll_seconds=POLL_SECONDS)
    await remove(bed, names)
    return admission
