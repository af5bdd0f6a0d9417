"""The dashboard of pools and their workers: how big, why, and what the workers do. `grafana` renders it."""

from dashboards.model import RATE, Annotation, Color, Dashboard, Kind, Panel, Query, Row, Unit, Variable, quantiles

_HERE = 'cluster=~"$cluster",namespace=~"$namespace",pool=~"$pool"'
_PER = "namespace, pool"
_NAME = "{{namespace}}/{{pool}}"
_WORKERS = f"and on (job, instance) queueworker_concurrency{{{_HERE}}}"
"""Restricts a metric that every process has to the workers of the chosen pools."""


def _gauge(name: str, legend: str) -> Query:
    """A gauge of a pool. Only the leader shows pools; `max` also joins the scrapes before and after a change of it."""
    return Query(f"max by ({_PER}) (queueworkerpool_{name}{{{_HERE}}})", legend)


def _of_workers(name: str, legend: str) -> Query:
    """A counter of the workers, per second and pool."""
    return Query(f"sum by ({_PER}) (rate(queueworker_{name}_total{{{_HERE}}}[{RATE}]))", f"{_NAME} {legend}")


def _condition(matchers: str, negation: str) -> Query:
    """One series for each condition: 1 while it has the status that tells of a fault."""
    promql = f"max by ({_PER}, type) (queueworkerpool_condition{{{_HERE},{matchers}}})"
    return Query(promql, f"{_NAME} {negation}{{{{type}}}}")


_OVERVIEW = Row(
    "Which pools are there?",
    (
        Panel(
            title="Pools",
            description="The chosen pools. Recommended: what the load needs; desired: what was decided; asked for: "
            "the target's replicas; waiting: pods that stay until their workers are idle; "
            "readings: what reading its queues costs in 30 days, by itself and at the interval of now.",
            queries=(
                Query(f"sum by ({_PER}) (queueworkerpool_queue_messages{{{_HERE}}})", "Messages"),
                _gauge("recommended_replicas", "Recommended"),
                _gauge("desired_replicas", "Desired"),
                _gauge("current_replicas", "Asked for"),
                _gauge("ready_replicas", "Ready"),
                _gauge("min_replicas", "Minimum"),
                _gauge("max_replicas", "Maximum"),
                _gauge("waiting_for_idle_workers", "Waiting"),
                _gauge("readings_monthly_cost_usd", "Readings, USD a month"),
                Query(f'max by ({_PER}) (queueworkerpool_condition{{{_HERE},type="Ready",status="True"}})', "Healthy"),
            ),
            kind=Kind.TABLE,
            width=24,
        ),
    ),
)

_SIZE = Row(
    "How big, and why?",
    (
        Panel(
            title="Pods",
            description="Recommended is what the load needs before any limit; desired, what was decided; asked for, "
            "the target's replicas. Desired above ready for long: pods do not come.",
            queries=(
                _gauge("recommended_replicas", f"{_NAME} recommended"),
                _gauge("desired_replicas", f"{_NAME} desired"),
                _gauge("current_replicas", f"{_NAME} asked for"),
                _gauge("ready_replicas", f"{_NAME} ready"),
                _gauge("min_replicas", f"{_NAME} minimum"),
                _gauge("max_replicas", f"{_NAME} maximum"),
            ),
            width=16,
            runbooks=("QueueWorkerPoolPodsNotReady", "QueueWorkerPoolAtMaximum"),
        ),
        Panel(
            title="Why this size",
            description="Decisions by the reason that set the size; docs/reference.md explains each, `qwp explain` "
            "has the sentences with their numbers.",
            queries=(
                Query(
                    f"sum by ({_PER}, reason) (increase(queueworkerpool_decisions_total{{{_HERE}}}[{RATE}])) > 0",
                    f"{_NAME} {{{{reason}}}}",
                ),
            ),
            kind=Kind.BARS,
            runbooks=("QueueWorkerPoolAtMaximum", "QueueWorkerPoolScaleConflict"),
        ),
        Panel(
            title="What is wrong",
            description="Conditions that tell of a fault, one bar each: red while it lasts. The condition's message "
            "in the pool's status says what to do.",
            queries=(
                _condition(
                    'type=~"Ready|QueueReachable|TargetFound|AbleToScale|WorkersProtected",status="False"', "not "
                ),
                _condition('type="ScaleConflict",status="True"', ""),
            ),
            kind=Kind.STATES,
            width=16,
            colors=((0, Color.GOOD), (1, Color.BAD)),
            runbooks=(
                "QueueWorkerPoolNotReady",
                "QueueWorkerPoolQueueUnreadable",
                "QueueWorkerPoolTargetMissing",
                "QueueWorkerPoolSizeRefused",
                "QueueWorkerPoolWorkersNotProtected",
                "QueueWorkerPoolScaleConflict",
            ),
        ),
        Panel(
            title="Pods that wait for idle workers",
            description="Pods that the load does not need and that stay, because their workers are busy, starting or "
            "silent. They end by themselves, at the latest after spec.scaleIn.maxWaitSeconds.",
            queries=(_gauge("waiting_for_idle_workers", _NAME),),
            runbooks=("QueueWorkerPoolWaitsForIdleWorkers",),
        ),
    ),
)

_BACKLOG = Row(
    "What waits?",
    (
        Panel(
            title="Messages in the queues",
            description="By SQS's counts at the last good reading: visible, in flight (received and not deleted), "
            "delayed.",
            queries=(
                Query(
                    f"sum by ({_PER}, state) (queueworkerpool_queue_messages{{{_HERE}}})",
                    f"{_NAME} {{{{state}}}}",
                ),
            ),
            width=12,
            runbooks=("QueueWorkerPoolAtMaximum",),
        ),
        Panel(
            title="Load per pod",
            description="Messages that count as load, per pod asked for, beside spec.target.messagesPerPod where the "
            "pool has it. Above the target for long: the pool is at its maximum, or a limit holds it "
            "back.",
            queries=(
                _gauge("backlog_per_pod", f"{_NAME} load"),
                _gauge("target_messages_per_pod", f"{_NAME} target"),
            ),
            width=12,
            runbooks=("QueueWorkerPoolAtMaximum",),
        ),
        Panel(
            title="How long messages waited",
            description="From the sending of a message to the start of its handler, as the workers saw it: retries "
            "and delays count. SQS does not tell the age of those that still wait; an empty pool shows "
            "nothing.",
            queries=quantiles("queueworker_message_age_at_start_seconds", _HERE, per=_PER, name=f"{_NAME} "),
            unit=Unit.SECONDS,
            width=8,
        ),
        Panel(
            title="Age of the reading",
            description="How old the counts are that the size is based on. It stays below pollSeconds, or "
            "idlePollSeconds while the pool is idle, as long as the queue can be read.",
            queries=(_gauge("reading_age_seconds", _NAME),),
            unit=Unit.SECONDS,
            width=8,
            runbooks=("QueueWorkerPoolQueueUnreadable",),
        ),
        Panel(
            title="Failed readings",
            description="Readings per second that failed. The dashboard of the operator shows how they failed.",
            queries=(
                Query(
                    f'sum by ({_PER}) (rate(queueworkerpool_queue_reads_total{{{_HERE},outcome!="ok"}}[{RATE}]))', _NAME
                ),
            ),
            unit=Unit.PER_SECOND,
            width=8,
            runbooks=("QueueWorkerPoolQueueUnreadable",),
        ),
    ),
)

_WORK = Row(
    "What do the workers do?",
    (
        Panel(
            title="Busy share",
            description="Running handlers as a share of those that may run at the same time. Near 100 % while "
            "messages wait: more pods help; low while messages wait: look at the receives.",
            queries=(
                Query(
                    f"sum by ({_PER}) (queueworker_busy_handlers{{{_HERE}}})"
                    f" / sum by ({_PER}) (queueworker_concurrency{{{_HERE}}})",
                    _NAME,
                ),
            ),
            unit=Unit.SHARE,
        ),
        Panel(
            title="Workers",
            description="Workers that Prometheus scrapes, and those among them that receive no more because they are "
            "to end.",
            queries=(
                Query(f"count by ({_PER}) (queueworker_concurrency{{{_HERE}}})", f"{_NAME} running"),
                Query(f"sum by ({_PER}) (queueworker_draining{{{_HERE}}})", f"{_NAME} draining"),
            ),
            runbooks=("QueueWorkerPoolPodsNotReady",),
        ),
        Panel(
            title="Messages handled",
            description="Per second. Failed: the handler raised, rejected the message, asked for a retry or was "
            "interrupted.",
            queries=(
                _of_workers("messages_received", "received"),
                _of_workers("messages_succeeded", "succeeded"),
                _of_workers("messages_failed", "failed"),
                _of_workers("messages_deleted", "deleted"),
            ),
            unit=Unit.PER_SECOND,
            runbooks=("QueueWorkerPoolAtMaximum",),
        ),
        Panel(
            title="Messages that come back",
            description="Per second. Released: returned to the queue, after a failure or at the end of a worker. "
            "Stranded: neither deleted nor released, so SQS shows them again after the visibility "
            "timeout.",
            queries=(
                _of_workers("messages_released", "released"),
                _of_workers("messages_stranded", "stranded"),
            ),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="Service time",
            description="How long handlers took. Longer than before with the same load: the backlog grows, and what "
            "the handlers call is slow.",
            queries=quantiles("queueworker_handler_duration_seconds", _HERE, per=_PER, name=f"{_NAME} "),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Longest running handler",
            description="How long it has run. One that only grows hangs, and keeps its pod from a scale-in.",
            queries=(Query(f"max by ({_PER}) (queueworker_oldest_busy_seconds{{{_HERE}}})", _NAME),),
            unit=Unit.SECONDS,
            runbooks=("QueueWorkerPoolWaitsForIdleWorkers",),
        ),
        Panel(
            title="Failed receives",
            description="Receive requests per second that SQS did not answer with messages, by queue and reason: "
            "what is wrong with the queue, the rights or the network of the workers.",
            queries=(
                Query(
                    f"sum by ({_PER}, queue, reason) (rate(queueworker_receive_errors_total{{{_HERE}}}[{RATE}]))",
                    f"{_NAME} {{{{queue}}}} {{{{reason}}}}",
                ),
            ),
            kind=Kind.BARS,
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="Extensions",
            description="Extensions of visibility timeouts per second: one per message in hand and half of its "
            "timeout.",
            queries=(_of_workers("messages_extended", "extended"),),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="How late extensions are",
            description="How late the worker's check for messages to extend is. Near half of the visibility timeout: "
            "a message may be shown to a second worker while the first still works on it; give the "
            "worker more CPU.",
            queries=(Query(f"max by ({_PER}) (queueworker_heartbeat_lag_seconds{{{_HERE}}})", _NAME),),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Message groups in hand",
            description="Groups of which messages are received and not settled yet: in a FIFO queue, as many run "
            "side by side.",
            queries=(Query(f"sum by ({_PER}) (queueworker_groups{{{_HERE}}})", _NAME),),
        ),
        Panel(
            title="Memory of the workers",
            description="Resident memory of each worker. Children of --exec and --isolate count for themselves.",
            queries=(Query(f"process_resident_memory_bytes {_WORKERS}", "{{pod}}"),),
            unit=Unit.BYTES,
        ),
        Panel(
            title="CPU of the workers",
            description="Cores that each worker uses. Children of --exec and --isolate count for themselves.",
            queries=(Query(f"rate(process_cpu_seconds_total[{RATE}]) {_WORKERS}", "{{pod}}"),),
        ),
    ),
)

POOLS = Dashboard(
    uid="queueworkerpool-pools",
    title="QueueWorkerPool / Pools and workers",
    description="How big the pools are and why, what waits in their queues, and what their workers do.",
    variables=(
        Variable("cluster", "cluster", "queueworkerpool_condition", ".*"),
        Variable("namespace", "namespace", 'queueworkerpool_condition{cluster=~"$cluster"}'),
        Variable("pool", "pool", 'queueworkerpool_condition{cluster=~"$cluster",namespace=~"$namespace"}'),
    ),
    annotations=(
        Annotation(
            "Changes of the size",
            f"sum by ({_PER}, direction) (increase(queueworkerpool_scale_writes_total{{{_HERE}}}[{RATE}])) > 0",
            f"{_NAME} scaled {{{{direction}}}}",
            Color.NEUTRAL,
        ),
    ),
    rows=(_OVERVIEW, _SIZE, _BACKLOG, _WORK),
)
