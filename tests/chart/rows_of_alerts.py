"""When each alert fires and when it does not: series, minute by minute, and what follows from them."""

POOL = 'namespace="shop",pool="thumbnails",instance="a",job="operator"'
PROCESS = 'instance="a",job="operator"'
Series = dict[str, str]
Verdicts = dict[int, bool]  # at this minute it fires, or does not


def condition(kind: str, status: str, values: str) -> Series:
    return {f'queueworkerpool_condition{{{POOL},type="{kind}",status="{status}"}}': values}


def at_maximum(desired: str, backlog: str) -> Series:
    return {
        f"queueworkerpool_desired_replicas{{{POOL}}}": desired,
        f"queueworkerpool_max_replicas{{{POOL}}}": "10x120",
        f"queueworkerpool_backlog_per_pod{{{POOL}}}": backlog,
    }


def ticking(count: str, leader: str = "1x120", pools: str = "3x120") -> Series:
    return {
        f"queueworkerpool_leader{{{PROCESS}}}": leader,
        f"queueworkerpool_reconcile_duration_seconds_count{{{PROCESS}}}": count,
        f"queueworkerpool_pools{{{PROCESS}}}": pools,
    }


def pods(ready: str) -> Series:
    return {f"queueworkerpool_ready_replicas{{{POOL}}}": ready, f"queueworkerpool_current_replicas{{{POOL}}}": "3x120"}


def unprotected(condition_values: str, protects: str = "1x120", ready: str = "3x120") -> Series:
    return condition("WorkersProtected", "False", condition_values) | {
        f"queueworkerpool_protects_busy_workers{{{POOL}}}": protects,
        f"queueworkerpool_ready_replicas{{{POOL}}}": ready,
    }


def known(leaders: str, others: str) -> Series:
    return {
        f"queueworkerpool_leader{{{PROCESS}}}": "1x120",
        f"queueworkerpool_pools{{{PROCESS}}}": leaders,
        'queueworkerpool_pools{instance="b",job="operator"}': others,
    }


def failing(failures: str) -> Series:
    name = f"queueworkerpool_reconcile_failures_total{{{PROCESS}}}"
    return {name: failures, f"queueworkerpool_reconcile_duration_seconds_count{{{PROCESS}}}": "0+60x120"}


def histogram(name: str, fast: str, slow: str) -> Series:
    """Of all observations, those of at most a second, and those of at most ten."""
    series = f"queueworkerpool_{name}_bucket{{{PROCESS},le="
    return {f'{series}"1"}}': fast, f'{series}"10"}}': slow, f'{series}"+Inf"}}': slow}


ROWS: dict[str, tuple[str, Series, Verdicts]] = {
    "no operator leads, until one does": (
        "NoLeader",
        {f"queueworkerpool_leader{{{PROCESS}}}": "1x4 0x15 1x100"},
        {4: False, 6: False, 12: True, 22: False},
    ),
    "one of two leads": (
        "NoLeader",
        {
            f"queueworkerpool_leader{{{PROCESS}}}": "0x120",
            'queueworkerpool_leader{instance="b",job="operator"}': "1x120",
        },
        {60: False},
    ),
    "no operator answers a scrape": ("NoLeader", {}, {1: False, 5: True}),
    "a takeover of a minute": (
        "NoLeader",
        {f"queueworkerpool_leader{{{PROCESS}}}": "1x9 0x0 1x100"},
        {10: False, 12: False},
    ),
    "nobody holds one of two shards, until somebody does": (
        "ShardNotLed",
        {
            f"queueworkerpool_leader{{{PROCESS}}}": "1x120",
            f'queueworkerpool_shard_leader{{{PROCESS},shard="0"}}': "1x120",
            f'queueworkerpool_shard_leader{{{PROCESS},shard="1"}}': "1x4 0x20 1x60",
        },
        {4: False, 9: False, 14: True, 30: False},
    ),
    "each of two operators holds a shard": (
        "ShardNotLed",
        {
            f"queueworkerpool_leader{{{PROCESS}}}": "1x120",
            f'queueworkerpool_shard_leader{{{PROCESS},shard="0"}}': "1x120",
            f'queueworkerpool_shard_leader{{{PROCESS},shard="1"}}': "0x120",
            'queueworkerpool_shard_leader{instance="b",job="operator",shard="0"}': "0x120",
            'queueworkerpool_shard_leader{instance="b",job="operator",shard="1"}': "1x120",
        },
        {60: False},
    ),
    "nobody holds any shard: another alert says so": (
        "ShardNotLed",
        {
            f"queueworkerpool_leader{{{PROCESS}}}": "0x120",
            f'queueworkerpool_shard_leader{{{PROCESS},shard="0"}}': "0x120",
        },
        {60: False},
    ),
    "ticks stop, and go on": (
        "NotReconciling",
        ticking("0+60x20 1200x40 1260+60x60"),
        {20: False, 45: True, 70: False},
    ),
    "one that stands by does not tick": ("NotReconciling", ticking("0x120", leader="0x120"), {60: False}),
    "there is no pool to tick": ("NotReconciling", ticking("0x120", pools="0x120"), {60: False}),
    "a tick now and then, as of invalid pools": ("NotReconciling", ticking("0x4 1x4 2x4 3x4 4x4 5x4 6x4"), {30: False}),
    "a namespace is refused, and allowed again": (
        "NamespaceNotServed",
        {'queueworkerpool_namespace_served{instance="a",job="operator",namespace="shop"}': "1x4 0x20 1x60"},
        {4: False, 8: False, 12: True, 30: False},
    ),
    "a fifth of the ticks fail, for half an hour": (
        "HighErrorRate",
        failing("0+12x30 360x90"),
        {3: False, 30: True, 60: False},
    ),
    "one tick in twenty fails": ("HighErrorRate", failing("0+3x120"), {60: False}),
    "one tick in five is slow, for half an hour": (
        "SlowTicks",
        histogram("reconcile_duration_seconds", "0+48x30 1500+60x90", "0+60x120"),
        {5: False, 30: True, 60: False},
    ),
    "one tick in twenty is slow": (
        "SlowTicks",
        histogram("reconcile_duration_seconds", "0+57x120", "0+60x120"),
        {60: False},
    ),
    "one tick in twenty is late, for half an hour": (
        "LateTicks",
        histogram("reconcile_lag_seconds", "0+57x30 1800+60x90", "0+60x120"),
        {5: False, 30: True, 60: False},
    ),
    "one tick in a thousand is late": (
        "LateTicks",
        histogram("reconcile_lag_seconds", "0+999x120", "0+1000x120"),
        {60: False},
    ),
    "a queue cannot be read for ten minutes": (
        "QueueUnreadable",
        condition("QueueReachable", "False", "0x4 1x9 0x100"),
        {9: False, 12: True, 20: False},
    ),
    "a queue is not read, because the pool is paused": (
        "QueueUnreadable",
        condition("QueueReachable", "Unknown", "1x120") | condition("QueueReachable", "False", "0x120"),
        {60: False},
    ),
    "the Deployment is missing, and created": (
        "TargetMissing",
        condition("TargetFound", "False", "1x15 0x100"),
        {9: False, 12: True, 20: False},
    ),
    "at the maximum while the backlog grows, then shrinks": (
        "AtMaximum",
        at_maximum("10x120", "0+5x40 200-5x30"),
        {10: False, 35: True, 65: False},
    ),
    "at the maximum with a backlog that stays": ("AtMaximum", at_maximum("10x120", "50x120"), {60: False}),
    "below the maximum while the backlog grows": ("AtMaximum", at_maximum("9x120", "0+5x120"), {60: False}),
    "three pods wait for 40 minutes": (
        "WaitsForIdleWorkers",
        {f"queueworkerpool_waiting_for_idle_workers{{{POOL}}}": "3x40 0x60"},
        {29: False, 35: True, 45: False},
    ),
    "pods wait for 20 minutes, twice": (
        "WaitsForIdleWorkers",
        {f"queueworkerpool_waiting_for_idle_workers{{{POOL}}}": "3x20 0x0 2x20 0x60"},
        {25: False, 41: False},
    ),
    "another writer competes for ten minutes": (
        "ScaleConflict",
        condition("ScaleConflict", "True", "0x4 1x10 0x100"),
        {9: False, 12: True, 30: False},
    ),
    "another writer competes again and again, as measured: 285 of 300 seconds at a time": (
        "ScaleConflict",
        condition("ScaleConflict", "True", " ".join(["0x4", *["1x3 0x0"] * 8, "0x100"])),
        {4: False, 12: True, 30: True, 60: False},
    ),
    "the leader knows no pool, and the other one does": (
        "PoolsUnknown",
        known("3x4 0x20 3x90", "3x120"),
        {4: False, 12: True, 30: False},
    ),
    "there is no pool at all": ("PoolsUnknown", known("0x120", "0x120"), {60: False}),
    "one that stands by knows no pool yet": ("PoolsUnknown", known("3x120", "0x120"), {60: False}),
    "the size is refused for ten minutes": (
        "SizeRefused",
        condition("AbleToScale", "False", "0x4 1x9 0x100"),
        {9: False, 12: True, 20: False},
    ),
    "a spec makes no sense, until it is corrected": (
        "NotReady",
        condition("Ready", "False", "1x20 0x100"),
        {9: False, 15: True, 25: False},
    ),
    "not ready, because a queue cannot be read": (
        "NotReady",
        condition("Ready", "False", "1x120") | condition("QueueReachable", "False", "1x120"),
        {60: False},
    ),
    "pods do not come for 40 minutes": ("PodsNotReady", pods("1x40 3x80"), {29: False, 35: True, 45: False}),
    "pods come within 20 minutes": ("PodsNotReady", pods("1x20 3x100"), {25: False, 60: False}),
    "workers are silent for 40 minutes": (
        "WorkersNotProtected",
        unprotected("1x40 0x80"),
        {29: False, 35: True, 45: False},
    ),
    "workers are drained, as the spec asks": (
        "WorkersNotProtected",
        unprotected("1x120", protects="0x120"),
        {60: False},
    ),
    "there is no worker to be silent": ("WorkersNotProtected", unprotected("1x120", ready="0x120"), {60: False}),
}
