"""The program `queueworker`: sees to signals first, and only then loads what `commands` needs."""

from queueworker.signals import end_at_once


def main() -> None:
    """Run the command line."""
    end_at_once()
    from queueworker.commands.group import main as run  # noqa: PLC0415 -- loading takes a tenth of a second, the user's module any time

    run()


if __name__ == "__main__":
    main()
