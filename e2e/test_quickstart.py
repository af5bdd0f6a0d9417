"""The README's quickstart: messages come, pods come; they are handled, and the pods go again."""

from e2e.world import World, eventually, highest


def counts(world: World) -> str:
    return world.kubectl("exec", "deployment/sqs", "--", "sqs", "counts", "thumbnails").strip()


def test_a_pool_grows_from_zero_for_500_messages_and_shrinks_to_zero_when_they_are_handled(world: World) -> None:
    sizes = highest(lambda: world.replicas("thumbnailer"), lambda size: size == 25, 60)
    assert sizes[-1] == 25, sizes
    eventually(lambda: counts(world) == "visible 0, in flight 0, delayed 0", 120, "the end of the queue")
    eventually(lambda: world.replicas("thumbnailer") == 0, 120, "the end of the workers")
    eventually(lambda: not world.pods("app=thumbnailer"), 60, "the end of the pods")
    pool = world.get("queueworkerpool", "thumbnails")
    assert pool["status"]["conditions"], pool


def test_the_pool_says_why_it_has_its_size_from_within_the_operators_pod(world: World) -> None:
    said = world.kubectl(
        "-n", "queueworkerpool-system", "exec", "deployment/queueworkerpool", "--", "qwp", "explain", "default/thumbnails"
    )
    assert "Deployment thumbnailer" in said
