"""What a policy reads of the queue: its counts as they were a while ago. Pure."""

from array import array
from bisect import bisect_right
from random import Random

from queueplanner.simulation.values import Counts


class PastCounts:
    """Counts of the last seconds. The age of each reading is drawn evenly between 0 and the most.

    SQS promises no more than that its counts are right a minute after the last message was sent ("Approximate" in
    their names); how old a reading is, it does not say: that every age is as likely as another, and that one reading
    says nothing of the next one's age, is an assumption.

    Args:
        most_seconds: How old a reading may be.
        random: Draws the ages.
    """

    def __init__(self, most_seconds: float, random: Random) -> None:
        self._most, self._random = most_seconds, random
        self._times = array("d", [0.0])
        self._visible, self._in_flight = array("l", [0]), array("l", [0])

    def record(self, now: float, visible: int, in_flight: int) -> None:
        """Remember the counts from now on."""
        self._times.append(now)
        self._visible.append(visible)
        self._in_flight.append(in_flight)

    def read(self, now: float) -> Counts:
        """Return the counts as they were some seconds before."""
        self._forget(now - self._most)
        row = bisect_right(self._times, now - self._random.random() * self._most) - 1
        return Counts(self._visible[max(row, 0)], self._in_flight[max(row, 0)])

    def _forget(self, time: float) -> None:
        """Forget what no reading needs: all that was over at that time."""
        over = max(bisect_right(self._times, time) - 1, 0)
        for series in (self._times, self._visible, self._in_flight):
            del series[:over]
