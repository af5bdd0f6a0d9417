"""What pages show of the planner's commands is what they print."""

import pytest

from docs.outputs import printed, with_outputs

PAGE = """\
# A page

<!-- test: verify -->
```sh
qwp simulate --rival keda \\
  --shape burst:messages=10,seconds=10m --service 2s
```

<!-- generated: what it prints -->
```text
{printed}
```

The end.
"""


def test_what_a_command_prints_is_written_below_it() -> None:
    page = with_outputs(PAGE.format(printed="what it printed before,\nand more"))
    assert "burst:messages=10,seconds=10m: 10 messages in 10m" in page
    assert "before" not in page
    assert page.endswith("```\n\nThe end.\n")
    assert with_outputs(page) == page


def test_an_empty_block_is_filled() -> None:
    assert with_outputs(PAGE.replace("{printed}\n", "")) == with_outputs(PAGE)


def test_a_command_that_fails_stops_it() -> None:
    with pytest.raises(ValueError, match="Error: --rival 'hal' is none of"):
        printed("qwp simulate --rival hal")
