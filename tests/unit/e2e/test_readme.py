"""The commands that `make e2e` executes are those of the README and of the page to start with."""

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


START = ROOT / "docs" / "start.md"


def test_the_commands_are_those_of_the_marked_blocks() -> None:
    assert readme.commands(README) == [
        [
            ["docker", "build", "-t", "image", "."],
            ["helm", "install", "release", "chart", "--wait"],
        ]
    ]


def test_our_readme_builds_all_images_that_it_loads() -> None:
    [commands] = readme.commands((ROOT / "README.md").read_text())
    built = {name for argv in commands if argv[:2] == ["docker", "build"] for name in argv if ":0." in name}
    [loaded] = [argv[3:] for argv in commands if argv[:2] == ["kind", "load"]]
    assert built == set(loaded)
    assert len(commands) >= 10


def test_the_page_to_start_with_has_the_readmes_commands_and_then_asks_why() -> None:
    first, asking = readme.commands(START.read_text())
    assert [first] == readme.commands((ROOT / "README.md").read_text())
    assert {argv[0] for argv in asking} == {"kubectl"}
