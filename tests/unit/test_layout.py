"""The shape of the repository that must not be broken by accident."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_operator_folder_is_no_package() -> None:
    """With operator/__init__.py, `python -m pytest` finds ours where it wants Python's own `operator`, and dies."""
    assert [path.name for path in (ROOT / "operator").iterdir() if path.suffix == ".py"] == []
