"""The Kubernetes client against an API server that misbehaves by a script, and writes that the fence refuses."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.processes import free_port, wait_until
from queueworkerpool.cluster import KubernetesCluster, client, connection
from queueworkerpool.cluster.connection import ForbiddenError, InvalidError
from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterRefusedError,
    LoginRefusedError,
    NoAnswerError,
    NotLeadingError,
    PoolGoneError,
    QueueWorkerPoolError,
    TargetGoneError,
    TargetKindNotAllowedError,
)
from queueworkerpool.leader.fence import Fence
from queueworkerpool.model import Event, ScaleTarget
from queueworkerpool.names import EventType
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import NOW, Namespace, Open
from tests.adapters.operator.faulty import SECRET, Faulty, Script
from tests.unit.operator.builders import pool as calm_pool

Serve = Callable[[Script], Faulty]


POOL = calm_pool()
DEPLOYMENT = ScaleTarget("shop", "jobs")

Call = Callable[[KubernetesCluster], Any]
CALLS: dict[str, Call] = {
    "pool": lambda cluster: cluster.pool(POOL.key),
    "target": lambda cluster: cluster.target(DEPLOYMENT),
    "confirm": lambda cluster: cluster.confirm(POOL),
    "read_scale": lambda cluster: cluster.read_scale(DEPLOYMENT),
    "scale": lambda cluster: cluster.scale(DEPLOYMENT, 3, 17),
    "write_status": lambda cluster: cluster.write_status(POOL, {"replicas": 3}),
    "pods": lambda cluster: cluster.pods(DEPLOYMENT, "app=jobs", 5),
    "post_event": lambda cluster: cluster.post_event(POOL, Event(EventType.NORMAL, "Reason", "message"), NOW),
}


def kubeconfig(folder: Path, endpoint: str, *, user: str = "first") -> Path:
    path = folder / "kubeconfig"
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": endpoint}}],
        "users": [{"name": "u", "user": {"token": user}}],
    }
    path.write_text(yaml.safe_dump(whole))
    return path


async def failure(call: Call, cluster: KubernetesCluster) -> QueueWorkerPoolError:
    with pytest.raises(QueueWorkerPoolError) as caught:
        await call(cluster)
    assert SECRET not in str(caught.value)
    return caught.value


REFUSALS: dict[str, Script] = {
    **{f"status {status}": faults.answering(status, {"message": SECRET}) for status in (400, 401, 403, 410, 422)},
    **{f"status {status}": faults.answering(status, SECRET) for status in (429, 500, 502, 503, 504)},
    "a redirect": faults.redirecting(307, f"http://127.0.0.1:1/{SECRET}"),
    "a page": faults.answering(200, f"<html>{SECRET}"),
    "an empty body": faults.answering(200, b""),
    "not UTF-8": faults.answering(200, b'{"kind": "\xff"}'),
    "half a body": faults.half(b'{"kind": "Pool"}'),
    "null": faults.answering(200, b"null"),
    "a list": faults.answering(200, b"[1]"),
    "a text": faults.answering(200, b'"text"'),
    "an empty object": faults.answering(200, {}),
    "a refusal with status 200": faults.answering(200, {"kind": "Status", "status": "Failure", "message": SECRET}),
    "nested deeply": faults.answering(200, b"[" * 100_000),
    "a reset": faults.resetting,
    "the end at once": faults.sending(b""),
    "no HTTP": faults.sending(b"SSH-2.0-OpenSSH_9.6\r\n"),
}


NO_ANSWERS = {"a redirect", "half a body", "a reset", "the end at once", "no HTTP"}


@pytest.mark.parametrize("name", REFUSALS)
async def test_refused(faulty: Serve, opened: Open, tmp_path: Path, name: str) -> None:
    """Every call fails as a ClusterError, and not as one of the kinds that would claim what is not known."""
    cluster = opened(kubeconfig(tmp_path, faulty(REFUSALS[name]).endpoint))
    kinds = {called: type(await failure(call, cluster)) for called, call in CALLS.items()}
    assert kinds == dict.fromkeys(CALLS, NoAnswerError if name in NO_ANSWERS else ClusterError)
    with pytest.raises(ClusterError):
        cluster.is_served()


async def test_a_closed_port(opened: Open, tmp_path: Path) -> None:
    cluster = opened(kubeconfig(tmp_path, f"http://127.0.0.1:{free_port()}"))
    for call in CALLS.values():
        assert type(await failure(call, cluster)) is NoAnswerError


async def test_not_found_says_what_is_gone(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    status = {"kind": "Status", "message": SECRET}
    cluster = opened(kubeconfig(tmp_path, faulty(faults.answering(404, status)).endpoint))
    kinds = {name: type(await failure(call, cluster)) for name, call in CALLS.items()}
    gone = {name: kind for name, kind in kinds.items() if name not in {"pods", "post_event"}}
    pool, target = PoolGoneError, TargetGoneError
    of_targets = {"target": target, "read_scale": target, "scale": target}
    assert gone == of_targets | {"pool": pool, "confirm": pool, "write_status": pool}
    assert not cluster.is_served()


async def test_a_scale_that_the_api_server_cannot_give_is_told_of_its_kind(
    faulty: Serve, opened: Open, tmp_path: Path
) -> None:
    """As for a custom resource without the field that the kind's definition names."""
    message = 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist'
    cluster = opened(
        kubeconfig(tmp_path, faulty(faults.answering(500, {"kind": "Status", "message": message})).endpoint)
    )
    error = await failure(CALLS["read_scale"], cluster)
    assert type(error) is TargetKindNotAllowedError
    assert str(error) == f"the API server does not give the /scale of Deployment jobs: {message}"


@pytest.mark.parametrize("status", [403, 404, 409])
async def test_only_a_status_of_the_api_server_says_that_something_is_gone(
    status: int, faulty: Serve, opened: Open, tmp_path: Path
) -> None:
    """A proxy in between answers with a page of its own, and a pool was forgotten."""
    cluster = opened(kubeconfig(tmp_path, faulty(faults.answering(status, f"<html>{SECRET}")).endpoint))
    for call in CALLS.values():
        error = await failure(call, cluster)
        assert not isinstance(error, PoolGoneError | TargetGoneError | ClusterConflictError)
        assert SECRET not in str(error)


async def test_a_conflict_is_reported_as_one_whatever_was_written(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    status = {"kind": "Status", "message": SECRET}
    cluster = opened(kubeconfig(tmp_path, faulty(faults.answering(409, status)).endpoint))
    for name in ("scale", "write_status"):
        assert type(await failure(CALLS[name], cluster)) is ClusterConflictError


async def test_a_redirect_is_not_followed_with_the_token(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    target = faulty(faults.answering(200, {"kind": "Any"}))
    for status in (301, 302, 303, 307, 308):
        server = faulty(faults.redirecting(status, f"{target.endpoint}/elsewhere"))
        assert type(await failure(CALLS["pool"], opened(kubeconfig(tmp_path, server.endpoint)))) is NoAnswerError
    assert target.requests == []


async def test_a_server_that_never_answers_costs_the_stated_time_out(
    faulty: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (connection.CONNECT_TIMEOUT_SECONDS, client.READ_TIMEOUT_SECONDS) == (3.0, 7.0)
    monkeypatch.setattr(client, "READ_TIMEOUT_SECONDS", 1.0)
    server = faulty(faults.silent)
    cluster = opened(kubeconfig(tmp_path, server.endpoint))
    began = time.monotonic()
    assert type(await failure(CALLS["scale"], cluster)) is NoAnswerError
    assert 1.0 <= time.monotonic() - began < 30.0, "the server is silent for a minute"
    assert len(server.requests) == 1, "a write that may have happened is not sent again"


async def test_a_size_does_not_wait_for_statuses_and_events(
    faulty: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READ_TIMEOUT_SECONDS", 300.0)  # no report ends meanwhile
    server = faulty(faults.silent)
    cluster = opened(kubeconfig(tmp_path, server.endpoint))
    reports = [asyncio.ensure_future(CALLS[name](cluster)) for name in ("write_status", "post_event") * 50]
    await asyncio.to_thread(wait_until, lambda: b"/status" in b"".join(server.requests), 60, "no status was sent")
    scale = asyncio.ensure_future(CALLS["scale"](cluster))
    await asyncio.to_thread(
        wait_until, lambda: any(b"/scale" in each for each in server.requests), 50, "the size waits"
    )
    for call in (scale, *reports):
        call.cancel()
    await asyncio.gather(scale, *reports, return_exceptions=True)


async def test_an_answer_that_drips_in_is_given_up(
    faulty: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READ_TIMEOUT_SECONDS", 1.0)
    drips = 6000
    cluster = opened(kubeconfig(tmp_path, faulty(faults.dripping(b" " * drips, 0.01)).endpoint))
    began = time.monotonic()
    assert type(await failure(CALLS["pool"], cluster)) is NoAnswerError
    assert time.monotonic() - began < drips * 0.01 / 2


async def test_a_token_that_was_rotated_is_read_again(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    server = faulty(faults.answering(401, {}))
    cluster = opened(kubeconfig(tmp_path, server.endpoint, user="first"))
    kubeconfig(tmp_path, server.endpoint, user="second")
    assert type(await failure(CALLS["pool"], cluster)) is ClusterError
    assert [b"Bearer first" in request for request in server.requests] == [True, False]
    assert b"Bearer second" in server.requests[1]


async def test_a_kubeconfig_that_is_gone_when_the_token_was_rotated_is_a_cluster_error(
    faulty: Serve, opened: Open, tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path, faulty(faults.answering(401, {})).endpoint)
    cluster = opened(path)
    path.unlink()
    assert type(await failure(CALLS["pool"], cluster)) is ClusterError


WRITES = {name: CALLS[name] for name in ("scale", "write_status", "post_event")}
WRITES["mark"] = lambda cluster: cluster.mark(DEPLOYMENT.namespace, "jobs-1", first=True)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_that_the_fence_refuses_is_never_sent(
    write: Call, faulty: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = faulty(faults.answering(200, {"kind": "Whatever"}))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, server.endpoint)))
    reported: list[str] = []
    cluster = KubernetesCluster(1, Fence(time.monotonic), requested=lambda method, *_: reported.append(method))
    try:
        assert type(await failure(write, cluster)) is NotLeadingError
        assert (server.requests, reported) == ([], [])
    finally:
        cluster.close()


ENDS: dict[str, tuple[Script, str, tuple[str, int | None]]] = {
    "a write that conflicts": (faults.answering(409, {"kind": "Status"}), "scale", ("PATCH", 409)),
    "a read that is answered": (faults.answering(404, {"kind": "Status"}), "pool", ("GET", 404)),
    "no answer": (faults.resetting, "pool", ("GET", None)),
}


@pytest.mark.parametrize("row", ENDS)
async def test_a_request_is_reported_with_how_it_ended(
    row: str, faulty: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, call, end = ENDS[row]
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, faulty(script).endpoint)))
    reported: list[tuple[str, int | None, float]] = []
    cluster = KubernetesCluster(1, requested=lambda *request: reported.append(request))
    try:
        await failure(CALLS[call], cluster)
    finally:
        cluster.close()
    [(method, code, seconds)] = reported
    assert (method, code) == end
    assert 0 < seconds < client.READ_TIMEOUT_SECONDS


async def test_a_process_that_freezes_while_a_connection_is_made_sends_nothing_over_it(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fence is open when the write begins, and is closed when the connection, TLS and all, is there."""
    key = namespace.deployment("jobs", 1)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    times = iter([0.0, 60.0])
    fence = Fence(lambda: next(times))
    fence.open_until(10.0)
    cluster = KubernetesCluster(1, fence)
    try:
        with pytest.raises(NotLeadingError):
            await cluster.mark(key.namespace, "any", first=True)
        assert next(times, None) is None, "the fence is checked twice"
        assert (await cluster.target(key)).replicas == 1, "reading goes on"
    finally:
        cluster.close()


def verdict(code: int, message: str = "the budget is spent", **more: Any) -> Script:
    return faults.answering(code, {"kind": "Status", "code": code, "message": message} | more)


VERDICTS: dict[str, tuple[Script, type[ClusterError], str]] = {
    **{f"status {code}": (verdict(code), ClusterRefusedError, "the budget is spent") for code in (400, 413, 500)},
    "status 422": (verdict(422), InvalidError, "the budget is spent"),
    "forbidden": (verdict(403), ForbiddenError, "the budget is spent"),
    "an admission's 429": (verdict(429), ClusterRefusedError, "the budget is spent"),
    "a login": (verdict(401), LoginRefusedError, "the API server does not take these credentials"),
    "a limit of rates": (verdict(429, details={"retryAfterSeconds": 1}), ClusterError, "status 429"),
    **{f"a passing {code}": (verdict(code), ClusterError, f"status {code}") for code in (408, 410, 503, 504)},
    "control characters": (verdict(422, "a\x1b[31m\n\u202eb\tc"), InvalidError, "a [31m b c"),
    "a long sentence": (verdict(422, "x" * 100_000), InvalidError, "x" * 255 + "…"),
    "no sentence": (verdict(422, ""), InvalidError, "status 422"),
    "a sentence of another type": (
        faults.answering(422, {"kind": "Status", "message": {"a": 1}}),
        InvalidError,
        "status 422",
    ),
}


@pytest.mark.parametrize("row", VERDICTS)
async def test_what_the_api_server_refuses_is_told_in_its_own_sentence(
    row: str, faulty: Serve, opened: Open, tmp_path: Path
) -> None:
    script, kind, sentence = VERDICTS[row]
    error = await failure(CALLS["scale"], opened(kubeconfig(tmp_path, faulty(script).endpoint)))
    assert (type(error), str(error).endswith(sentence)) == (kind, True)
    assert len(str(error)) <= 256
