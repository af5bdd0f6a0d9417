"""The archive of `kubectl qwp`: the same each time, from the locked libraries, for every platform."""

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

import release.__main__ as program
from docs.sbom import entries
from release import plugin
from release.archives import normalise
from release.errors import ReleaseError

ROOT = Path(__file__).parents[2]
EPOCH = 1_790_000_000


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plugin") / "kubectl-qwp-0.1.0.tar.gz"
    plugin.archive(ROOT, "0.1.0", path)
    normalise(path, EPOCH)
    return path


def names(packed: Path) -> list[str]:
    with tarfile.open(packed) as tar:
        return tar.getnames()


def test_it_comes_out_the_same_each_time(packed: Path, tmp_path: Path) -> None:
    again = tmp_path / packed.name
    plugin.archive(ROOT, "0.1.0", again)
    normalise(again, EPOCH)
    assert again.read_bytes() == packed.read_bytes()


def test_it_is_small_and_nothing_in_it_belongs_to_a_platform(packed: Path) -> None:
    assert packed.stat().st_size < 3_000_000
    assert {Path(name).suffix for name in names(packed)} & {".so", ".pyd", ".dylib", ".pyc"} == set()


def test_only_the_launcher_can_be_executed_and_it_needs_only_python(packed: Path) -> None:
    with tarfile.open(packed) as tar:
        assert [member.name for member in tar if member.mode & 0o111] == ["kubectl-qwp"]
        launcher = tar.extractfile("kubectl-qwp")
        assert launcher
        assert launcher.readline() == b"#!/usr/bin/env python3\n"


def test_every_library_brings_its_licence(packed: Path) -> None:
    licences = {
        name.split("/")[1].partition("-")[0] for name in names(packed) if "licen" in name.lower() and "/" in name
    }
    assert {name.replace("-", "_") for name in plugin.LIBRARIES} - {each.lower() for each in licences} == set()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lock: lock.replace("click==", "click==9"), r"click \S+ is not the locked 9\S+: run `make setup`"),
        (lambda lock: lock.replace("cronsim==", "other=="), "cronsim .* is not the locked None: run `make setup`"),
    ],
)
def test_a_library_that_is_not_the_locks_stops_the_release(change: object, sentence: str, tmp_path: Path) -> None:
    for folder in ("operator", "common", "crds", "LICENSE"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    assert callable(change)
    (tmp_path / "requirements.lock").write_text(change((ROOT / "requirements.lock").read_text()))
    with pytest.raises(ReleaseError, match=sentence):
        plugin.archive(tmp_path, "0.1.0", tmp_path / "plugin.tar.gz")


def test_every_library_is_one_of_the_operators() -> None:
    """So nothing is delivered that the operator's SBOM and the audit do not know."""
    assert set(plugin.LIBRARIES) <= {name for name, _, _ in entries(ROOT / "requirements-operator.lock")}


def test_it_has_no_planner_and_says_where_there_is_one(packed: Path, tmp_path: Path) -> None:
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path, filter="data")
    argv = [sys.executable, "-I", "-S", str(tmp_path / "kubectl-qwp"), "simulate", "--rival", "keda"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nor in the plugin of kubectl" in done.stderr
    assert "install `queueworkerpool[planner]` with pip" in done.stderr


def test_krews_manifest_names_the_archive_and_its_checksum(packed: Path) -> None:
    checksum = hashlib.sha256(packed.read_bytes()).hexdigest()
    manifest = yaml.safe_load(plugin.manifest("0.1.0", "https://github.com/example/queueworkerpool", checksum))
    [platform] = manifest["spec"]["platforms"]
    assert (manifest["metadata"]["name"], manifest["spec"]["version"]) == ("qwp", "v0.1.0")
    assert len(manifest["spec"]["shortDescription"]) <= 50  # krew's own rule
    assert platform["uri"].endswith(f"/releases/download/v0.1.0/{packed.name}")
    assert (platform["sha256"], platform["bin"] in names(packed)) == (checksum, True)


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("https://github.com/example/queueworkerpool", ["kubectl-qwp-0.1.0.tar.gz", "qwp.yaml"]),
        ("unknown", ["kubectl-qwp-0.1.0.tar.gz"]),
    ],
)
def test_a_release_has_the_archive_and_with_an_address_its_manifest(
    source: str, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "DIST", tmp_path)
    order = program.Order("0.1.0", "", source, "", ())
    told = list(program._plugin(order, ROOT, program.Commit("", EPOCH, tagged=False)))
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert (len(told), "--source" in told[-1]) == (2, source == "unknown")
