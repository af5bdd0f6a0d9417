"""The commands that the pages show are executed, or the page says why they are not.

A block of commands is marked by the comment above it: `<!-- test: WHERE -->`. The blocks of one page are executed in
their order, from the repository's root, in a cluster without pods that has nothing of ours. The runbooks are left out:
their commands have names to fill in.
"""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from devcluster import Cluster, UnavailableError, commands, tools
from docs.markdown import Block, blocks, marked

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "charts/queueworkerpool/README.md",
    ROOT / "worker/README.md",
]
PAGES += sorted((ROOT / "docs").glob("*.md"))
SHELLS = {"sh", "bash", "shell", "console"}
WHERE = {
    "cluster",  # here
    "kind",  # by `make e2e`: e2e/readme.py
    "worker",  # test_worker_tools.py
    "local",  # the same
    "verify",  # by `make verify`: docs/outputs.py
}
REASON = re.compile(r"not run here: \S.{15,}")
COMMAND = re.compile(r"(kubectl|helm|qwp|aws|docker|kind|make|python3?|pip) ")


def executed(page: Path) -> list[Block]:
    """Return the blocks of a page that are executed here."""
    return marked(page.read_text(), "test: cluster")


def unmarked(text: str) -> list[str]:
    """Return the blocks of commands of which is not said whether they are executed."""
    found = [block for block in blocks(text) if block.language in SHELLS or COMMAND.match(block.text)]
    good = {f"test: {where}" for where in WHERE}
    return [
        f"line {block.line}"
        for block in found
        if block.language != "sh" or not (block.comment in good or REASON.fullmatch(block.comment))
    ]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """A real control plane with nothing of ours; no pod gets a node."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("commands"), node=False) as running:
        yield running


@pytest.fixture
def shell(empty: Cluster, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Execute a block as a reader does, in a namespace of its own; afterwards the cluster is as empty as before."""
    namespace = f"reader-{uuid.uuid4().hex[:8]}"
    empty.kubectl("create", "namespace", namespace)
    for program, path in {"kubectl": tools.kubectl(), "helm": tools.helm()}.items():
        (tmp_path / program).symlink_to(path)
    env = commands.environment(empty.kubeconfig)
    env["PATH"] = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), env["PATH"]])
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(empty.kubeconfig.read_text())
    env["KUBECONFIG"] = str(kubeconfig)
    empty.kubectl("config", "set-context", "--current", f"--namespace={namespace}", f"--kubeconfig={kubeconfig}")

    def execute(text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    yield execute
    for release in json.loads(empty.helm("list", "--all-namespaces", "--output", "json")):
        empty.helm("uninstall", release["name"], "--namespace", release["namespace"])
    empty.kubectl("delete", "crd", "--all", "--wait=true")
    empty.kubectl("delete", "namespace", "queueworkerpool-system", namespace, "--ignore-not-found", "--wait=true")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_of_each_block_of_commands_a_page_says_where_it_is_executed_or_why_it_is_not(page: Path) -> None:
    assert unmarked(page.read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<!-- test: cluster -->\n```sh\nkubectl get qwp\n```\n", []),
        ("<!-- not run here: it needs an account of AWS -->\n```sh\naws s3 ls\n```\n", []),
        ("```json\n{}\n```\n", []),
        ("```sh\nkubectl get qwp\n```\n", ["line 1"]),
        ("```\nkubectl get qwp\n```\n", ["line 1"]),
        ("<!-- test: nowhere -->\n```sh\nkubectl get qwp\n```\n", ["line 2"]),
        ("<!-- not run here: no -->\n```sh\nkubectl get qwp\n```\n", ["line 2"]),
        ("<!-- test: cluster -->\n```console\nkubectl get qwp\n```\n", ["line 2"]),
    ],
)
def test_a_block_of_which_nothing_is_said_is_found(text: str, found: list[str]) -> None:
    assert unmarked(text) == found


@pytest.mark.parametrize(
    "page", [page for page in PAGES if executed(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_commands_of_a_page_work(page: Path, shell: Callable[[str], str]) -> None:
    for block in executed(page):
        shell(block.text)


def test_a_command_that_fails_fails_the_test(shell: Callable[[str], str]) -> None:
    with pytest.raises(AssertionError, match="no-such-chart"):
        shell("helm install queueworkerpool charts/no-such-chart\nkubectl version\n")
