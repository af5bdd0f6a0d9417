"""Facts of every kind, drawn by hypothesis."""

from hypothesis import strategies as st

from queueworkerpool.model import (
    MOST_SPELLS,
    Bounds,
    Change,
    CompetingWriter,
    Facts,
    Fallback,
    InFlight,
    Memory,
    Mode,
    Pod,
    Policy,
    RecommendedSince,
    Removal,
    Sample,
    ScaleDownStabilization,
    ScaleUpStabilization,
    ScalingRules,
    Select,
    Worker,
    WorkerState,
)
from queueworkerpool.model.memory import MOST_LOWER
from queueworkerpool.sizing import AtReading, Latency, MessagesPerPod, WorkerEstimates
from tests.unit.operator.builders import ago, facts, reading

counts = st.integers(0, 10**7)

sizes = st.integers(0, 200)

times = st.integers(-4000, 4000).map(ago)

seconds = st.floats(0.001, 10**4)

workers = st.builds(
    WorkerEstimates,
    st.none() | seconds,
    st.none() | st.floats(1, 1000),
    st.none() | seconds,
    st.none() | seconds,
    st.integers(-2, 2),
    st.none() | seconds,
)

at_readings = st.builds(AtReading, sizes, st.integers(1, 3600))

readings = st.none() | st.builds(reading, counts, counts, counts, times)

policies = st.lists(st.builds(Policy, st.booleans(), st.integers(1, 100), st.integers(1, 1800)), max_size=3).map(tuple)

rules = st.builds(
    ScalingRules, st.none() | st.integers(0, 600), st.sampled_from(Select), policies, st.sampled_from((0.0, 0.1, 0.5))
)

changes = st.tuples(times, st.integers(-50, 50), st.none() | times).map(
    # The first of the writes that a change stands for is not later than the last.
    lambda drawn: Change(max(drawn[0], drawn[2] or drawn[0]), drawn[1], drawn[2] and min(drawn[0], drawn[2]))
)

lower_steps = st.lists(st.builds(RecommendedSince, times, sizes), max_size=MOST_LOWER).map(tuple)

memories = st.builds(
    Memory,
    scale_down_stabilization=st.none()
    | st.builds(ScaleDownStabilization, times, sizes, st.none() | times, lower_steps),
    scale_up_stabilization=st.none() | st.builds(ScaleUpStabilization, times, sizes),
    changes=st.lists(changes, max_size=4).map(tuple),
    empty_since=st.none() | times,
    activation_pending_since=st.none() | times,
    unreadable_since=st.none() | times,
    waiting_since=st.none() | times,
    held_since=st.none() | times,
    competing_writer=st.none() | st.builds(CompetingWriter, st.just("kubectl"), st.integers(1, 5), times),
    workers=workers,
    quiet_spells=st.lists(seconds, max_size=MOST_SPELLS).map(tuple),
)

samples = st.none() | st.builds(
    Sample, times, seconds, st.integers(0, 1000), st.none() | st.floats(1, 1000), st.none() | seconds, st.none() | times
)

targets = st.builds(MessagesPerPod, st.integers(1, 1000)) | st.builds(
    Latency, st.integers(1, 10**4), st.none() | seconds, st.none() | seconds
)

pod_states = st.none() | st.builds(WorkerState, st.integers(0, 4), st.just(4), st.just(0), st.just(0.0), seconds)

pod_lists = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans(), pod_states), max_size=12
).map(
    lambda rows: tuple(
        Worker(
            Pod(f"pod-{n}", f"uid-{n}", ready=ready, assigned=assigned, pending=pending, marked=marked, ordinal=n),
            state,
        )
        for n, (ready, assigned, pending, marked, state) in enumerate(rows)
    )
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    low = draw(st.integers(0, 100))
    return facts(
        target=draw(targets),
        in_flight=draw(st.sampled_from(InFlight)),
        count_delayed=draw(st.booleans()),
        active_min_replicas=draw(st.none() | st.integers(1, 200)),
        activation_messages=draw(st.integers(0, 100)),
        scale_to_zero_after_seconds=draw(st.none() | st.integers(0, 600)),
        scale_up=draw(rules),
        scale_down=draw(rules),
        fallback=draw(st.none() | st.builds(Fallback, st.integers(1, 600), sizes, st.booleans())),
        mode=draw(st.sampled_from(Mode)),
        bounds=Bounds(low, draw(st.integers(max(low, 1), 200)), draw(st.sampled_from(((), ("night",))))),
        replicas=draw(sizes),
        readings=draw(st.lists(readings, min_size=1, max_size=3).map(tuple)),
        memory=draw(memories),
        ready=draw(sizes),
        rolling_out=draw(st.booleans()),
        sample=draw(samples),
        writer=draw(st.none() | st.tuples(st.just("kubectl"), times)),
        pods=draw(st.none() | pod_lists),
        removal=draw(st.sampled_from(Removal)),
        first_ordinal=draw(st.integers(0, 3)),
    )


positive_counts = st.integers(1, 10**7)

steps = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 2000)), min_size=2, max_size=40)
