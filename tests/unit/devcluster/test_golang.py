"""go.mod is the one place of versions, and a changed pin is a new binary."""

import re

import pytest

from devcluster import golang
from devcluster.golang import ACTIONLINT, CONTROL_PLANE, HELM, KIND, KUBECONFORM, LUA, NODE, SOURCES, GoProgram

PROGRAMS = (*CONTROL_PLANE, *NODE, HELM, KIND, KUBECONFORM, ACTIONLINT, LUA)
GO_MOD = """\
module example

go 1.26.0

require example.org/one v1.2.3

require (
	example.org/two v2.0.0-rc.1 // indirect
)
"""


@pytest.mark.parametrize(("module", "version"), [("example.org/one", "v1.2.3"), ("example.org/two", "v2.0.0-rc.1")])
def test_a_version_is_read_from_go_mod(module: str, version: str) -> None:
    assert golang.module_version(GO_MOD, module) == version


def test_a_module_that_is_not_required_has_no_version() -> None:
    with pytest.raises(LookupError, match=r"example\.org/on"):
        golang.module_version(GO_MOD, "example.org/on")


def test_the_go_release_is_read_from_go_mod() -> None:
    assert golang.go_release(GO_MOD) == (1, 26)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_program_is_pinned_and_named_by_its_pin(program: GoProgram) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+", program.version)
    assert f"{program.name}-{program.version}-" in str(program.path)
    is_ours = program.package == "." and (SOURCES / program.folder / "main.go").exists()
    assert is_ours or f"tool {program.package}" in program.go_mod or f"\t{program.package}\n" in program.go_mod


def test_kubernetes_programs_know_their_version() -> None:
    apiserver = next(program for program in CONTROL_PLANE if program.name == "kube-apiserver")
    flags = " ".join(apiserver.flags)
    assert f"gitVersion={apiserver.version}" in flags
    assert "{" not in flags


def test_the_cache_key_depends_on_every_part_and_on_their_borders() -> None:
    keys = {golang.cache_key(*parts) for parts in [("ab", "c"), ("a", "bc"), ("abc",), ("ab", "c", ""), ("ab", "d")]}
    assert len(keys) == 5
    assert golang.cache_key("ab", "c") == golang.cache_key("ab", "c")
