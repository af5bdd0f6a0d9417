"""The cache holds whole things or nothing, and two processes may want the same thing at once."""

import threading
from pathlib import Path

import pytest

from devcluster import cache
from devcluster.errors import UnavailableError


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "queueworkerpool"
    assert cache.folder().is_dir()


def test_a_thing_is_made_once_however_many_want_it(tmp_path: Path) -> None:
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("whole")

    threads = [threading.Thread(target=cache.once, args=(tmp_path / "tool", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert (tmp_path / "tool").read_text() == "whole"


def test_a_failed_making_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.once(tmp_path / "tool", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["tool.lock"]


def test_a_folder_in_use_is_refused_with_the_reason(tmp_path: Path) -> None:
    with (
        cache.exclusive(tmp_path, "somebody is here"),
        pytest.raises(UnavailableError, match="somebody is here"),
        cache.exclusive(tmp_path, "somebody is here"),
    ):
        pass
    with cache.exclusive(tmp_path, "free again"):
        pass
