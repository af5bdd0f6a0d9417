"""Messages of a group start in order, one at a time; groups do not wait for each other."""

from queueworker.handlers.message_groups import Lanes


def test_the_second_of_a_group_waits_for_the_first() -> None:
    lanes: Lanes[int] = Lanes()
    assert [lanes.enter("a", 1), lanes.enter("a", 2), lanes.enter("a", 3)] == [True, False, False]
    assert [lanes.advance("a"), lanes.advance("a"), lanes.advance("a")] == [2, 3, None]
    assert lanes.enter("a", 4)


def test_groups_do_not_wait_for_each_other() -> None:
    lanes: Lanes[int] = Lanes()
    assert [lanes.enter(group, 1) for group in "abc"] == [True, True, True]


def test_a_failure_stops_its_own_lane_only() -> None:
    lanes: Lanes[int] = Lanes()
    for group in "ab":
        for item in (1, 2, 3):
            lanes.enter(group, item)
    assert lanes.stop("a") == [2, 3]
    assert lanes.advance("b") == 2
    assert lanes.enter("a", 4)
