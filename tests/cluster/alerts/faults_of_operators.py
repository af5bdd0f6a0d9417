"""What can go wrong with an operator. Each fault has an operator of its own, with a namespace and a pool."""

import os
import signal
import time
from pathlib import Path

from devcluster.processes import wait_until
from testbed.api import deployment
from testbed.counting_sqs import Fault
from testbed.operators import OPERATOR, OPERATOR_NAMESPACE, write_credentials
from tests.cluster.alerts.injections import Injection
from tests.cluster.alerts.site import WAIT_SECONDS, Site, pool

FROZEN_SECONDS = 2.2
"""A tick that is due once a second begins late by more than a second."""

RIGHTS = "rbac.authorization.k8s.io"
LEASE = f"{OPERATOR_NAMESPACE}/{OPERATOR}"
ELSEWHERE = "elsewhere"
"""A namespace without pools."""

STATUS = '{"status":{"desiredReplicas":7}}'
WRITE = ("-n", "unwritten", "patch", "qwp", "unwritten", "--subresource=status", "--type=merge", "-p", STATUS)


def create(site: Site, credentials: Path) -> None:
    """Create an operator for each fault, not started yet, with its namespace and a pool without pods."""
    for name in [each.job for each in FAULTS] + [ELSEWHERE]:
        site.cluster.kubectl("create", "namespace", name)
    site.sqs.set_depths({each.job: 0 for each in FAULTS})
    for each in FAULTS:
        site.apply(each.job, [deployment(each.job, 0), pool(each.job, minReplicas=0)])
    for job in ("ended", "unwritten", "slow", "frozen"):
        site.add(job, "a", credentials)
    site.add("stuck", "a", credentials, "-m", "tests.cluster.faults.zombie", "scheduler")
    site.add("unled", "a", own_account(site, "unled", "unled"), QWP_LEASE="unled/lease")
    site.apply("unled", lease_rights())
    site.add("unheld", "a", own_account(site, "unheld", "unheld"), QWP_LEASE="unheld/lease", QWP_SHARDS="2")
    site.apply("unheld", lease_rights())
    kubeconfig = own_account(site, "unlisted", "unlisted", ELSEWHERE)
    site.add("unlisted", "a", kubeconfig, QWP_NAMESPACES=f"unlisted,{ELSEWHERE}")
    site.add("unaware", "a", credentials, QWP_LEASE=LEASE)
    site.add("unaware", "b", credentials, QWP_LEASE=LEASE, QWP_NAMESPACES=ELSEWHERE)


def are_calm(site: Site) -> bool:
    """Return whether every pool has had a decision."""
    return all(site.value(each.job, "desired_replicas") == 0 for each in FAULTS)


def own_account(site: Site, name: str, *namespaces: str) -> Path:
    """Create an account with the operator's rights in these namespaces; return its kubeconfig."""
    site.cluster.kubectl("-n", name, "create", "serviceaccount", OPERATOR)
    for namespace in namespaces:
        site.cluster.kubectl(*bind(name, namespace))
    return write_credentials(site.cluster, site.folder / f"{name}.kubeconfig", namespace=name)


def bind(name: str, namespace: str) -> tuple[str, ...]:
    account = (f"--clusterrole={OPERATOR}", f"--serviceaccount={name}:{OPERATOR}")
    return "-n", namespace, "create", "rolebinding", OPERATOR, *account


def lease_rights(*names: str) -> list[dict[str, object]]:
    """Return the right to use Leases, of these names or of all."""
    role = {"apiGroup": RIGHTS, "kind": "Role", "name": "lease"}
    rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "patch", "create"]}
    if names:
        rule["resourceNames"] = list(names)
    return [
        {"apiVersion": f"{RIGHTS}/v1", "kind": "Role", "metadata": {"name": "lease"}, "rules": [rule]},
        {
            "apiVersion": f"{RIGHTS}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "lease"},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": OPERATOR}],
        },
    ]


def end_process(site: Site) -> None:
    site.processes["ended"]["a"].program.stop()


def stop_ticks(site: Site) -> None:
    os.kill(site.processes["stuck"]["a"].program.pid, signal.SIGUSR1)


def restart(site: Site) -> None:
    """Restart the operator, as the kubelet does: /livez reports what is dead."""
    process = site.processes["stuck"]["a"]
    process.program.kill()
    process.start()


def hand_over(site: Site) -> None:
    """Restart the one that knows the pool, so that the other one leads."""
    first = site.processes["unaware"]["a"]
    first.program.stop()
    wait_until(lambda: site.value("unaware", "leader", "b") == 1, WAIT_SECONDS, "the other one does not lead")
    first.start()


def refuse_status(site: Site) -> None:
    site.deny("statuses", "unwritten", *WRITE)
    edit = '{"spec":{"maxReplicas":11}}'  # the status is to say that it was seen
    site.cluster.kubectl("-n", "unwritten", "patch", "qwp", "unwritten", "--type=merge", "-p", edit)


def refuse_list(site: Site) -> None:
    """Take the right away and restart the operator: a watch that has begun goes on until its time is over."""
    process = site.processes["unlisted"]["a"]
    process.program.stop()
    site.cluster.kubectl("-n", ELSEWHERE, "delete", "rolebinding", OPERATOR)
    process.start()


def freeze(site: Site) -> None:
    """Take the CPU away from the process for some time."""
    pid = site.processes["frozen"]["a"].program.pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    os.kill(pid, signal.SIGCONT)


def observed(site: Site) -> str:
    """Return the generation of the pool that its status is about."""
    return site.cluster.kubectl(
        "-n", "unwritten", "get", "qwp", "unwritten", "-o", "jsonpath={.status.observedGeneration}"
    )


def failures(site: Site) -> float:
    return site.value("unwritten", "reconcile_failures_total") or 0.0


FAULTS = (
    Injection(
        fault="no operator runs",
        alert="NoLeader",
        job="ended",
        begin=end_process,
        shows=lambda site: site.value("ended", "leader") is None,
        end=lambda site: site.processes["ended"]["a"].start(),
        is_over=lambda site: site.value("ended", "leader") == 1,
    ),
    Injection(
        fault="the Lease can be neither read nor written",
        alert="NoLeader",
        job="unled",
        begin=lambda site: site.cluster.kubectl("-n", "unled", "delete", "rolebinding", "lease"),
        shows=lambda site: site.value("unled", "leader") == 0,
        end=lambda site: site.apply("unled", lease_rights()),
        is_over=lambda site: site.value("unled", "leader") == 1,
    ),
    Injection(
        fault="the Lease of one shard of two can be neither read nor written",
        alert="ShardNotLed",
        job="unheld",
        begin=lambda site: site.apply("unheld", lease_rights("lease", "lease-shard-0")),
        shows=lambda site: site.value("unheld", "shard_leader", shard="1") == 0,
        end=lambda site: site.apply("unheld", lease_rights()),
        is_over=lambda site: site.value("unheld", "shard_leader", shard="1") == 1,
    ),
    Injection(
        fault="no tick begins any more",
        alert="NotReconciling",
        job="stuck",
        begin=stop_ticks,
        shows=lambda site: site.value("stuck", "leader") == 1,
        end=restart,
        is_over=lambda site: (site.value("stuck", "reconcile_duration_seconds_count") or 0) > 1,
    ),
    Injection(
        fault="the operator that leads knows no pool, and the one that stands by knows some",
        alert="PoolsUnknown",
        job="unaware",
        begin=hand_over,
        shows=lambda site: site.value("unaware", "pools", "a") == 1 and site.value("unaware", "leader", "b") == 1,
        end=lambda site: site.processes["unaware"]["b"].program.stop(),
        is_over=lambda site: site.value("unaware", "leader", "a") == 1,
    ),
    Injection(
        fault="a namespace may not be listed",
        alert="NamespaceNotServed",
        job="unlisted",
        begin=refuse_list,
        shows=lambda site: site.value("unlisted", "namespace_served", namespace=ELSEWHERE) == 0,
        end=lambda site: site.cluster.kubectl(*bind("unlisted", ELSEWHERE)),
        is_over=lambda site: site.value("unlisted", "namespace_served", namespace=ELSEWHERE) == 1,
    ),
    Injection(
        fault="statuses are refused",
        alert="HighErrorRate",
        job="unwritten",
        begin=refuse_status,
        shows=lambda site: failures(site) > 0,
        end=lambda site: site.allow("statuses", "unwritten", *WRITE),
        is_over=lambda site: observed(site) == "2",
    ),
    Injection(
        fault="SQS takes 3 s for an answer",
        alert="SlowTicks",
        job="slow",
        begin=lambda site: site.sqs.break_queues({"slow": Fault.SLOW}),
        shows=lambda site: (
            (site.value("slow", "reconcile_duration_seconds_bucket", le="2.5") or 0)
            < (site.value("slow", "reconcile_duration_seconds_count") or 0)
        ),
        end=lambda site: site.sqs.mend_queues("slow"),
    ),
    Injection(
        fault="the process gets no CPU for seconds, again and again",
        alert="LateTicks",
        job="frozen",
        begin=freeze,
        shows=lambda site: (
            (site.value("frozen", "reconcile_lag_seconds_bucket", le="1.0") or 0)
            < (site.value("frozen", "reconcile_lag_seconds_count") or 0)
        ),
        goes_on=freeze,
    ),
)
