"""The bench of a hundred scale-ins in small: Protect stops no busy worker, and the same check sees that Drain does."""

import random
from functools import partial
from pathlib import Path

from benchmarks.crew_stage import Arm, Stage
from benchmarks.crews import gathered
from tests.cluster.operator.conftest import Operator, Shop

SIZE = 4
LONGEST_SECONDS = 8.0
ARMS = (Arm("protect", "Protect", 30), Arm("drain", "Drain", 30))


def lengths(_: str) -> list[float]:
    """The same for every pool: they differ only in how they treat who works."""
    chance = random.Random(SIZE)
    return [chance.uniform(LONGEST_SECONDS / 2, LONGEST_SECONDS) for _ in range(SIZE)]


def test_drain_stops_busy_workers_and_protect_never_does(shop: Shop, operator: Operator, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    stage = Stage(partial(shop.cluster.kubectl, "-n", shop.namespace), shop.sqs, journal, SIZE)
    for arm in ARMS:
        stage.add(f"{arm.name}-0", arm)
    for _ in range(2):
        stage.fill()
        stage.occupy(3, lengths)
        stage.lower()
        for arm in ARMS:
            shop.eventually(partial(lowered, shop, arm), 30, f"{arm.name} was not scaled in")
    shop.eventually(lambda: not +stage.at_work(), 60, "the work does not end")
    seen = gathered(shop.namespace, journal, shop.cluster.directory / "audit.log", operator.logs())
    protect, drain = (seen.of(f"{arm.name}-") for arm in ARMS)
    assert len(protect.scale_ins) >= 2
    assert [each for each in protect.stopped() if not each.slipped_in] == []
    assert protect.handled_again() == 0
    assert len(drain.stopped()) > 0, "nothing was to be seen, not even without protection"


def lowered(shop: Shop, arm: Arm) -> bool:
    return shop.replicas(f"{arm.name}-0") < SIZE
