"""The commands that `make e2e` executes are those of the README."""

import pytest

from e2e import readme
from e2e.world import ROOT

README = """\
# Title

    not this

## Install it into kind

Some words.

    docker build -t image .   # a comment
    helm install release chart \\
      --wait

    kubectl get pods

Other words.

    not this either

## The next
"""


def test_the_commands_are_those_of_the_first_block_of_the_section() -> None:
    assert readme.commands(README) == [
        ["docker", "build", "-t", "image", "."],
        ["helm", "install", "release", "chart", "--wait"],
    ]


def test_a_readme_without_the_section_is_told() -> None:
    with pytest.raises(LookupError, match="Install it into kind"):
        readme.commands("# Title")


def test_our_readme_builds_all_images_that_it_loads() -> None:
    commands = readme.commands((ROOT / "README.md").read_text())
    built = {name for argv in commands if argv[:2] == ["docker", "build"] for name in argv if ":0." in name}
    [loaded] = [argv[3:] for argv in commands if argv[:2] == ["kind", "load"]]
    assert built == set(loaded)
    assert len(commands) >= 10
