"""Tools come from where the user put them, as long as they work."""

from pathlib import Path

import pytest

from devcluster import tools
from devcluster.errors import UnavailableError

KUBECTL = '#!/bin/sh\necho \'{{"clientVersion": {{"major": "1", "minor": "{minor}"}}}}\'\n'


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_kubebuilder_assets_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = program(tmp_path / "etcd", "#!/bin/sh\n")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert tools.control_plane("etcd") == own


@pytest.mark.parametrize("minor", ["30", "32+", "36"])
def test_a_young_kubectl_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minor: str) -> None:
    own = program(tmp_path / "kubectl", KUBECTL.format(minor=minor))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert tools.kubectl() == own


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(KUBECTL.format(minor="29"), id="too old"),
        pytest.param("#!/bin/sh\nexit 127\n", id="only says how to install it"),
        pytest.param("#!/bin/sh\necho v1.36\n", id="answers in another way"),
    ],
)
def test_another_kubectl_is_replaced_or_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    program(tmp_path / "kubectl", text)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Where nothing can be fetched: the installer finds no such lock.
    monkeypatch.setattr(tools, "LOCKS", locks(tmp_path))
    with pytest.raises(UnavailableError, match=r"install kubectl 1\.30 or newer"):
        tools.kubectl()


def locks(folder: Path) -> Path:
    (folder / "locks").mkdir()
    (folder / "locks" / "kubectl.lock").write_text("not a requirement\n")
    return folder / "locks"
