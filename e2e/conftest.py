"""One cluster for all tests, made and filled by the README's own commands; on failure its state is kept."""

import os
from collections.abc import Generator, Iterator

import pytest

from devcluster import cache
from devcluster.errors import UnavailableError
from devcluster.images import Build
from e2e import backends, readme
from e2e.backends import Backend
from e2e.world import ROOT, World

KEPT = ROOT / ".e2e"
"""Where the state of a failed test is kept."""

QUICKSTART, OWN_NODE = "test_quickstart.py", "test_own_node.py"

WORLD = pytest.StashKey[World]()


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    folder = backends.cluster_folder()
    with cache.exclusive(folder.with_name(f"{folder.name}-lock"), "another `make e2e` runs"):
        chosen = backends.choose(folder)
        yield chosen
        chosen.delete()


@pytest.fixture(scope="session")
def world(backend: Backend, request: pytest.FixtureRequest) -> World:
    """The cluster after the README's commands: images, operator, stand-in for SQS, workers and their pool."""
    world = request.session.stash[WORLD] = World(backend.environment)
    try:
        [commands] = readme.commands((ROOT / "README.md").read_text())
        for argv in commands:
            _execute(argv, backend, world)
    except UnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    return world


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the state of the cluster when a test, or what it needs, has failed."""
    report = yield
    world = item.session.stash.get(WORLD, None)
    if report.failed and world is not None:
        world.keep(KEPT / item.name)
    return report


def _execute(argv: list[str], backend: Backend, world: World) -> None:
    """Do what a command of the README says; images and clusters are the backend's."""
    match argv:
        case ["docker", "build", *options, context]:
            names = dict(zip(options[::2], options[1::2], strict=True))
            base = backend.base()
            arguments = {"BASE": base} if base else {}
            backend.build(Build(names["-t"], ROOT / context, names.get("--target", ""), arguments=arguments))
        case ["kind", "create", "cluster"]:
            backend.create()
        case ["kind", "load", "docker-image", *names]:
            backend.load(names)
        case ["kubectl" | "helm", *_]:
            world.run(*argv)
        case _:
            raise LookupError(f"the README has a command that this test does not know: {argv}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the quickstart: the rest is of no use when it fails. Our own node is left out where kind is taken."""
    if backends.takes_kind():
        config.hook.pytest_deselected(items=[item for item in items if item.path.name == OWN_NODE])
        items[:] = [item for item in items if item.path.name != OWN_NODE]
    items.sort(key=lambda item: item.path.name != QUICKSTART)
