"""The workers' slots as arrays: which message is in which, and until when. `pods` gives and takes them.

A place holds one pod, and has as many slots as a pod handles messages at the same time. How long a message takes, and
whether it is poison, repeats after very many messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from random import Random

import numpy as np

from queueplanner.aggregated.messages import Flags, Floats, Group, Integers, Messages
from queueplanner.simulation import EndlessError, poll_seconds, polls
from queueplanner.work import Work

_DIFFERENT = 1 << 17
"""Messages after which their service times repeat."""

NOBODY = -1
"""The number in a slot without a message."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a place has in hand (when it was begun, by number), how many messages it has handled, and how long."""

    in_hand: dict[int, float]
    finished: int
    busy_seconds: float


class Workers:
    """Receives messages for the places that are open, and handles them.

    Args:
        work: What messages and workers are like.
        messages: The queue.
        services: Draws how long messages take.
        generator: Draws who gets a message, and which attempts fail.

    `now` is set by who lets the time pass.
    """

    def __init__(self, work: Work, messages: Messages, services: Random, generator: np.random.Generator) -> None:
        self._work, self._messages, self._generator = work, messages, generator
        size = max(min(messages.total, _DIFFERENT), 1)
        self._seconds = np.fromiter((work.service(services) for _ in range(size)), np.float64, size)
        self._poison = generator.random(size) < work.failures.poison_share
        self.now = self.wasted_seconds = 0.0
        self.received = self.repeated = self.failed = self.empty_receives = 0
        self._poll_seconds = poll_seconds(work)
        self._reports: list[Report] = []
        self._reports_of = -1.0
        self._free_at, self._begun = np.empty(0), np.empty(0)
        self._numbers, self._receives = np.empty(0, np.int64), np.empty(0, np.int64)
        self._taken, self._busy, self._open = np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_)

    def open(self, place: int, ready_at: float) -> None:
        """Let a place receive from a time on."""
        slots = self._slots(place)
        if slots.stop > len(self._free_at):
            self._grow(2 * slots.stop)
        self._free_at[slots] = self._begun[slots] = ready_at
        self._numbers[slots], self._open[slots] = NOBODY, True
        self._taken[slots], self._busy[slots] = 0, 0.0

    def _grow(self, size: int) -> None:
        for name in ("free_at", "begun", "numbers", "receives", "open", "taken", "busy"):
            before = getattr(self, f"_{name}")
            larger = np.zeros(size, before.dtype)
            larger[: len(before)] = before
            setattr(self, f"_{name}", larger)

    def _slots(self, place: int) -> slice:
        return slice(place * self._work.concurrency, (place + 1) * self._work.concurrency)

    def close(self, place: int) -> None:
        """Let a place receive nothing more."""
        self._open[self._slots(place)] = False
        self._count_polls(np.array([self.now - self._waits_since(place, self.now)]))

    @property
    def in_hand(self) -> int:
        """How many messages are in hand."""
        return int(np.count_nonzero(self._held(slice(None))))

    @property
    def done_at(self) -> float:
        """When the last of what is in hand will be done."""
        return float(self._free_at[self._held(slice(None))].max(initial=self.now))

    def report(self, place: int) -> Report:
        """Return what a place has in hand now, and what it has done."""
        if self._reports_of != self.now:
            self._reports_of, self._reports = self.now, self._reported()
        return self._reports[place]

    def _reported(self) -> list[Report]:
        """Report on all places at once: policies ask for many of them, or for none."""
        held = self._held(slice(None))
        unfinished = np.where(held, self._free_at - self._begun, 0.0)
        shape = (-1, self._work.concurrency)
        finished = (self._taken - held).reshape(shape).sum(axis=1).tolist()
        busy = (self._busy - unfinished).reshape(shape).sum(axis=1).tolist()
        reports = [Report({}, *done) for done in zip(finished, busy, strict=True)]
        for slot in np.flatnonzero(held).tolist():
            reports[slot // self._work.concurrency].in_hand[int(self._numbers[slot])] = float(self._begun[slot])
        return reports

    def _held(self, slots: slice) -> Flags:
        held: Flags = (self._numbers[slots] != NOBODY) & (self._free_at[slots] > self.now)
        return held

    def handle(self, until: float) -> None:
        """Let free slots receive what waits, in order, each message the slot that is free first, until a time."""
        messages, mean = self._messages, self._work.service.mean_seconds
        slots, free = self._free(until)
        often = (until - self.now) / mean if mean else messages.visible
        while free and messages.visible and free[0][0] <= until:
            group = messages.receive(int(len(free) * (1 + often)))
            taken = _in_turn(free, group.times.tolist(), self._service_seconds(group).tolist(), until)
            if len(taken) < len(group):
                messages.give_back(group.part(slice(len(taken), None)))
            if taken:
                self._begin(slots, group.part(slice(len(taken))), taken)
            messages.show_until(until)

    def _free(self, until: float) -> tuple[Integers, list[tuple[float, int]]]:
        """Return the slots that are free by a time, and as a heap from when on each is; those that wait, by chance."""
        slots = self._generator.permutation(np.flatnonzero(self._open & (self._free_at <= until)))
        free = list(zip(np.maximum(self._free_at[slots], self.now).tolist(), range(len(slots)), strict=True))
        heapify(free)
        return slots, free

    def _begin(self, free: Integers, group: Group, taken: Sequence[tuple[int, float, float]]) -> None:
        """Begin messages in slots, as `_in_turn` says."""
        places, freed, begun = (np.array(column) for column in zip(*taken, strict=True))
        slots = free[places]
        ends = self._record(group, begun)
        self._count_polls(self._waited(slots // self._work.concurrency, freed, begun))
        np.add.at(self._taken, slots, 1)
        np.add.at(self._busy, slots, ends - begun)
        # of a slot with several messages, the last one counts
        self._free_at[slots], self._begun[slots], self._numbers[slots] = ends, begun, group.numbers
        self._receives[slots] = group.receives + 1

    def _waited(self, places: Integers, freed: Floats, begun: Floats) -> Floats:
        """Return how long the place of each message had waited for it. A place makes one receive at a time."""
        shape = (-1, self._work.concurrency)
        room_since = np.where(freed <= self.now, self._free_at.reshape(shape).min(axis=1)[places], freed)
        last_begun = self._begun.reshape(shape).max(axis=1)[places]
        order = np.argsort(places, kind="stable")
        again = order[1:][np.diff(places[order]) == 0]
        last_begun[again] = begun[order[:-1][np.diff(places[order]) == 0]]
        waited: Floats = begun - np.maximum(room_since, last_begun)
        return waited

    def _service_seconds(self, group: Group) -> Floats:
        """Return how long each message takes."""
        return self._seconds[group.numbers % len(self._seconds)]

    def _record(self, group: Group, begun: Floats) -> Floats:
        """Record that messages begin, and how that ends; return when."""
        ends = begun + self._service_seconds(group)
        fails = self._fails(group, ends)
        self._messages.begin(group, begun, np.where(fails, np.nan, ends))
        self.received += len(group)
        self.repeated += int(np.count_nonzero(group.cut_off))
        if fails.any():
            self._fail(group.part(fails), ends[fails])
        return ends

    def _fails(self, group: Group, ends: Floats) -> Flags:
        """Return which attempts fail: by chance, of a poison message always, and what ends in an outage."""
        failures = self._work.failures
        fails = self._poison[group.numbers % len(self._poison)]
        if failures.share:
            fails |= self._generator.random(len(group)) < failures.share
        for start, end in failures.outages:
            fails |= (start <= ends) & (ends < end)
        return fails

    def _fail(self, group: Group, ends: Floats) -> None:
        failures = self._work.failures
        if not (failures.attempts or failures.retry_seconds or self._service_seconds(group).all()):
            raise EndlessError
        self.failed += len(group)
        shown = ends + failures.retry_seconds
        whole = np.zeros(len(group), np.bool_)
        self._messages.hide(Group(shown, group.numbers, group.receives + 1, whole), ends)

    def _count_polls(self, waited: Floats) -> None:
        """Count the receives that returned nothing while slots waited."""
        long = waited[waited >= self._poll_seconds[0]].tolist()
        self.empty_receives += sum(polls(each, *self._poll_seconds)[0] for each in long)

    def end_by(self, place: int, deadline: float) -> float:
        """Return when a closed place has handled what it has in hand, or that it is cut off at a deadline."""
        slots = self._slots(place)
        ends = self._free_at[slots][self._held(slots)]
        return min(float(ends.max(initial=self.now)), deadline)

    def polls_until(self, place: int) -> float:
        """Return when the poll of a place ends that is ready; now where it has no room for another message.

        A message may end it sooner: which of the polls that are open now gets which of the next ones is chance.
        """
        waits = self._free_at <= self.now
        own = int(np.count_nonzero(waits[self._slots(place)]))
        if not self._work.longest_poll_seconds or not own:
            return self.now
        others = int(np.count_nonzero(waits & self._open)) - own
        answered = self._messages.coming(int(self._generator.geometric(1 / (others + 1))))
        return min(self.now + polls(self.now - self._waits_since(place, self.now), *self._poll_seconds)[1], answered)

    def _waits_since(self, place: int, time: float) -> float:
        """Return since when a place has waited for a message: since its last one, or later if it had no room then."""
        slots = self._slots(place)
        return min(max(float(self._free_at[slots].min()), float(self._begun[slots].max())), time)

    def cut_off(self, place: int, time: float, hidden_seconds: float) -> None:
        """Take from a place what it will have in hand at a time: others see it again some seconds after that."""
        slots = self._slots(place)
        cut = np.arange(slots.start, slots.stop)[self._held(slots) & (self._free_at[slots] > time)]
        if not len(cut):
            return
        numbers = self._numbers[cut]
        self.wasted_seconds += float((time - self._begun[cut]).sum())
        self.failed -= self._messages.undo(numbers)
        shown, again = np.full(len(cut), time + hidden_seconds), np.ones(len(cut), np.bool_)
        self._messages.hide(Group(shown, numbers, self._receives[cut], again), np.full(len(cut), time))
        self._free_at[cut] = time

    def stop(self, time: float) -> None:
        """Let the run end: what is in hand then is not handled."""
        held = (self._numbers != NOBODY) & (self._free_at > time)
        self._messages.undo(self._numbers[held])
        places = np.unique(np.flatnonzero(self._open) // self._work.concurrency).tolist()
        self._count_polls(np.array([time - self._waits_since(place, time) for place in places]))


def _in_turn(
    free: list[tuple[float, int]], sent: Sequence[float], seconds: Sequence[float], until: float
) -> list[tuple[int, float, float]]:
    """Give messages to slots in turn, as far as one is free by a time; return slot, since when it was, and the begin.

    Source: the recursion of Kiefer and Wolfowitz (1955) for a queue with several servers.

    Args:
        free: From when on each slot is free, as a heap; it is kept up.
        sent: When each message may be received.
        seconds: How long each takes.
        until: The time.
    """
    taken = []
    for time, lasts in zip(sent, seconds, strict=True):
        freed, slot = free[0]
        if freed > until:
            break
        begun = freed if freed > time else time  # noqa: FURB136 -- faster than max
        heapreplace(free, (begun + lasts, slot))
        taken.append((slot, freed, begun))
    return taken
