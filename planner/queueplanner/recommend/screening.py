"""Which changes of a manifest are worth a run of the whole, as far as excerpts tell. Pure; `answer` calls it."""

import math
from collections.abc import Sequence
from functools import partial

from queueplanner.recommend.manifest import Manifest
from queueplanner.recommend.search import Choose, Search
from queueplanner.recommend.slo import Judged, Slo


def promising(screen: Search, search: Search, manifest: Manifest, several: Sequence[Manifest]) -> list[Manifest]:
    """Return those changes of a manifest that are worth a run of the whole, as far as excerpts tell.

    What excerpts say of them is corrected by how far they were wrong about the manifest.
    """
    screen.play([manifest, *several])
    whole, estimated = search.outcome(manifest), screen.outcome(manifest)
    if whole is None or estimated is None:
        return list(several)
    dearer = whole.cost / estimated.cost if estimated.cost else 1.0

    def may_win(changed: Manifest) -> bool:
        found = screen.outcome(changed)
        return found is not None and search.may_win(found.cost * dearer, partial(_corrected, whole, estimated, found))

    return [each for each in several if may_win(each)]


def different(search: Search, choose: Choose, manifest: Manifest, several: Sequence[Manifest]) -> Sequence[Manifest]:
    """Return what is chosen of times from the shortest to the longest; none: neither of these changes anything.

    What a pool would do after an hour, and never gets to, it does not get to after half an hour either.
    """
    chosen = choose(manifest, several)
    ends = [*chosen[:1], *chosen[-1:]]
    search.play(ends)
    return chosen if any(not search.are_alike(manifest, each) for each in ends) else []


def _corrected(whole: Judged, estimated: Judged, found: Judged, slo: Slo) -> float:
    """Return the wait that is expected where excerpts showed one; they say nothing where messages waited for ever."""
    known, was = slo.waited(whole), slo.waited(estimated)
    if not (0 < was < math.inf and known < math.inf):
        return slo.waited(found)
    return slo.waited(found) * known / was
