"""What follows from the sums that workers report, from one sample to the next. Pure. `sampler` calls it."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from queueworkerpool.model import WorkerState
from queueworkerpool.sizing import Evidence

_START = WorkerState(0, 0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Progress:
    """What the workers have done since the samples before.

    `finished`: the work on messages, of workers that finished some. `running`: for each of the other busy workers, the
    work on the messages in its hands. `counted`: each worker's report up to which its work is in `finished`, by the
    pod's uid: it moves on only when something finished, so that no second of a long message is lost.
    """

    finished: Evidence
    running: tuple[Evidence, ...]
    counted: Mapping[str, WorkerState]


def progress(counted: Mapping[str, WorkerState], states: Mapping[str, WorkerState], *, resumed: bool) -> Progress:
    """Compare reports with what was counted. `resumed`: work that was reported earlier may be counted already."""
    finished, running, moved = Evidence(), [], dict(counted)
    for uid, state in states.items():
        base = _base(counted.get(uid), state, resumed=resumed)
        busy_seconds, messages = state.busy_seconds - base.busy_seconds, state.finished - base.finished
        moved[uid] = state if messages else base
        if messages:
            finished += Evidence(busy_seconds, messages)
        elif state.busy and busy_seconds > 0:
            running.append(Evidence(busy_seconds, state.busy))
    return Progress(finished, tuple(running), moved)


def in_hand_of_gone(
    counted: Mapping[str, WorkerState],
    before: Mapping[str, WorkerState],
    states: Mapping[str, WorkerState],
    pods: Set[str],
) -> Iterator[Evidence]:
    """Yield the work on messages that workers had in hand when they were asked last, and that are gone or restarted.

    `pods`: the uids of those that exist. Without them long messages would hardly count where pods do not live long.
    """
    for uid, state in before.items():
        now, base = states.get(uid), counted.get(uid)
        stays = _continues(state, now) if now else uid in pods
        if stays or base is None or not state.busy or state.finished != base.finished:
            continue
        yield Evidence(state.busy_seconds - base.busy_seconds, state.busy)


def has_finished(before: Mapping[str, WorkerState], states: Mapping[str, WorkerState]) -> bool:
    """Return whether a worker that reported before has finished something since."""
    pairs = ((before[uid], state) for uid, state in states.items() if uid in before)
    return any(new.finished > (old.finished if _continues(old, new) else 0) for old, new in pairs)


def _base(counted: WorkerState | None, state: WorkerState, *, resumed: bool) -> WorkerState:
    """Return from where a worker's work counts."""
    if counted is not None and _continues(counted, state):
        return counted
    # A worker that has finished nothing is new; one that restarted began at zero again.
    if counted is not None or not resumed or not state.finished:
        return _START
    # What it has in hand belongs to messages that are still to finish.
    return state._replace(busy_seconds=max(0.0, state.busy_seconds - state.oldest_busy_seconds))


def _continues(old: WorkerState, new: WorkerState) -> bool:
    return old.finished <= new.finished and old.busy_seconds <= new.busy_seconds
