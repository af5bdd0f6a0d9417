"""What is written of pools is what prometheus_client would write, byte by byte, with a small part of its memory."""

import itertools
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from boundedhttp.rendering import OPEN_METRICS
from queueworkerpool.errors import QueueNotFoundError
from queueworkerpool.model import Mode, NamespacedName, Observation, QueueRef
from queueworkerpool.report.metrics import Metrics
from queueworkerpool.report.pool_record import PoolRecord, Seen
from queueworkerpool.report.sample_lines import POOLS_AT_ONCE, Family, escaped
from queueworkerpool.report.status import next_status
from queueworkerpool.sizing import Latency, WorkerEstimates
from testbed.sample_objects import WithSampleObjects
from tests.unit.operator.builders import NOW, SPEC, ago, pool, reading
from tests.unit.operator.fakes import observe, target

FORMATS: dict[str, tuple[str, Callable[[str], Iterable[Metric]]]] = {
    "text": ("", parse_text),
    "OpenMetrics": (OPEN_METRICS, parse_openmetrics),
}
EU = "https://sqs.eu-west-1.amazonaws.com/123456789012"
US = "https://sqs.us-east-1.amazonaws.com/123456789012"


class Scraped:
    """Metrics of an operator, and what prometheus_client makes of the same records."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, "1.2.3", lambda: NOW)

    def add(self, name: str, observation: Observation, namespace: str = "shop") -> None:
        key = NamespacedName(namespace, name)
        named = replace(observation, pool=replace(observation.pool, key=key))
        self.metrics.observe(named)
        self.metrics.published(key, next_status(named, NOW).conditions)

    def text(self, accept: str = "") -> bytes:
        return b"".join(self.metrics.render(accept)[0])

    def expected(self, accept: str = "") -> bytes:
        encoder, _ = choose_encoder(accept)
        return encoder(WithSampleObjects(self.registry, self.metrics.pools, NOW))


def of_queues(*urls: str) -> Observation:
    spec = replace(SPEC, queues=tuple(map(QueueRef, urls)))
    return observe(pool=pool(spec=spec), counts=tuple(reading(each, time=ago(each)) for each in range(len(urls))))


def with_learned(workers: WorkerEstimates) -> Observation:
    observation = observe()
    assert observation.decision
    memory = replace(observation.decision.memory, workers=workers)
    return replace(observation, decision=replace(observation.decision, memory=memory))


OBSERVATIONS: dict[str, Observation] = {
    "a calm pool": observe(),
    "one with a decision on millions of messages": observe({"reading": reading(12_345_678, 10**6, 999_999, ago(0.1))}),
    "one without a target": observe(target=None, counts=(), decision=None),
    "one that is paused": observe({"mode": Mode.PAUSED, "paused_until": NOW, "active_min_replicas": 4}, counts=()),
    "one with a latency": observe({"target": Latency(60)}),
    "one whose queue cannot be read": observe({"reading": None}, counts=(QueueNotFoundError("why"),)),
    "one whose workers are measured": with_learned(WorkerEstimates(1e-7, concurrency=4, startup_seconds=1.5e9)),
    "several queues": of_queues(f"{EU}/orders", f"{EU}/invoices", f"{EU}/returns"),
    "queues of one name": of_queues(f"{EU}/orders", f"{US}/orders", f"{EU}/invoices"),
    "a queue with an odd name": of_queues(f'{EU}/a"b\\c\nd%se{{f}}é'),
}
ODD_NAMES = [
    'quo"te',
    "back\\slash",
    "new\nline",
    "%s %(x)d",
    "{braces}",
    "é 👋",
    "",
    "\\n",
    'ends with a \\"',
    "a\rb\x00c",
]


@pytest.mark.parametrize("accept", [accept for accept, _ in FORMATS.values()], ids=FORMATS)
@pytest.mark.parametrize("observation", OBSERVATIONS.values(), ids=OBSERVATIONS)
def test_it_is_what_prometheus_client_writes_of(observation: Observation, accept: str) -> None:
    scraped = Scraped()
    scraped.add("thumbnails", observation)
    scraped.metrics.observe_invalid(NamespacedName("shop", "unreadable"), target())
    scraped.metrics.rescaled(NamespacedName("shop", "thumbnails"), 1, 5)
    assert scraped.text(accept) == scraped.expected(accept)


@pytest.mark.parametrize("accept", [accept for accept, _ in FORMATS.values()], ids=FORMATS)
def test_it_is_what_prometheus_client_writes_of_none_and_of_many(accept: str) -> None:
    scraped = Scraped()
    assert scraped.text(accept) == scraped.expected(accept)
    for number in range(2 * POOLS_AT_ONCE + 1):
        scraped.add(f"pool-{number}", observe())
    assert scraped.text(accept) == scraped.expected(accept)


@pytest.mark.parametrize(("accept", "parse"), FORMATS.values(), ids=FORMATS)
def test_odd_names_are_read_as_they_are(accept: str, parse: Callable[[str], Iterable[Metric]]) -> None:
    scraped = Scraped()
    for number, name in enumerate(ODD_NAMES):
        scraped.add(name, of_queues(f"{EU}/{name}"), namespace=f"{number} {name}")
    assert scraped.text(accept) == scraped.expected(accept)
    families = {family.name: family for family in parse(scraped.text(accept).decode())}
    shown = {
        tuple(sample.labels[label] for label in ("namespace", "pool", "queue"))
        for sample in families["queueworkerpool_queue_messages"].samples
    }
    assert shown == {(f"{number} {name}", name, name) for number, name in enumerate(ODD_NAMES)}


@dataclass(frozen=True)
class AnyPool:
    """A pool with any samples."""

    namespace: str
    pool: str
    samples: list[tuple[tuple[str, ...], float]]


LABEL_SETS = [(), ("queue", "state"), ("outcome",), ("a", "o", "z"), ("z", "a")]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(ODD_NAMES)
NUMBERS = st.integers(-(10**18), 10**18) | st.floats() | st.booleans()


@st.composite
def families(draw: st.DrawFn) -> tuple[Family[AnyPool], list[AnyPool]]:
    kind = draw(st.sampled_from([GaugeMetricFamily, CounterMetricFamily]))
    labels = draw(st.sampled_from(LABEL_SETS))
    samples = st.lists(st.tuples(st.tuples(*[TEXTS for _ in labels]), NUMBERS), max_size=4)
    pools = draw(st.lists(st.builds(AnyPool, TEXTS, TEXTS, samples), max_size=4))
    return Family(kind, "queueworkerpool_any", draw(TEXTS), labels, lambda pool: pool.samples), pools


@pytest.mark.parametrize("accept", [accept for accept, _ in FORMATS.values()], ids=FORMATS)
@given(families())
def test_whatever_the_samples_are(accept: str, made: tuple[Family[AnyPool], list[AnyPool]]) -> None:
    family, pools = made

    class Collected:
        def __init__(self, shown: list[AnyPool]) -> None:
            self.shown = shown

        def collect(self) -> Iterator[Metric]:
            metric = family.head()
            for each in self.shown:
                for values, value in each.samples:
                    metric.add_metric([each.namespace, each.pool, *values], value)
            yield metric

    encoder, _ = choose_encoder(accept)
    head, expected = (encoder(Collected(shown)).removesuffix(b"# EOF\n") for shown in ([], pools))
    shown = [replace(each, namespace=escaped(each.namespace), pool=escaped(each.pool)) for each in pools]
    assert head + b"".join(family.lines(shown)) == expected


def test_a_scrape_needs_a_small_part_of_the_memory_of_its_text() -> None:
    scraped, size = Scraped(), 0
    for number in range(20 * POOLS_AT_ONCE):
        scraped.add(f"pool-{number}", observe())
    scraped.text()  # what is kept between scrapes, is there now
    tracemalloc.start()
    try:
        for piece in scraped.metrics.render("")[0]:
            size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 5


Change = Callable[[Metrics, NamespacedName], None]
CHANGES: dict[str, Change] = {
    "deleted": lambda metrics, key: metrics.forget(key),
    "left without a target": lambda metrics, key: metrics.observe(
        observe(pool=pool(key=key), target=None, counts=(), decision=None)
    ),
    "edited to what cannot be read": lambda metrics, key: metrics.observe_invalid(key, None),
    "edited to another queue": lambda metrics, key: metrics.observe(
        replace(of_queues(f"{US}/other"), pool=replace(of_queues(f"{US}/other").pool, key=key))
    ),
    "joined by others": lambda metrics, key: metrics.observe_invalid(NamespacedName("new", key.name), target()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_scrape_goes_on_and_shows_lines_of_before_or_after_when_its_pools_are(change: Change) -> None:
    scraped = Scraped()
    keys = [NamespacedName("shop", f"pool-{number}") for number in range(2 * POOLS_AT_ONCE)]
    for key in keys:
        scraped.add(key.name, observe())
    before, shown = scraped.text(), []
    for piece in scraped.metrics.render("")[0]:
        shown.append(piece)
        if piece.startswith(b"queueworkerpool_desired_replicas{"):
            for key in keys[::2]:
                change(scraped.metrics, key)
    after = scraped.text()
    assert after != before
    assert after == scraped.expected()
    assert set(b"".join(shown).splitlines()) <= {*before.splitlines(), *after.splitlines()}


def test_a_tick_may_come_between_any_two_steps_of_a_scrape() -> None:
    scraped = Scraped()
    scraped.add("thumbnails", observe())
    [record] = scraped.metrics.pools.records.values()
    turns = itertools.cycle([record.seen, Seen()])

    class Restless(PoolRecord):
        """Has seen something else each time that somebody looks."""

        @property
        def seen(self) -> Seen:  # type: ignore[override] # what is a field there
            return next(turns)

    restless = object.__new__(Restless)
    restless.conditions, restless.decisions = record.conditions, record.decisions
    restless.writes, restless.reads = record.writes, record.reads
    scraped.metrics.pools.records[NamespacedName("shop", "thumbnails")] = restless
    expected = set(scraped.expected().splitlines()) | set(scraped.expected().splitlines())
    for _ in range(2):  # beginning with either
        assert set(scraped.text().splitlines()) <= expected
        next(turns)
