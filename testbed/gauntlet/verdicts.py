"""Judges a gauntlet by its records: what was lost, repeated, out of order or stranded, and what excuses it. Pure.

ElasticMQ takes the latest receipt handle of a message and no other, so nobody but who has it can show it to others.

The rules. A message is handled when its handler has said so and ended. Each of these must hold:

- Every message is handled, or is in its dead-letter queue when its handler rejects it; a command cannot reject.
- Handled again is excused only where the worker could not know better, or SQS had lost what it was told. In the order
  in which they are looked for:

  `worker_killed`: the worker got SIGKILL before the message was shown again. Its children may run on for a moment.
  `child_killed`: so did the process that handled it, at its end.
  `cut_off`: the handling ended within CUT_OFF_SECONDS of the moment at which the worker, its grace period over,
  stopped it and released the message.
  `delete_lost`: after the handling, and before the message was shown again, a delete of it by this worker was faulted.
  A rejected message counts its request to the dead-letter queue as well.
  `extension_lost`: the message was shown while the handler still ran, or within EDGE_SECONDS of its end, or before an
  extension that was never answered had its time-out, for which the delete waits. After the last
  request by which SQS hid it, every extension of it by this worker was faulted, and the worker has tried until its time
  was up: the last try is at most PAUSE_SECONDS old then, or HANGING_SECONDS when it was never answered, or it was
  refused as the worker's own mistake.
  `credentials`: in the time in which one of these two would have to lie, the worker was refused its credentials.

- Begun again while a worker that lives still handles it, and has not released it with its grace period over, is excused
  by `extension_lost` and `credentials` alone: every extension since SQS hid it was faulted. These are the overlaps,
  counted apart.
- In a group of a FIFO queue, no message is handled for the first time before the one before it was.
- A worker that ends in order leaves nothing in flight, but for messages about which a request of it was faulted, or
  when it was refused its credentials; and for those of a poll that a second signal has cut off.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from testbed.gauntlet.faults import EntryFault, Fault
from testbed.gauntlet.records import NEVER, Action, CutOff, Handling, Kind, Life, Records, Request, Sent

HANDLED = {"ok", "rejected"}
EDGE_SECONDS = 1.0
"""A delete that was sent this late before the message was shown may be too late by no fault of the worker."""

CUT_OFF_SECONDS = 1.0
PAUSE_SECONDS = 1.0
HANGING_SECONDS = 3.5
"""The worker waits for an answer for half of the visibility timeout."""

BEFORE_SECONDS = 0.1
"""How much earlier than its cause an event may have been written down."""

HANGING = {Fault.HANGING_BEFORE, Fault.HANGING_AFTER}
SETTLING = {Action.DELETE, Action.RELEASE, Action.SEND}


@dataclass(slots=True)
class Verdict:
    """What was found; the lists hold sentences about what no rule excuses.

    Args:
        unhandled: messages that were not handled.
        repetitions: messages handled again, by their excuse.
        unexcused: those without one.
        overlaps: messages begun again while a living worker handled them, by their excuse.
        unexcused_overlaps: those without one.
        out_of_order: messages of FIFO groups that were handled before an earlier one.
        stranded: messages that orderly exits left in flight because of faults.
        unexcused_stranded: those that they left without a fault.
    """

    unhandled: list[str] = field(default_factory=list)
    repetitions: Counter[str] = field(default_factory=Counter)
    unexcused: list[str] = field(default_factory=list)
    overlaps: Counter[str] = field(default_factory=Counter)
    unexcused_overlaps: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    stranded: int = 0
    unexcused_stranded: list[str] = field(default_factory=list)


def judge(records: Records) -> Verdict:
    """Judge all that happened."""
    verdict, history = Verdict(), _History(records)
    verdict.unhandled = list(_unhandled(records, history))
    verdict.out_of_order = list(_out_of_order(records, history))
    for message in history.handlings:
        _judge_repetitions(verdict, history, message)
        _judge_overlaps(verdict, history, message)
    for life in records.lives:
        _judge_exit(verdict, history, life)
    return verdict


class _History:
    """The records, by what they are looked up by, in order of time."""

    def __init__(self, records: Records) -> None:
        self.lives = {life.worker: life for life in records.lives}
        self.handlings: dict[str, list[Handling]] = defaultdict(list)
        for handling in sorted(records.handlings, key=lambda each: each.begun):
            self.handlings[handling.message].append(handling)
        self.requests: dict[str, list[Request]] = defaultdict(list)
        self.of_worker: dict[str, set[str]] = defaultdict(set)
        self.credentials: dict[str, list[Request]] = defaultdict(list)
        for request in sorted(records.requests, key=lambda each: each.done):
            if request.action is Action.CREDENTIALS:
                self.credentials[request.worker].append(request)
            else:
                self.requests[request.message].append(request)
                self.of_worker[request.worker].add(request.message)
        self.child_kills = {(kill.worker, kill.pid): kill.time for kill in records.child_kills}
        self.cut_offs: dict[tuple[str, str], CutOff] = {(each.worker, each.message): each for each in records.cut_offs}

    def handled(self, message: str) -> list[Handling]:
        """Return the runs that handled a message, in order of their beginning."""
        return [each for each in self.handlings.get(message, ()) if each.outcome in HANDLED]

    def delivery(self, handling: Handling) -> Request | None:
        """Return the delivery that a handling belongs to: the worker's last one before it began."""
        found = [each for each in self.deliveries(handling.message) if each.worker == handling.worker]
        times = [each.time for each in found]
        return found[at - 1] if (at := bisect_right(times, handling.begun)) else None

    def deliveries(self, message: str) -> list[Request]:
        """Return what SQS has shown of a message, to whomever; also where the answer was lost."""
        return [each for each in self.requests.get(message, ()) if each.action is Action.RECEIVE and each.applied]

    def shown_again(self, first: Handling, later: float) -> float:
        """Return when SQS showed the message to somebody else after the delivery of a handling; at most `later`."""
        begun = delivery.done if (delivery := self.delivery(first)) else first.begun
        others = [
            each.done
            for each in self.deliveries(first.message)
            # What the same worker receives again while it has the message goes on with the handling under way.
            if each.done > begun and (each.worker != first.worker or each.done > first.ended)
        ]
        return min([*others, later])

    def hidden_last(self, first: Handling, shown: float) -> Request:
        """Return the last request of the worker by which SQS hid the message before it was shown."""
        found = [
            each
            for each in self.requests.get(first.message, ())
            if each.worker == first.worker
            and each.applied
            and each.action in {Action.RECEIVE, Action.EXTEND}
            and each.done < shown
        ]
        return max(found, key=lambda each: each.time)

    def extensions_lost(self, first: Handling, shown: float) -> bool:
        """Return whether every extension since then was faulted, and the worker has tried until the time was up."""
        hidden = self.hidden_last(first, shown)
        tries = [
            each
            for each in self.requests[first.message]
            if each.fault
            and each.worker == first.worker
            and each.action is Action.EXTEND
            and hidden.time <= each.time <= shown
        ]
        due = min(hidden.done + hidden.seconds, first.ended, shown)
        return bool(tries) and due - tries[-1].done <= _patience(tries[-1].fault)

    def faulted(self, worker: str, message: str, actions: set[Action], begin: float, end: float) -> bool:
        """Return whether such a request of a worker was faulted in this time."""
        return any(
            each.fault and each.worker == worker and each.action in actions and each.done >= begin and each.time <= end
            for each in self.requests.get(message, ())
        )

    def waits_for_extension(self, first: Handling, shown: float) -> bool:
        """Return whether the worker still waited for the answer to an extension when the message was shown."""
        return any(
            each.fault in HANGING and each.action is Action.EXTEND and each.time <= shown <= each.time + HANGING_SECONDS
            for each in self.requests[first.message]
            if each.worker == first.worker
        )

    def refused(self, worker: str, begin: float, end: float) -> bool:
        """Return whether a worker was refused its credentials in this time."""
        return any(each.fault and each.done >= begin and each.time <= end for each in self.credentials.get(worker, ()))


def _patience(fault: str) -> float:
    """Return for how long a worker may let it be after a try that met this fault."""
    if fault == EntryFault.SENDER:
        return NEVER
    return HANGING_SECONDS if fault in HANGING else PAUSE_SECONDS


def _unhandled(records: Records, history: _History) -> Iterator[str]:
    dead = set(records.dead_letters)
    for sent in records.sent:
        outcomes = {each.outcome for each in history.handlings.get(sent.message, ())}
        rejected = sent.rejects and (sent.group, sent.number) in dead
        if not rejected and "ok" not in outcomes:
            yield f"{_named(sent)} was not handled: {outcomes or 'never begun'}"


def _named(sent: Sent) -> str:
    return f"{sent.kind} {sent.group} {sent.number} ({sent.message})"


def _out_of_order(records: Records, history: _History) -> Iterator[str]:
    groups: dict[str, list[tuple[int, Handling]]] = defaultdict(list)
    for sent in records.sent:
        if sent.kind is Kind.FIFO and (handled := history.handled(sent.message)):
            first = min(handled, key=lambda each: each.ended)
            groups[sent.group].append((sent.number, first))
    for group, members in groups.items():
        for (number, earlier), (following, later) in pairwise(sorted(members, key=lambda each: each[0])):
            if later.begun < earlier.ended:
                yield f"{group} {following} began {earlier.ended - later.begun:.2f} s before {number} was handled"


def _judge_repetitions(verdict: Verdict, history: _History, message: str) -> None:
    for first, second in pairwise(history.handled(message)):
        if excuse := _excuse(history, first, second):
            verdict.repetitions[excuse] += 1
        else:
            verdict.unexcused.append(_told(history, first, second))


def _excuse(history: _History, first: Handling, second: Handling) -> str:
    delivery = history.delivery(second)
    shown = history.shown_again(first, delivery.done if delivery else second.begun)
    return _excuse_of_the_worker(history, first, shown) or _excuse_of_sqs(history, first, shown)


def _excuse_of_the_worker(history: _History, first: Handling, shown: float) -> str:
    """Return what happened to the worker, or to its process, at the end of a handling."""
    life = history.lives.get(first.worker, Life(worker=first.worker))
    cut_off = history.cut_offs.get((first.worker, first.message))
    if life.killed <= shown:
        return "worker_killed"
    if abs(history.child_kills.get((first.worker, first.pid), NEVER) - first.ended) <= EDGE_SECONDS:
        return "child_killed"
    return "cut_off" if cut_off and abs(cut_off.time - first.ended) <= CUT_OFF_SECONDS else ""


def _excuse_of_sqs(history: _History, first: Handling, shown: float) -> str:
    """Return what was done to the requests of the worker, or to others about the same message."""
    worker, message = first.worker, first.message
    at_edge = shown <= first.ended + EDGE_SECONDS or history.waits_for_extension(first, shown)
    if history.faulted(worker, message, {Action.DELETE, Action.SEND}, first.ended - BEFORE_SECONDS, shown):
        return "delete_lost"
    if at_edge and history.extensions_lost(first, shown):
        return "extension_lost"
    since = history.hidden_last(first, shown).time if at_edge else first.ended
    return "credentials" if history.refused(worker, since, shown) else ""


def _judge_overlaps(verdict: Verdict, history: _History, message: str) -> None:
    for first, second in pairwise(history.handlings[message]):
        life = history.lives.get(first.worker, Life(worker=first.worker))
        if second.begun >= min(first.ended, life.ended, life.killed, _child_end(history, first)):
            continue
        delivery = history.delivery(second)
        shown = history.shown_again(first, delivery.done if delivery else second.begun)
        if excuse := _overlap_excuse(history, first, shown):
            verdict.overlaps[excuse] += 1
        else:
            verdict.unexcused_overlaps.append(_told(history, first, second))


def _child_end(history: _History, handling: Handling) -> float:
    """Return when the process of a handling was killed, or its message was released with the grace period over."""
    cut_off = history.cut_offs.get((handling.worker, handling.message))
    released = cut_off.time - CUT_OFF_SECONDS if cut_off else NEVER
    return min(history.child_kills.get((handling.worker, handling.pid), NEVER), released)


def _overlap_excuse(history: _History, first: Handling, shown: float) -> str:
    if history.extensions_lost(first, shown):
        return "extension_lost"
    return "credentials" if history.refused(first.worker, history.hidden_last(first, shown).time, shown) else ""


def _judge_exit(verdict: Verdict, history: _History, life: Life) -> None:
    if not life.orderly:
        return
    for message in history.of_worker.get(life.worker, ()):
        if not (delivery := _in_flight(history.requests[message], life)):
            continue
        if (
            delivery.done >= life.hurried
            or history.faulted(life.worker, message, SETTLING, delivery.time, life.ended)
            or history.refused(life.worker, delivery.time, life.ended)
        ):
            verdict.stranded += 1
        else:
            verdict.unexcused_stranded.append(f"{life.worker} has left {message} in flight at its end")


def _in_flight(requests: Sequence[Request], life: Life) -> Request | None:
    """Return the delivery of a message that is in flight because of a worker, at its end; None when it is not."""
    last: Request | None = None
    expires = 0.0
    for each in requests:
        if not each.applied or each.action is Action.SEND or each.done > life.ended:
            continue
        if each.action is Action.RECEIVE:
            last, expires = each, each.done + each.seconds
        elif each.action is Action.EXTEND:
            expires = each.done + each.seconds
        else:
            last = None
    # Nobody was told of one whose answer was lost.
    ours = last is not None and last.worker == life.worker and not last.fault
    return last if ours and expires > life.ended else None


def _told(history: _History, first: Handling, second: Handling) -> str:
    around = [
        f"{each.time:.2f}-{each.done:.2f} {each.worker} {each.action}{' ' + each.fault if each.fault else ''}"
        f"{'' if each.applied else ' not done'} {each.seconds:g} {each.receipt[-6:]}"
        for each in history.requests.get(first.message, ())
    ]
    runs = [f"{each.worker} {each.begun:.2f}-{each.ended:.2f} {each.outcome}" for each in (first, second)]
    return f"{first.message}: {runs}; requests: {around}"
