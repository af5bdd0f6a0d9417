"""What can go wrong with a pool. All of it happens at once, to pools of one operator: each alert names its own."""

from collections.abc import Callable
from functools import partial

from devcluster.processes import wait_until
from queueworkerpool.model import COMPETING_WRITES_LIMIT
from testbed.counting_sqs import Fault, Refusal
from tests.cluster.alerts.injections import Injection, nothing
from tests.cluster.alerts.site import SILENT, WAIT_SECONDS, Site, deployment, pool
from tests.cluster.operator.conftest import wait_for_the_next_second

JOB = "pools"
MISSPELT = {"name": "day", "cron": "0 9 * * *", "durationSeconds": 60, "timeZone": "Mars/Olympus", "minReplicas": 1}
GROWTH = 100
"""Messages that come between two scrapes."""

RESIZE = ("-n", JOB, "scale", "deployment/refused", "--replicas=2")
MARK = ("-n", JOB, "annotate", "pods", "-l", "app=unmarked", "controller.kubernetes.io/pod-deletion-cost=1")


def create(site: Site) -> None:
    """Create all pools, without any fault."""
    names = [each.pool for each in FAULTS]
    site.sqs.set_depths(dict.fromkeys(names, 0))
    commands = {"silent": SILENT}
    deployments = (deployment(n, commands.get(n, site.worker()), paused=n == "unstarted") for n in names)
    differing: dict[str, dict[str, int]] = {
        "silent": {"minReplicas": 0},
        "unstarted": {"minReplicas": 0},
        "crowded": {"maxReplicas": 1},
        "unmarked": {"minReplicas": 2},
        "busy": {"minReplicas": 2},
    }
    site.apply(JOB, [*deployments, *(pool(n, **differing.get(n, {})) for n in names)])


def are_calm(site: Site) -> bool:
    """Return whether every pool has its pods, and they have answered where there are any."""
    sizes = {each.pool: site.size(each.pool) for each in FAULTS}
    with_pods = [name for name, (asked_for, _) in sizes.items() if asked_for]
    return (
        all(asked_for == ready is not None for asked_for, ready in sizes.values())
        and {"silent", "unstarted"} == sizes.keys() - with_pods
        and all(site.condition(name, "WorkersProtected", "True") for name in with_pods)
        and all(site.condition(name, "Ready", "True") for name in sizes)
    )


def shows(name: str, kind: str, status: str = "False") -> Callable[[Site], bool]:
    return lambda site: site.condition(name, kind, status)


def has(name: str, asked_for: int, ready: int) -> Callable[[Site], bool]:
    return lambda site: site.size(name) == (asked_for, ready)


def edits(name: str, **spec: object) -> Callable[[Site], object]:
    return lambda site: site.edit(name, **spec)


def unreadable(name: str, fault: str, kind: Fault | Refusal) -> Injection:
    return Injection(
        fault=fault,
        alert="QueueUnreadable",
        job=JOB,
        pool=name,
        begin=lambda site: site.sqs.break_queues({name: kind}),
        shows=shows(name, "QueueReachable"),
        end=lambda site: site.sqs.mend_queues(name),
        is_over=shows(name, "QueueReachable", "True"),
    )


def asked_for(name: str, fault: str, mode: str) -> Injection:
    return Injection(
        fault=fault,
        alert=None,
        job=JOB,
        pool=name,
        begin=edits(name, mode=mode),
        shows=shows(name, "ScalingActive"),
        end=edits(name, mode="Active"),
        is_over=shows(name, "ScalingActive", "True"),
    )


def recreate(name: str, site: Site) -> None:
    """Create a Deployment anew, with workers that answer: the operator knows nothing of the one before any more.

    So it asks the workers at once, and does not wait for another writer to be quiet for five minutes.
    """
    site.kubectl("delete", "deployment", name, "--ignore-not-found")
    site.apply(JOB, [deployment(name, site.worker())])


def refuse_size(site: Site) -> None:
    site.deny("sizes", JOB, *RESIZE)
    site.sqs.set_depths({"refused": 10})


def refuse_marks(site: Site) -> None:
    site.deny("marks", JOB, *MARK)
    site.edit("unmarked", minReplicas=1)


def allow_marks(site: Site) -> None:
    """Allow the marks; the next scale-in shows that they are."""
    site.allow("marks", JOB, *MARK)
    site.edit("unmarked", minReplicas=2)
    wait_until(lambda: site.size("unmarked") == (2, 2), WAIT_SECONDS, "the pool did not grow")
    site.edit("unmarked", minReplicas=1)


def compete(site: Site) -> None:
    """Scale to zero again and again, until the operator lets it be. Of such writes the API server keeps no record."""

    def is_corrected() -> bool:
        asked_for = site.kubectl("get", "deployment", "contested", "-o", "jsonpath={.spec.replicas}")
        return asked_for == "1" or site.condition("contested", "ScaleConflict", "True")

    for _ in range(COMPETING_WRITES_LIMIT):
        wait_for_the_next_second()
        site.kubectl("scale", "deployment/contested", "--replicas=0")
        wait_until(is_corrected, WAIT_SECONDS, "it was not corrected")


def crowd(site: Site) -> None:
    """Let more messages wait; return when that shows."""
    depth = int(crowded(site)) + GROWTH
    site.sqs.set_depths({"crowded": depth})
    wait_until(lambda: crowded(site) >= depth, WAIT_SECONDS, "more messages do not show")


def crowded(site: Site) -> float:
    return site.value(JOB, "backlog_per_pod", pool="crowded") or 0.0


def keep_busy(site: Site) -> None:
    site.set_busy("busy", busy=True)
    site.edit("busy", minReplicas=0)


FAULTS = (
    Injection(
        fault="nothing",
        alert=None,
        job=JOB,
        pool="calm",
        begin=nothing,
        shows=has("calm", 1, 1),
        end=nothing,
        is_over=has("calm", 1, 1),
    ),
    asked_for("paused", "`mode: Paused`", "Paused"),
    asked_for("dry", "`mode: DryRun`", "DryRun"),
    unreadable("gone", "a queue is missing", Refusal.MISSING),
    unreadable("unreachable", "SQS breaks the connections", Fault.DEAD),
    Injection(
        fault="a pool's Deployment is missing",
        alert="TargetMissing",
        job=JOB,
        pool="missing",
        begin=lambda site: site.kubectl("delete", "deployment", "missing"),
        shows=shows("missing", "TargetFound"),
        end=partial(recreate, "missing"),
        is_over=has("missing", 1, 1),
    ),
    Injection(
        fault="the size is refused",
        alert="SizeRefused",
        job=JOB,
        pool="refused",
        begin=refuse_size,
        shows=shows("refused", "AbleToScale"),
        end=lambda site: site.allow("sizes", JOB, *RESIZE),
        is_over=has("refused", 2, 2),
    ),
    Injection(
        fault="a schedule in a time zone that does not exist",
        alert="NotReady",
        job=JOB,
        pool="misspelt",
        begin=edits("misspelt", schedules=[MISSPELT]),
        shows=shows("misspelt", "Ready"),
        end=edits("misspelt", schedules=None),
        is_over=shows("misspelt", "Ready", "True"),
    ),
    Injection(
        fault="a Deployment is paused, and its pods do not come",
        alert="PodsNotReady",
        job=JOB,
        pool="unstarted",
        begin=edits("unstarted", minReplicas=2),
        shows=has("unstarted", 2, 0),
        end=lambda site: site.kubectl("rollout", "resume", "deployment/unstarted"),
        is_over=has("unstarted", 2, 2),
    ),
    Injection(
        fault="workers never answer",
        alert="WorkersNotProtected",
        job=JOB,
        pool="silent",
        begin=edits("silent", minReplicas=1),
        shows=has("silent", 1, 1),
        end=partial(recreate, "silent"),
        is_over=shows("silent", "WorkersProtected", "True"),
    ),
    Injection(
        fault="the marks on idle pods are refused",
        alert="WorkersNotProtected",
        job=JOB,
        pool="unmarked",
        begin=refuse_marks,
        shows=shows("unmarked", "WorkersProtected"),
        end=allow_marks,
        is_over=shows("unmarked", "WorkersProtected", "True"),
    ),
    Injection(
        fault="a pool is at its maximum, and more and more messages wait",
        alert="AtMaximum",
        job=JOB,
        pool="crowded",
        begin=crowd,
        shows=lambda site: crowded(site) > 0,
        goes_on=crowd,
        end=lambda site: site.sqs.set_depths({"crowded": 0}),
        is_over=lambda site: site.value(JOB, "backlog_per_pod", pool="crowded") == 0,
    ),
    Injection(
        fault="all workers are busy, and the load does not call for them",
        alert="WaitsForIdleWorkers",
        job=JOB,
        pool="busy",
        begin=keep_busy,
        shows=lambda site: site.value(JOB, "waiting_for_idle_workers", pool="busy") == 2,
        end=lambda site: site.set_busy("busy", busy=False),
        is_over=has("busy", 0, 0),
    ),
    Injection(
        fault="another writer sets the replicas again and again",
        alert="ScaleConflict",
        job=JOB,
        pool="contested",
        begin=compete,
        shows=shows("contested", "ScaleConflict", "True"),
        end=partial(recreate, "contested"),
        is_over=has("contested", 1, 1),
    ),
)
