"""The dashboard of the operator: does it work, is it on time, and what keeps it from it. `grafana` renders it."""

from dashboards.model import RATE, Annotation, Color, Dashboard, Kind, Panel, Query, Row, Unit, Variable, quantiles

_HERE = 'cluster=~"$cluster",job=~"$job"'
_OPERATORS = f"and on (job, instance) queueworkerpool_leader{{{_HERE}}}"
"""Restricts a metric that every process has to the operator's processes."""

_ALIVE = Row(
    "Does it work?",
    (
        Panel(
            title="Leader",
            description="Operators that lead, in the job that has the fewest, or of the shard that has the fewest: "
            "exactly one. With none, pools are not scaled, and keep their sizes.",
            queries=(
                Query(
                    f"min(sum by (job, shard) (queueworkerpool_shard_leader{{{_HERE}}}) or sum by (job) "
                    f"(queueworkerpool_leader{{{_HERE}}} unless on (job) queueworkerpool_shard_leader)) or vector(0)",
                    "leading",
                ),
            ),
            kind=Kind.NUMBER,
            width=4,
            colors=((0, Color.BAD), (1, Color.GOOD), (2, Color.BAD)),
            runbooks=("QueueWorkerPoolNoLeader", "QueueWorkerPoolShardNotLed"),
        ),
        Panel(
            title="Operators",
            description="Operators that Prometheus scrapes, by version: the leader and those that stand by.",
            queries=(Query(f"count by (version) (queueworkerpool_build_info{{{_HERE}}})", "{{version}}"),),
            kind=Kind.NUMBER,
            width=4,
            colors=((0, Color.BAD), (1, Color.GOOD)),
            runbooks=("QueueWorkerPoolNoLeader",),
        ),
        Panel(
            title="Pools known to the leader",
            description="Zero although there are pools: the leader's watch shows nothing, and no pool is scaled.",
            queries=(
                Query(
                    f"sum(queueworkerpool_pools{{{_HERE}}} and on (job, instance) queueworkerpool_leader == 1)"
                    " or vector(0)",
                    "pools",
                ),
            ),
            kind=Kind.NUMBER,
            width=4,
            colors=((0, Color.ODD), (1, Color.GOOD)),
            runbooks=("QueueWorkerPoolPoolsUnknown",),
        ),
        Panel(
            title="Pools not ready",
            description="Pools whose condition Ready is False. The other dashboard says which, and why.",
            queries=(
                Query(
                    f'sum(queueworkerpool_condition{{{_HERE},type="Ready",status="False"}}) or vector(0)',
                    "pools",
                ),
            ),
            kind=Kind.NUMBER,
            width=4,
            colors=((0, Color.GOOD), (1, Color.BAD)),
        ),
        Panel(
            title="Oldest reading",
            description="Age of the oldest good reading of any pool: what decisions are based on. It stays below the "
            "longest pollSeconds. Pools in mode Paused or DryRun are left out: the former are not read. So are idle "
            "pools that are read less often than every 300 s.",
            queries=(
                Query(
                    f"max(queueworkerpool_reading_age_seconds{{{_HERE}}} unless on (namespace, pool)"
                    ' queueworkerpool_condition{type="ScalingActive",status="False"} == 1 unless on (namespace, pool)'
                    " queueworkerpool_reading_interval_seconds > 300)",
                    "age",
                ),
            ),
            kind=Kind.NUMBER,
            unit=Unit.SECONDS,
            width=4,
            colors=((0, Color.GOOD), (300, Color.ODD)),
            runbooks=("QueueWorkerPoolQueueUnreadable",),
        ),
        Panel(
            title="Namespaces not served",
            description="Namespaces whose pools or Deployments the API server does not let the operator list.",
            queries=(Query(f"count(queueworkerpool_namespace_served{{{_HERE}}} == 0) or vector(0)", "namespaces"),),
            kind=Kind.NUMBER,
            width=4,
            colors=((0, Color.GOOD), (1, Color.BAD)),
            runbooks=("QueueWorkerPoolNamespaceNotServed",),
        ),
        Panel(
            title="Who leads",
            description="One bar per operator. A bar that changes often is an operator that loses the Lease: look at "
            "its CPU, and at the API server.",
            queries=(Query(f"queueworkerpool_leader{{{_HERE}}}", "{{instance}}"),),
            kind=Kind.STATES,
            width=24,
            colors=((0, Color.NEUTRAL), (1, Color.GOOD)),
            runbooks=("QueueWorkerPoolNoLeader",),
        ),
        Panel(
            title="Who holds which shard",
            description="One bar per shard and operator that holds it, while it does. Without shards: one at 0.",
            queries=(
                Query(f"queueworkerpool_shard_leader{{{_HERE}}} > 0 or vector(0)", "shard {{shard}}: {{instance}}"),
            ),
            kind=Kind.STATES,
            width=12,
            colors=((0, Color.NEUTRAL), (1, Color.GOOD)),
            runbooks=("QueueWorkerPoolShardNotLed",),
        ),
        Panel(
            title="Pools by shard",
            description="Pools that each shard's operator scales. Shards have about as many each. Without shards: 0.",
            queries=(
                Query(f"sum by (shard) (queueworkerpool_shard_pools{{{_HERE}}}) or vector(0)", "shard {{shard}}"),
            ),
            width=12,
        ),
    ),
)

_TICKS = Row(
    "Does it decide, and on time?",
    (
        Panel(
            title="Ticks per second",
            description="A tick reads a pool's queues, decides and writes. Each pool has one per pollSeconds, so a "
            "steady set of pools gives a steady line; zero while there are pools: nothing is scaled.",
            queries=(
                Query(
                    f"sum by (instance) (rate(queueworkerpool_reconcile_duration_seconds_count{{{_HERE}}}[{RATE}]))",
                    "{{instance}}",
                ),
            ),
            unit=Unit.PER_SECOND,
            runbooks=("QueueWorkerPoolNotReconciling",),
        ),
        Panel(
            title="Ticks that failed",
            description="Share of the ticks that ended early, because the Kubernetes API refused a write or by a "
            "bug. Nothing is shown while there are no ticks.",
            queries=(
                Query(
                    f"sum(rate(queueworkerpool_reconcile_failures_total{{{_HERE}}}[{RATE}]))"
                    f" / (sum(rate(queueworkerpool_reconcile_duration_seconds_count{{{_HERE}}}[{RATE}])) > 0)",
                    "failed",
                ),
            ),
            unit=Unit.SHARE,
            colors=((0, Color.GOOD), (0.1, Color.BAD)),
            runbooks=("QueueWorkerPoolHighErrorRate",),
        ),
        Panel(
            title="How long ticks take",
            description="Ticks are slow when SQS, the workers' /state or the Kubernetes API is slow.",
            queries=quantiles("queueworkerpool_reconcile_duration_seconds", _HERE),
            unit=Unit.SECONDS,
            runbooks=("QueueWorkerPoolSlowTicks",),
        ),
        Panel(
            title="How late ticks begin",
            description="Time from when a pool was due to when its tick began: the queue of due pools. It grows when "
            "the process has too little CPU for its pools.",
            queries=quantiles("queueworkerpool_reconcile_lag_seconds", _HERE),
            unit=Unit.SECONDS,
            runbooks=("QueueWorkerPoolLateTicks",),
        ),
        Panel(
            title="Decisions by reason",
            description="Decisions per second of all pools, by the reason that set the size; docs/reference.md "
            "explains each.",
            queries=(
                Query(
                    f"sum by (reason) (rate(queueworkerpool_decisions_total{{{_HERE}}}[{RATE}])) > 0",
                    "{{reason}}",
                ),
            ),
            kind=Kind.BARS,
            unit=Unit.PER_SECOND,
            width=16,
        ),
    ),
)

_READINGS = Row(
    "Can it read the queues?",
    (
        Panel(
            title="Readings by outcome",
            description="Readings per second that pools asked for. Everything but ok is a failure, and its name says "
            "which: throttled, access_denied, not_found and so on. Pools of one queue share a request to "
            "SQS.",
            queries=(
                Query(f"sum by (outcome) (rate(queueworkerpool_queue_reads_total{{{_HERE}}}[{RATE}]))", "{{outcome}}"),
            ),
            kind=Kind.BARS,
            unit=Unit.PER_SECOND,
            runbooks=("QueueWorkerPoolQueueUnreadable",),
        ),
        Panel(
            title="Requests to SQS",
            description="GetQueueAttributes per second: what reading costs.",
            queries=(
                Query(f"sum(rate(queueworkerpool_queue_read_duration_seconds_count{{{_HERE}}}[{RATE}]))", "requests"),
            ),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="How long SQS takes",
            description="Time of one request to SQS, failed ones included.",
            queries=quantiles("queueworkerpool_queue_read_duration_seconds", _HERE),
            unit=Unit.SECONDS,
            runbooks=("QueueWorkerPoolSlowTicks",),
        ),
    ),
)

_WRITES = Row(
    "Can it act?",
    (
        Panel(
            title="Requests to the Kubernetes API",
            description="Per second, by method and status code; none: no answer. 409 now and then is usual: somebody "
            "else wrote first. 403 and 422 are refusals; watches are left out.",
            queries=(
                Query(
                    f"sum by (method, code) (rate(queueworkerpool_api_requests_total{{{_HERE}}}[{RATE}]))",
                    "{{method}} {{code}}",
                ),
            ),
            kind=Kind.BARS,
            unit=Unit.PER_SECOND,
            width=12,
            runbooks=("QueueWorkerPoolHighErrorRate",),
        ),
        Panel(
            title="How long the Kubernetes API takes",
            description="Time of one request, failed ones included.",
            queries=quantiles("queueworkerpool_api_request_duration_seconds", _HERE),
            unit=Unit.SECONDS,
            width=12,
            runbooks=("QueueWorkerPoolSlowTicks",),
        ),
        Panel(
            title="Writes of sizes",
            description="Writes per second of replicas, up and down, over all pools.",
            queries=(
                Query(
                    f"sum by (direction) (rate(queueworkerpool_scale_writes_total{{{_HERE}}}[{RATE}]))", "{{direction}}"
                ),
            ),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="Requests to workers",
            description="Requests per second for a worker's /state, by how they ended. silent: no answer within a "
            "second; refused: an answer that does not keep to the contract.",
            queries=(
                Query(
                    f"sum by (outcome) (rate(queueworkerpool_state_requests_total{{{_HERE}}}[{RATE}]))", "{{outcome}}"
                ),
            ),
            kind=Kind.BARS,
            unit=Unit.PER_SECOND,
            runbooks=("QueueWorkerPoolWorkersNotProtected",),
        ),
        Panel(
            title="Events lost",
            description="Events per second that the API server did not take. Nothing else is lost by it.",
            queries=(Query(f"sum(rate(queueworkerpool_events_lost_total{{{_HERE}}}[{RATE}]))", "lost"),),
            unit=Unit.PER_SECOND,
            colors=((0, Color.GOOD), (0.01, Color.ODD)),
        ),
    ),
)

_PROCESS = Row(
    "Has it enough of everything?",
    (
        Panel(
            title="Memory",
            description="Resident memory of each operator.",
            queries=(Query(f"process_resident_memory_bytes {_OPERATORS}", "{{instance}}"),),
            unit=Unit.BYTES,
            width=6,
        ),
        Panel(
            title="CPU",
            description="Cores that each operator uses. Ticks begin late long before one core is full if the node "
            "throttles it.",
            queries=(Query(f"rate(process_cpu_seconds_total[{RATE}]) {_OPERATORS}", "{{instance}}"),),
            width=6,
            runbooks=("QueueWorkerPoolLateTicks",),
        ),
        Panel(
            title="Open files",
            description="File descriptors of each operator, connections included, as a share of its limit.",
            queries=(Query(f"process_open_fds / process_max_fds {_OPERATORS}", "{{instance}}"),),
            unit=Unit.SHARE,
            width=6,
            colors=((0, Color.GOOD), (0.8, Color.BAD)),
        ),
        Panel(
            title="Scrapes of /metrics",
            description="How long Prometheus waits for the operator's /metrics, which are rendered at each scrape.",
            queries=(Query(f"scrape_duration_seconds {_OPERATORS}", "{{instance}}"),),
            unit=Unit.SECONDS,
            width=6,
        ),
    ),
)

OPERATOR = Dashboard(
    uid="queueworkerpool-operator",
    title="QueueWorkerPool / Operator",
    description="Whether the operator works, is on time, reads the queues and can write, over all pools.",
    variables=(
        Variable("cluster", "cluster", "queueworkerpool_leader", ".*"),
        Variable("job", "job", 'queueworkerpool_leader{cluster=~"$cluster"}'),
    ),
    annotations=(
        Annotation(
            "Restarts and changes of the leader",
            # An operator that is restarted in place still holds the Lease: its series shows no change.
            f"sum by (instance) (changes(queueworkerpool_leader{{{_HERE}}}[{RATE}])"
            f" + on (job, instance) changes(process_start_time_seconds[{RATE}])) > 0",
            "{{instance}} was restarted, or began or ceased to lead",
            Color.ODD,
        ),
    ),
    rows=(_ALIVE, _TICKS, _READINGS, _WRITES, _PROCESS),
)
