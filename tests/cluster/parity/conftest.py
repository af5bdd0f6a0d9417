"""All series at once, under the real HPA controller."""

from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from devcluster import Cluster, UnavailableError, tools
from testbed.hpa import controller
from testbed.hpa.recording import Played
from testbed.hpa.series import SERIES


@pytest.fixture(scope="session")
def hpa_cluster(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """A cluster without a node, whose HPA controller syncs often."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    flags = controller.flags(SERIES)
    with Cluster(tmp_path_factory.mktemp("cluster"), node=False, controller_manager=flags) as running:
        yield running


@pytest.fixture(scope="session")
def recordings(hpa_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    """What the HPA did with every series."""
    return controller.play(hpa_cluster, tmp_path_factory.mktemp("keys"), SERIES)
