"""The benchmark of scale-ins in small: Protect stops no busy worker, and the same check finds that Drain does."""

import random
from functools import partial
from pathlib import Path

from testbed import worker_log
from testbed.scale_in_scenario import Arm, ScaleInScenario
from tests.cluster.operator.conftest import Operator, Shop

SIZE = 4
LONGEST_SECONDS = 20.0
"""A message lasts longer than it takes to see that the load has fallen, also where the machine is slow."""
ARMS = (Arm("protect", "Protect", 30), Arm("drain", "Drain", 30))


def lengths(_: str) -> list[float]:
    """Return the same for every pool: they differ only in how they treat busy workers."""
    chance = random.Random(SIZE)
    return [chance.uniform(LONGEST_SECONDS / 2, LONGEST_SECONDS) for _ in range(SIZE)]


def test_drain_stops_busy_workers_and_protect_never_does(shop: Shop, operator: Operator, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    scenario = ScaleInScenario(partial(shop.cluster.kubectl, "-n", shop.namespace), shop.sqs, journal, SIZE)
    for arm in ARMS:
        scenario.add(f"{arm.name}-0", arm)
    for _ in range(2):
        scenario.fill()
        scenario.occupy(3, lengths)
        scenario.lower()
        for arm in ARMS:
            shop.eventually(partial(lowered, shop, arm), 60, f"{arm.name} was not scaled in")
    shop.eventually(lambda: not +scenario.at_work(), 120, "the work does not end")
    log = worker_log.read(
        namespace=shop.namespace,
        journal=journal,
        audit=shop.cluster.directory / "audit.log",
        operator_log=operator.logs(),
    )
    protect, drain = (log.of(f"{arm.name}-") for arm in ARMS)
    assert len(protect.scale_ins) >= 2
    assert [each for each in protect.stopped() if not each.late_message] == []
    assert protect.handled_again() == 0
    assert len(drain.stopped()) > 0, "the check found nothing, even without protection"


def lowered(shop: Shop, arm: Arm) -> bool:
    return shop.replicas(f"{arm.name}-0") < SIZE
