"""/metrics is rendered once for all scrapers."""

import gzip
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from boundedhttp.rendering import OPEN_METRICS, RenderCache
from boundedhttp.server import Reply

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@dataclass
class Rendered:
    """A renderer that counts, on clocks of the test: each rendering takes `takes` seconds, and `costs` of CPU time."""

    now: float = 100.0
    leads: bool = False
    cpu: float = 0.0
    takes: float = 0.0
    costs: float = 1.0
    asked: list[str] = field(default_factory=list)

    def render(self, accept: str) -> tuple[list[bytes], str]:
        self.asked.append(accept)
        self.now += self.takes
        self.cpu += self.costs
        return [f"rendering {len(self.asked)}\n".encode()] * 100, f"for {accept}"

    def cache(self) -> RenderCache:
        return RenderCache(self.render, lambda: self.leads, lambda: self.now, lambda: self.cpu)


def text(reply: Reply) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)


@pytest.fixture
def rendered() -> Rendered:
    return Rendered()


def test_a_rendering_serves_all_who_come_soon_and_tells_its_age(rendered: Rendered) -> None:
    cache = rendered.cache()
    first = cache.reply("", "")
    rendered.now += 1.5
    second = cache.reply("text/plain", "")
    assert (text(second), second.headers["Age"]) == (text(first), "1")
    rendered.now += 0.6
    third = cache.reply("", "")
    assert (len(rendered.asked), third.headers["Age"]) == (2, "0")
    assert text(third) != text(first)


def test_a_cheap_rendering_is_soon_made_anew(rendered: Rendered) -> None:
    rendered.costs = 0.003
    cache = rendered.cache()
    cache.get("")
    rendered.now += 0.02
    cache.get("")
    rendered.now += 0.02
    cache.get("")
    assert len(rendered.asked) == 2


def test_forty_scrapers_at_once_cost_one_rendering() -> None:
    go_on, asked = threading.Event(), []

    def render(accept: str) -> tuple[list[bytes], str]:
        asked.append(accept)
        go_on.wait(60)
        return [b"m"], "text/plain"

    cache = RenderCache(render, clock=lambda: 0.0)
    with ThreadPoolExecutor(40) as scrapers:
        bodies = [scrapers.submit(cache.get, "") for _ in range(40)]
        go_on.set()
        assert {id(body.result()) for body in bodies} == {id(bodies[0].result())}
    assert len(asked) == 1


def test_a_slow_rendering_serves_those_who_waited_for_it(rendered: Rendered) -> None:
    rendered.takes = 30.0
    cache = rendered.cache()
    slow = cache.get("")
    rendered.now -= 29.0  # one who came a second after it had begun
    assert cache.get("") is slow


def test_what_a_rendering_must_not_outlive_ends_it(rendered: Rendered) -> None:
    cache = rendered.cache()
    cache.get("")
    rendered.leads = True
    cache.get("")
    cache.get("")
    assert len(rendered.asked) == 2


ACCEPTED: dict[str, tuple[str, bool]] = {
    "nothing said": ("", False),
    "a browser": ("text/html,*/*;q=0.8", False),
    "Prometheus": (PROMETHEUS, True),
    "no version": ("application/openmetrics-text", True),
    "a version before the first": ("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5", False),
    "plain text of version 1": ("text/plain;version=1.0.0;escaping=allow-utf-8", False),
    "no version at all": ("text/plain;version=what?", False),
}


@pytest.mark.parametrize(("accept", "open_metrics"), ACCEPTED.values(), ids=ACCEPTED)
def test_two_formats_are_enough(rendered: Rendered, accept: str, *, open_metrics: bool) -> None:
    """Whoever could choose among more could have the metrics rendered as often as they like."""
    rendered.cache().get(accept)
    assert rendered.asked == [OPEN_METRICS if open_metrics else ""]


ENCODINGS = {
    "": False,
    "gzip": True,
    "deflate, gzip;q=1.0, *;q=0.5": True,
    "gzip;q=0": False,
    "gzip; q=0.0, identity": False,
    "gzip;q=0.5": True,
    "identity": False,
    "br": False,
}


@pytest.mark.parametrize(("accepted", "zipped"), ENCODINGS.items())
def test_gzip_is_for_those_who_accept_it(rendered: Rendered, accepted: str, *, zipped: bool) -> None:
    cache = rendered.cache()
    plain, reply = cache.reply("", "identity"), cache.reply("", accepted)
    assert reply.headers.get("Content-Encoding") == ("gzip" if zipped else None)
    assert (gzip.decompress(text(reply)) if zipped else text(reply)) == text(plain)
    assert len(plain.body) == len(text(plain))
    assert reply.headers["Vary"] == "Accept, Accept-Encoding"


def test_a_long_text_is_kept_zipped_and_unzipped_piece_by_piece() -> None:
    line = b'metric{pool="a"} 1.0\n'
    found = RenderCache(lambda _: (itertools.repeat(line, 500_000), "text/plain")).get("")
    assert len(found) == 500_000 * len(line)
    assert len(found.zipped) < len(found) / 100
    assert max(map(len, found)) < len(found) / 5
    assert b"".join(found) == line * 500_000


PIECES: dict[str, tuple[list[tuple[float, float]], list[float]]] = {
    "a short one": ([(0.0002, 0.0002), (0.0003, 0.0003)], []),
    "long pieces": ([(0.002, 0.002), (0.0015, 0.0015)], [0.004, 0.003]),
    "short pieces that add up": ([(0.0006, 0.0006)] * 3, [0.0024]),
    "pieces that have waited for other threads": ([(0.002, 0.006), (0.002, 0.005)], []),
}


@pytest.mark.parametrize(("pieces", "pauses"), PIECES.values(), ids=PIECES)
def test_two_thirds_of_the_time_are_left_to_others_by(pieces: list[tuple[float, float]], pauses: list[float]) -> None:
    """Each piece costs CPU time, and takes time."""
    cpu, now, slept = [0.0], [100.0], list[float]()

    def made() -> Iterator[bytes]:
        for cost, passes in pieces:
            cpu[0] += cost
            now[0] += passes
            yield b"m"

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    cache = RenderCache(lambda _: (made(), "text/plain"), clock=lambda: now[0], cpu_clock=lambda: cpu[0], sleep=sleep)
    assert len(cache.get("")) == len(pieces)
    assert slept == pytest.approx(pauses)
