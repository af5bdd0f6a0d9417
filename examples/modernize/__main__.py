"""`python -m examples.modernize`: plays the day in five architectures, and writes docs/modernize.md and its picture."""

import sys

from examples.modernize.page import ROOT, files


def main() -> int:
    """Write the page and the picture; return the exit code."""
    for path, text in files().items():
        path.write_text(text)
        print(f"written: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
