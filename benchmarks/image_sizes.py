"""How large both images are: the files that a node unpacks, and what of them is not the base's.

The base is devcluster's own, stripped as python:slim is. Needs root, buildah and debootstrap.
"""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster.images import Build, Images

ROOT = Path(__file__).parent.parent
MOST_MB = {"operator": 250, "worker": 180}
MB = 1_000_000
NOTE = {"note": "all figures are of this run"}


def measure() -> Result:
    """Build both images, and add up their files."""
    images = Images()
    base = images.base()
    sizes = {"base": _megabytes(images, base)}
    for target in MOST_MB:
        name = f"queueworkerpool-{target}:bench"
        images.build(Build(name, ROOT, target, arguments={"BASE": base}))
        sizes[target] = _megabytes(images, name)
    return Result("image_sizes", "unpacked, on a Debian base stripped as python:slim is", _figures(sizes), NOTE)


def _megabytes(images: Images, name: str) -> float:
    with images.mounted(name) as root:
        files = {(stat.st_dev, stat.st_ino): stat.st_size for path in root.rglob("*") if (stat := path.lstat())}
    return round(sum(files.values()) / MB, 1)  # a file with several names counts once


def _figures(sizes: Mapping[str, float]) -> list[Figure]:
    whole = [Figure(f"MB ({target})", sizes[target], most) for target, most in MOST_MB.items()]
    own = [Figure(f"MB beside the base ({target})", round(sizes[target] - sizes["base"], 1)) for target in MOST_MB]
    return [*whole, *own, Figure("MB (base)", sizes["base"])]


BENCH = Bench(name="image_sizes", measure=measure, by_default=False)
"""Not by default: it needs root, and buildah and debootstrap of the system."""
