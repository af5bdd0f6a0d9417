"""Where the watches log in: the address that the kubelet gives to every pod, which needs no DNS."""

from pathlib import Path

import kopf
import pytest

from queueworkerpool.watch.session import NoLoginError, login


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a pod with a service account."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    info = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="a")
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: info)


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("10.96.0.1", "https://10.96.0.1:443"),
        ("fd00::1", "https://[fd00::1]:443"),
        ("api.local", "https://api.local:443"),
    ],
)
def test_a_pod_logs_in_at_the_address_of_its_environment(
    host: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert (login().server, login().token) == (server, "a")


def test_without_any_login_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NoLoginError, match="no KUBECONFIG and no service account"):
        login()
