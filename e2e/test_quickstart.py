"""The README's quickstart: messages come, pods come; they are handled, and the pods go again."""

import json

from e2e import readme
from e2e.pools import EMPTY, READMES_QUEUE, sqs
from e2e.world import ROOT, World, eventually, values_until


def set_mode(world: World, mode: str) -> None:
    patch = json.dumps({"spec": {"mode": mode}})
    world.kubectl("patch", "queueworkerpool", "thumbnails", "--type=merge", f"--patch={patch}")


def rest(world: World) -> None:
    """Wait until everything is handled and the last worker is gone."""
    eventually(lambda: sqs(world, "counts", READMES_QUEUE) == EMPTY, 180, "the end of the queue")
    eventually(lambda: world.replicas("thumbnailer") == 0, 90, "the last scale-in")
    eventually(lambda: not world.pods("app=thumbnailer"), 60, "the end of the pods")


def test_the_readmes_500_messages_are_handled_and_the_pool_returns_to_zero(world: World) -> None:
    sizes = values_until(lambda: world.replicas("thumbnailer"), lambda size: size >= 10, 60)
    assert sizes[-1] >= 10, sizes
    rest(world)


def test_a_pool_at_zero_takes_one_step_to_its_largest_size_for_500_messages(world: World) -> None:
    rest(world)
    set_mode(world, "Paused")
    sqs(world, "send", READMES_QUEUE, "500")
    set_mode(world, "Active")
    sizes = values_until(lambda: world.replicas("thumbnailer"), lambda size: size >= 25, 60)
    assert [size for size in sizes if size] == [25]


def test_the_pool_says_why_it_has_its_size_from_within_the_operators_pod(world: World) -> None:
    """By the commands of the page to start with, which begins with the README's."""
    _, commands = readme.commands((ROOT / "docs" / "start.md").read_text())
    said = "".join(world.run(*argv) for argv in commands)
    assert "Deployment thumbnailer" in said
