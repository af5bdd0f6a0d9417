"""What the programs of a real node are configured with, and what a machine must have for one."""

import json
import shutil
from pathlib import Path

import pytest

from devcluster.certificates import Authority
from devcluster.controlplane import Keys, controller_manager
from devcluster.errors import UnavailableError
from devcluster.kubelet import cgroups, documents, requirements
from devcluster.kubelet.documents import NodePlace

FIRST, SECOND = (NodePlace(number, Path(f"/cluster/nodes/node-{number}")) for number in (1, 2))


def test_two_nodes_share_no_address_port_socket_or_folder(tmp_path: Path) -> None:
    first, second = (json.loads(documents.kubelet(node, tmp_path, f"/mark/{node.name}")) for node in (FIRST, SECOND))
    different = ["port", "healthzPort", "containerRuntimeEndpoint", "cgroupRoot", "podLogsDir", "volumePluginDir"]
    assert [name for name in different if first[name] == second[name]] == []
    assert FIRST.address != SECOND.address
    assert documents.containerd(FIRST, tmp_path) != documents.containerd(SECOND, tmp_path)
    ranges = [json.loads(documents.network(node))["plugins"][0]["ipam"]["ranges"][0][0] for node in (FIRST, SECOND)]
    assert ranges[0]["rangeEnd"] < ranges[1]["rangeStart"]


def test_everything_that_a_node_writes_lies_in_its_folder_or_below_a_run_of_its_own() -> None:
    texts = [documents.containerd(FIRST, Path("/usr/lib/cni")), documents.network(FIRST)]
    paths = {word for text in texts for word in text.split('"') if word.startswith("/") and word != "/usr/lib/cni"}
    assert all(path.startswith(("/cluster/nodes/node-1", "/run/devcluster/")) for path in paths), paths


def test_sockets_have_short_paths_however_long_the_folders_is() -> None:
    deep = NodePlace(1, Path("/" + "long/" * 40))
    root = documents.kubelet_arguments(deep, Path("c"), Path("k"))[4].removeprefix("--root-dir=")
    longest = f"{root}/pod-resources/{2**32}"
    assert max(len(longest), len(str(deep.socket))) <= 107


def test_the_dns_has_the_address_that_pods_are_given() -> None:
    [service] = [each for each in documents.dns() if each["kind"] == "Service"]
    kubelet = json.loads(documents.kubelet(FIRST, Path("ca"), "/mark"))
    assert service["spec"]["clusterIP"] == kubelet["clusterDNS"][0]  # type: ignore[index] # plain JSON


def test_a_list_of_controllers_replaces_ours_because_the_program_would_add_it(tmp_path: Path) -> None:
    keys = Keys.make(Authority(tmp_path))
    given = controller_manager(tmp_path, keys, documents.controller_manager())
    assert [each for each in given if each.startswith("--controllers=")] == ["--controllers=*"]


def test_a_cluster_is_marked_by_its_directory() -> None:
    assert cgroups.name(Path("/a")) == cgroups.name(Path("/b/../a"))
    assert cgroups.name(Path("/a")) != cgroups.name(Path("/b"))


def test_groups_are_made_and_removed_in_every_hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    for hierarchy in ("cpuset", "memory"):
        (tmp_path / hierarchy).mkdir()
    (tmp_path / "cpu").symlink_to("cpuset")
    cgroups.make("mark/node-1")
    assert (tmp_path / "cpuset/mark/node-1").is_dir()
    assert (tmp_path / "memory/mark/node-1").is_dir()
    (tmp_path / "memory/mark/node-1/kubepods/pod-1").mkdir(parents=True)
    cgroups.remove("mark")
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["cpu", "cpuset", "memory"]


def test_what_is_missing_is_named_by_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None if name in {"ctr", "runc"} else f"/bin/{name}")
    monkeypatch.setattr(requirements, "PLUGIN_FOLDERS", ())
    with pytest.raises(UnavailableError, match=r"apt-get install containerd containernetworking-plugins runc$"):
        requirements.check()


def test_a_user_without_root_learns_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="needs root: use kind"):
        requirements.check()
