"""The commands for people start quickly: they load no library that takes seconds before they need it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SLOW = {"kopf", "boto3", "botocore", "kubernetes", "aiohttp", "cel_expr_python", "ruamel"}

PROGRAM = """
import json, sys
from queueworkerpool.__main__ import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [[], ["validate"], ["explain"], ["list"], ["import"]], ids=" ".join)
def test_help_loads_no_slow_library(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, "--help"],
        env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'common'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(ended.stderr))
    assert ended.stdout.startswith("Usage: ")
    assert {"queueworkerpool", "click"} <= loaded
    assert loaded & SLOW == set()
