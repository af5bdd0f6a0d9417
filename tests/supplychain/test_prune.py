"""What the operator's image leaves out of its libraries. tests/cluster/ha/test_pruned.py runs it on the rest."""

import json
import subprocess
from pathlib import Path

import pytest

from images.prune import KEPT, prune
from testbed.interpreters import Interpreter, pruned_interpreter

CREDENTIALS_COME_FROM = ("sts", "sso", "sso-oidc", "signin")
MAKE_CLIENTS = """
import json, sys
import boto3, botocore, kopf, kubernetes
from kubernetes.client import V1ObjectMeta, V1OwnerReference
made = [boto3.client(name, region_name="eu-west-1").meta.service_model.service_name for name in sys.argv[1:]]
boto3.session.Session().get_partition_for_region("cn-north-1")
print(json.dumps([made, [library.__file__ for library in (boto3, botocore, kubernetes)]]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pruned")


@pytest.fixture(scope="module")
def pruned(folder: Path) -> Interpreter:
    return pruned_interpreter(folder)


def test_what_is_left_makes_the_clients_that_the_operator_and_its_credentials_need(
    pruned: Interpreter, folder: Path
) -> None:
    argv = [str(pruned.python), "-c", MAKE_CLIENTS, "sqs", *CREDENTIALS_COME_FROM]
    answer = subprocess.run(argv, env=pruned.variables, capture_output=True, text=True, check=True)
    made, files = json.loads(answer.stdout)
    assert made == ["sqs", *CREDENTIALS_COME_FROM]
    assert all(Path(file).is_relative_to(folder) for file in files)


@pytest.mark.usefixtures("pruned")
@pytest.mark.parametrize(("library", "most"), [("kubernetes", 3), ("botocore", 6), ("boto3", 1)])
def test_what_is_left_is_small(library: str, most: int, folder: Path) -> None:
    """In MiB, without bytecode."""
    sizes = (file.stat().st_size for file in (folder / library).rglob("*") if file.suffix != ".pyc" and file.is_file())
    assert sum(sizes) < most * 2**20


def test_a_list_that_no_longer_fits_the_libraries_stops_the_build(tmp_path: Path) -> None:
    for folder, kept in KEPT.items():
        for name in kept | {"other"}:
            (tmp_path / folder / name).mkdir(parents=True)
    prune(tmp_path)
    assert list(tmp_path.rglob("other")) == []
    (tmp_path / "botocore" / "data" / "sts").rmdir()
    with pytest.raises(FileNotFoundError, match="botocore/data/sts"):
        prune(tmp_path)


def test_only_the_operators_environment_is_pruned() -> None:
    """A worker's handler is its user's code, and may call any service of AWS."""
    stages = (Path(__file__).parents[2] / "Dockerfile").read_text().split("\nFROM ")
    assert [stage.splitlines()[0] for stage in stages if "prune.py" in stage] == ["base AS operator-venv"]
