"""A short name of an image stands for a long one, as it does for a kubelet."""

import pytest

from devcluster.images import qualified

NAMES = {
    "worker:1": "docker.io/library/worker:1",
    "team/worker:1": "docker.io/team/worker:1",
    "localhost/pause:1": "localhost/pause:1",
    "registry.example.org/worker:1": "registry.example.org/worker:1",
    "registry:5000/worker:1": "registry:5000/worker:1",
}


@pytest.mark.parametrize(("name", "whole"), NAMES.items())
def test_the_whole_name_of(name: str, whole: str) -> None:
    assert qualified(name) == whole
