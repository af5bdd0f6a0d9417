"""Messages of a group start in order, one at a time; groups do not wait for each other."""

from queueworker.handlers.message_groups import MessageGroups


def test_the_second_of_a_group_waits_for_the_first() -> None:
    groups: MessageGroups[int] = MessageGroups()
    assert [groups.try_start("a", 1), groups.try_start("a", 2), groups.try_start("a", 3)] == [True, False, False]
    assert [groups.succeeded("a"), groups.succeeded("a"), groups.succeeded("a")] == [2, 3, None]
    assert groups.try_start("a", 4)


def test_groups_do_not_wait_for_each_other() -> None:
    groups: MessageGroups[int] = MessageGroups()
    assert [groups.try_start(group, 1) for group in "abc"] == [True, True, True]


def test_a_failure_stops_its_own_group_only() -> None:
    groups: MessageGroups[int] = MessageGroups()
    for group in "ab":
        for item in (1, 2, 3):
            groups.try_start(group, item)
    assert groups.failed("a") == [2, 3]
    assert groups.succeeded("b") == 2
    assert groups.try_start("a", 4)
