"""Reads the CPU time and memory of processes from /proc. Linux only."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far: CPU seconds since its start, memory now and at most, in bytes."""

    cpu_seconds: float
    resident: int
    peak_resident: int


def usage(pid: int) -> Usage:
    """Read the usage of a process, its threads included."""
    # The command's name, in parentheses, may hold anything; utime and stime are the 14th and 15th field of all.
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    return Usage(
        cpu_seconds=(int(after_name[11]) + int(after_name[12])) / _TICKS,
        resident=_kib(status, "VmRSS") * _KIB,
        peak_resident=_kib(status, "VmHWM") * _KIB,
    )


def _kib(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, f"/proc/PID/status has no {name}"
    return int(found[1])


def session_cpu_seconds(leader: int) -> float:
    """Return the CPU seconds of all living processes of a session, such as that of a program that leads one."""
    return sum(ticks for session, ticks in _sessions() if session == leader) / _TICKS


def _sessions() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(ProcessLookupError, FileNotFoundError):  # it has ended in the meantime
            fields = stat.read_text().rpartition(")")[2].split()
            yield int(fields[3]), int(fields[11]) + int(fields[12])
