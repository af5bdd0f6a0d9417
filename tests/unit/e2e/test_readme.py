"""The commands that `make e2e` executes are those of the README."""

import pytest

from e2e import readme
from e2e.world import ROOT

README = """\
# Title

```sh
not this
```

<!-- test: kind -->
```sh
docker build -t image .   # a comment
helm install release chart \\
  --wait
```

```sh
not this either
```
"""


def test_the_commands_are_those_of_the_marked_block() -> None:
    assert readme.commands(README) == [
        ["docker", "build", "-t", "image", "."],
        ["helm", "install", "release", "chart", "--wait"],
    ]


def test_a_readme_without_such_a_block_is_told() -> None:
    with pytest.raises(LookupError, match="test: kind"):
        readme.commands("# Title")


def test_our_readme_builds_all_images_that_it_loads() -> None:
    commands = readme.commands((ROOT / "README.md").read_text())
    built = {name for argv in commands if argv[:2] == ["docker", "build"] for name in argv if ":0." in name}
    [loaded] = [argv[3:] for argv in commands if argv[:2] == ["kind", "load"]]
    assert built == set(loaded)
    assert len(commands) >= 10
