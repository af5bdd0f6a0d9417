"""Many pools as a table: how large each is, how large it should be, and why. Pure. `qwp list` calls it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from queueworkerpool.model import Pool, StoredPool, dollars, format_time, monthly_cost_usd
from queueworkerpool.names import ConditionType
from queueworkerpool.show.text import UNKNOWN, number, span, table

_HEAD = ("NAME", "PODS", "READY", "DESIRED", "RECOMMENDED", "BACKLOG", "WAITING", "REASON")
_WIDE = ("TARGET", "MIN", "MAX", "MODE", "OK", "LAST SCALE", "AGE", "READINGS/MONTH", "MESSAGE")


def pool_lines(pools: Sequence[StoredPool], now: datetime, *, namespaces: bool, wide: bool) -> list[str]:
    """Return a table of pools, its head first; with a column of their namespaces, and with more columns.

    PODS is what the Deployment asks for, RECOMMENDED what the load needs, DESIRED that within all limits, WAITING the
    pods that would go if their workers were idle.
    """
    head = (("NAMESPACE",) if namespaces else ()) + _HEAD + (_WIDE if wide else ())
    return table(head, (_cells(pool, now, namespaces=namespaces, wide=wide) for pool in pools))


def _cells(pool: StoredPool, now: datetime, *, namespaces: bool, wide: bool) -> list[str]:
    status, decision = pool.status, pool.status.last_decision
    cells = [pool.key.namespace] if namespaces else []
    cells += [pool.key.name, number(status.replicas), number(status.ready_replicas), number(status.desired_replicas)]
    cells.append(number(decision.recommendation if decision else None))
    cells.append(number(status.backlog.total if status.backlog else None))
    cells.append(number(decision.waiting_pods if decision else None))
    cells.append(_reason(pool))
    return cells + _wide(pool, now) if wide else cells


def _reason(pool: StoredPool) -> str:
    """Return why the pool has its size; where it does not do what its spec asks for, why not."""
    ready, decision = pool.status.condition(ConditionType.READY), pool.status.last_decision
    if ready and ready.status != "True":
        return ready.reason
    return decision.reason if decision else UNKNOWN


def _wide(pool: StoredPool, now: datetime) -> list[str]:
    status, decision, spec = pool.status, pool.status.last_decision, pool.spec if isinstance(pool, Pool) else None
    ready = status.condition(ConditionType.READY)
    message = ready.message if ready and ready.status != "True" else decision.message if decision else UNKNOWN
    return [
        spec.scale_target_ref.name if spec else UNKNOWN,
        number(spec.min_replicas if spec else None),
        number(spec.max_replicas if spec else None),
        spec.mode if spec else UNKNOWN,
        ready.status if ready else UNKNOWN,
        span(now - status.last_scale_time) if status.last_scale_time else UNKNOWN,
        span(now - datetime.fromisoformat(pool.created)),
        UNKNOWN if (cost := _readings_cost(pool, now)) is None else f"{dollars(cost)} USD",
        message,
    ]


def _readings_cost(pool: StoredPool, now: datetime) -> float | None:
    """Return what the readings of its queues cost in a month; None when it is not known whether there are any."""
    if not isinstance(pool, Pool):
        return None
    found = pool.status.condition(ConditionType.TARGET_FOUND)
    if found is None:
        return None
    pool = pool.at(now)
    interval = pool.reading_interval(pool.status.replicas, now) if found.status == "True" else None
    return monthly_cost_usd(pool.spec, interval)


def pool_document(pool: StoredPool, now: datetime) -> dict[str, Any]:
    """Return what the table says of a pool, and some more, as JSON; null is what is not known."""
    status, decision, spec = pool.status, pool.status.last_decision, pool.spec if isinstance(pool, Pool) else None
    ready = status.condition(ConditionType.READY)
    return {
        "namespace": pool.key.namespace,
        "name": pool.key.name,
        "target": spec.scale_target_ref.name if spec else None,
        "mode": spec.mode if spec else None,
        "minReplicas": spec.min_replicas if spec else None,
        "maxReplicas": spec.max_replicas if spec else None,
        "replicas": status.replicas,
        "readyReplicas": status.ready_replicas,
        "desiredReplicas": status.desired_replicas,
        "recommendedReplicas": decision.recommendation if decision else None,
        "waitingForIdleWorkers": decision.waiting_pods if decision else None,
        "backlog": status.backlog.total if status.backlog else None,
        "ready": ready.status if ready else None,
        "reason": _reason(pool) if _reason(pool) != UNKNOWN else None,
        "message": ready.message if ready and ready.status != "True" else decision.message if decision else None,
        "lastScaleTime": format_time(status.last_scale_time) if status.last_scale_time else None,
        "readingsMonthlyCostUSD": None if (cost := _readings_cost(pool, now)) is None else round(cost, 6),
    }
