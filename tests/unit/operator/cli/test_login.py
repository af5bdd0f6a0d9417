"""Which namespace a command means when none is given: the context's, or the pod's."""

from pathlib import Path

import pytest
import yaml

from queueworkerpool.cluster import Login, login
from queueworkerpool.errors import ClusterError


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """A kubeconfig with three contexts, of which the first is the current one."""
    clusters = {"here": {"namespace": "shop"}, "there": {"namespace": "bank"}, "bare": {}}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": "u"} | more} for name, more in clusters.items()
        ],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.mark.parametrize(("context", "namespace"), [("", "shop"), ("there", "bank"), ("bare", "default")])
def test_the_namespace_is_that_of_the_context(kubeconfig: str, context: str, namespace: str) -> None:
    assert Login(kubeconfig, context).namespace() == namespace


def test_in_a_pod_it_is_the_pods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "namespace"
    file.write_text("system\n")
    monkeypatch.setattr(login, "ACCOUNT_NAMESPACE", file)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert Login().namespace() == "system"


def test_in_a_pod_a_kubeconfig_that_is_given_wins(kubeconfig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert Login(kubeconfig).namespace() == "shop"


def test_a_kubeconfig_that_is_not_there_is_named() -> None:
    with pytest.raises(ClusterError, match=r"no usable /nonexistent \(ConfigException\)"):
        Login("/nonexistent").namespace()


@pytest.mark.parametrize(
    "broken",
    ["a: [b", "\0", "", "[1, 2]", "text", "contexts: 5", "contexts: [5]\ncurrent-context: a"],
    ids=["no YAML", "no text", "empty", "a list", "a text", "no list of contexts", "a context that is none"],
)
def test_a_kubeconfig_that_is_none_is_named(broken: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(broken)
    for asked in (Login(str(path)).namespace, Login(str(path)).configuration):
        with pytest.raises(ClusterError, match=f"no usable {path} "):
            asked()


def test_an_address_that_is_no_text_is_told_so(kubeconfig: str) -> None:
    Path(kubeconfig).write_text(Path(kubeconfig).read_text().replace("http://127.0.0.1:1", "5"))
    with pytest.raises(ClusterError, match=r"no usable .* \(AttributeError\)"):
        Login(kubeconfig).configuration()
