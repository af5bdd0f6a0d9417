"""Troubles with what the cluster refuses, and with the way to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import yaml

from devcluster.faults import Fault
from testbed.chaos.trouble import Happening, Trouble
from testbed.chaos.view import Signal, both, condition, either, gauge, grows, posted
from testbed.chaos.world import World, rights
from testbed.operators import OPERATOR, OPERATOR_NAMESPACE

LOADS = 2, 6
"""Pods that the load of a pool calls for in turns, so that there is something to write."""

LOAD_SECONDS = 4.0
_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/{OPERATOR}"
_REFUSED = "AbleToScale", "False", "FailedUpdateScale"


def _policy(name: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy that refuses these requests wherever it is bound to."""
    constraints = {"resourceRules": [{"apiVersions": ["v1"], **rule}]}
    validations = [{"expression": "false", "message": f"{name}: not in this namespace"}]
    spec = {"failurePolicy": "Fail", "matchConstraints": constraints, "validations": validations}
    return {"metadata": {"name": name}, "spec": spec}


def _bound(name: str, namespace: str) -> dict[str, Any]:
    """Return what binds a policy to a namespace."""
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    matches = {"namespaceSelector": selector}
    spec = {"policyName": name, "validationActions": ["Deny"], "matchResources": matches}
    return {"metadata": {"name": name}, "spec": spec}


@asynccontextmanager
async def load_that_changes(world: World, pool: str) -> AsyncIterator[None]:
    """Let the load of a pool change all the time while the body runs."""

    async def change() -> None:
        while True:
            for pods in (LOADS[1], 0, LOADS[0]):  # nobody handles messages here, and those that wait keep pods
                world.load(pool, pods)
                await asyncio.sleep(LOAD_SECONDS)

    task = asyncio.create_task(change())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        world.load(pool, LOADS[0])


def _while_the_load_changes(
    pool: str, begin: Callable[[World], Awaitable[None]], end: Callable[[World], Awaitable[None]]
) -> Happening:
    @asynccontextmanager
    async def happening(world: World) -> AsyncIterator[None]:
        await begin(world)
        async with load_that_changes(world, pool):
            yield
        await end(world)

    return happening


async def _refuse_sizes(world: World) -> None:
    await world.api.create(_BINDINGS, _bound("frozen", "capped"))


async def _allow_sizes(world: World) -> None:
    await world.api.delete(f"{_BINDINGS}/frozen")


async def _prepare_capped(world: World) -> None:
    rule = {"apiGroups": ["apps"], "operations": ["UPDATE"], "resources": ["deployments/scale"]}
    await world.api.create(_POLICIES, _policy("frozen", rule))
    await world.add("capped", "capped")


async def _refuse_events(world: World) -> None:
    await world.api.create(_BINDINGS, _bound("no-events", "quiet"))


async def _allow_events(world: World) -> None:
    await world.api.delete(f"{_BINDINGS}/no-events")


async def _prepare_quiet(world: World) -> None:
    rule = {"apiGroups": [""], "operations": ["CREATE"], "resources": ["events"]}
    await world.api.create(_POLICIES, _policy("no-events", rule))
    await world.add("quiet", "quiet")


async def _take_the_right(world: World) -> None:
    role = json.loads(await world.kubectl("get", "role", OPERATOR, "-n", "robbed", "-o", "json"))
    rules = [rule for rule in role["rules"] if "deployments/scale" not in rule["resources"]]
    assert rules != role["rules"]
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/robbed/roles/{OPERATOR}"
    await world.api.patch(path, {"rules": rules})


def _give_rights(namespace: str) -> Callable[[World], Awaitable[None]]:
    async def give(world: World) -> None:
        manifest = await asyncio.to_thread(rights, world.cluster, [namespace])
        await world.kubectl("apply", "-f", "-", stdin=manifest)

    return give


@asynccontextmanager
async def _forbidden(world: World) -> AsyncIterator[None]:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/lost/rolebindings/{OPERATOR}"
    binding = await world.api.get(path)
    await world.api.delete(path)
    yield
    metadata = {"name": binding["metadata"]["name"], "namespace": "lost"}
    again = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata}
    again |= {name: binding[name] for name in ("roleRef", "subjects")}
    await world.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(again))


@asynccontextmanager
async def _no_lease(world: World) -> AsyncIterator[None]:
    await world.api.delete(_LEASE)
    yield


@asynccontextmanager
async def _short_lease(world: World) -> AsyncIterator[None]:
    with suppress(aiohttp.ClientResponseError):  # another trouble has deleted it
        await world.api.patch(_LEASE, {"spec": {"leaseDurationSeconds": 1}})
    yield


def _between(name: str, fault: Fault, reported: Signal | None, kind: int = 0) -> Trouble:
    """Return a trouble on the way to the API server."""

    @asynccontextmanager
    async def happening(world: World) -> AsyncIterator[None]:
        world.proxy.begin(fault)
        yield
        world.proxy.end()

    return Trouble(kind=kind, name=name, happening=happening, reported=reported, everywhere=True)


_AWAY = either(gauge("leader", lambda value: value == 0), grows("reconcile_failures_total"))

TROUBLES = (
    Trouble(
        kind=5,
        name="lost",
        happening=_forbidden,
        reported=gauge("namespace_served", lambda value: value == 0, namespace="lost"),
        prepare=lambda world: world.add("lost", "lost"),
    ),
    Trouble(kind=6, name="no lease", happening=_no_lease),
    Trouble(
        kind=7,
        name="capped",
        happening=_while_the_load_changes("capped", _refuse_sizes, _allow_sizes),
        reported=both(condition("capped", *_REFUSED), posted("capped", _REFUSED[2])),
        prepare=_prepare_capped,
    ),
    Trouble(
        kind=7,
        name="quiet",
        happening=_while_the_load_changes("quiet", _refuse_events, _allow_events),
        reported=grows("events_lost_total"),
        prepare=_prepare_quiet,
    ),
    Trouble(
        kind=7,
        name="robbed",
        happening=_while_the_load_changes("robbed", _take_the_right, _give_rights("robbed")),
        reported=condition("robbed", *_REFUSED),
        prepare=lambda world: world.add("robbed", "robbed"),
    ),
    Trouble(kind=22, name="lease of a second", happening=_short_lease),
    _between("page 404", Fault("page 404"), _AWAY, kind=10),
    _between("page 403", Fault("page 403"), _AWAY, kind=10),
    _between("slow answers", Fault("slow 4.5"), None, kind=22),
    _between("503", Fault("503"), _AWAY),
    _between("reset", Fault("reset"), _AWAY),
    _between("half-open", Fault("half-open"), _AWAY),
)
