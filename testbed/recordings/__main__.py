"""`python -m testbed.recordings`: records the runs by which the planner is judged, into planner/recordings."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import click

from testbed.recordings.recorder import Recorder
from testbed.recordings.recording import FOLDER
from testbed.recordings.scenarios import SCENARIOS

NAMES = [each.name for each in SCENARIOS]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--to", type=click.Path(path_type=Path), default=FOLDER, help="Folder of the recordings.")
def main(names: tuple[str, ...], to: Path) -> None:
    """Record NAMES, by default all, side by side: twelve minutes. The logs stay when it fails."""
    folder = Path(tempfile.mkdtemp(prefix="recordings-"))
    click.echo(f"logs: {folder}", err=True)
    chosen = [each for each in SCENARIOS if each.name in names] if names else SCENARIOS
    for recording in asyncio.run(Recorder(folder, chosen).record()):
        recording.write(to)
        handled = sum(done is not None for done in recording.messages.done)
        click.echo(
            f"{recording.name}: {handled} of {len(recording.messages.sent)} messages, {len(recording.pods)} pods"
        )
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
