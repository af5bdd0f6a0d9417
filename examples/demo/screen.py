"""The demo's output: a table that grows while the demo runs, a summary, and a picture."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from examples.demo.scenario import Report, Sample

ROW_INTERVAL_SECONDS = 5.0
_WIDTHS = (8, 8, 10, 9, 6)
_HEADS = ("seconds", "visible", "in flight", "replicas", "ready")


class Screen:
    """Prints plain lines, so that a log reads like a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._last: Sample | None = None

    def say(self, text: str) -> None:
        """Show what happens now."""
        self._console.print(f"[bold]==>[/bold] {text}")

    def sample(self, sample: Sample) -> None:
        """Add a row when the size or its reason changed, or a while has passed."""
        if self._last is None:
            self._console.print(
                "".join(head.rjust(width) for head, width in zip(_HEADS, _WIDTHS, strict=True)), " reason"
            )
        elif not _differs(self._last, sample) and sample.time - self._last.time < ROW_INTERVAL_SECONDS:
            return
        self._last = sample
        cells = (f"{sample.time:.1f}", sample.visible, sample.in_flight, sample.replicas, sample.ready)
        row = "".join(str(cell).rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
        self._console.print(f"{row}  {sample.reason}")

    def summary(self, report: Report, picture: Path) -> None:
        """Show the results."""
        table = Table(title="What happened", show_header=False)
        for name, value in (
            ("messages sent", report.sent),
            ("messages handled", report.handled),
            ("handled twice", report.handled_twice),
            ("time to first raise", _seconds(report.first_raise)),
            ("time to drain", _seconds(report.drained)),
            ("back at zero after", _seconds(report.back_at_zero)),
            ("pod-seconds", f"{report.pod_seconds:.0f}"),
            ("scale writes", len(report.scale_writes)),
        ):
            table.add_row(name, str(value))
        self._console.print(table)
        for message in report.scale_writes:
            self._console.print(f"  {message}")
        self._console.print(f"picture: {picture}")
        if not report.complete:
            self._console.print("[bold red]FAILED:[/bold red] a message is missing, or the pool is not back at zero")


def plot(samples: list[Sample], picture: Path) -> None:
    """Draw backlog and replicas over time."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 -- a second of import that nobody should wait for at the start

    times = [sample.time for sample in samples]
    figure, messages = plt.subplots(figsize=(9, 4.5), layout="constrained")
    pods = messages.twinx()
    backlog = [sample.visible + sample.in_flight for sample in samples]
    messages.fill_between(times, backlog, alpha=0.25, color="tab:blue", label="backlog (messages)")
    pods.step(times, [sample.replicas for sample in samples], where="post", color="tab:red", label="replicas")
    pods.step(times, [sample.ready for sample in samples], where="post", color="tab:green", label="ready")
    messages.set(xlabel="seconds since the burst", ylabel="messages", ylim=(0, None))
    pods.set(ylabel="pods", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=3)
    figure.savefig(picture, dpi=110)
    plt.close(figure)


def _differs(before: Sample, after: Sample) -> bool:
    return (before.replicas, before.reason) != (after.replicas, after.reason)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
