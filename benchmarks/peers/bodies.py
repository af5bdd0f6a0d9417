"""Prints message bodies as a consumer's own library would send them: `python -m benchmarks.peers.bodies NAME N`."""

import sys
from importlib import import_module

if __name__ == "__main__":
    program = import_module(f"benchmarks.peers.{sys.argv[1]}")
    print("\n".join(program.body(i) for i in range(int(sys.argv[2]))))
