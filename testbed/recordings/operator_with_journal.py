"""The operator, with a journal of when it decided on what: `recorder` runs it as `qwp operator`. Nothing else differs.

A line of the journal is the name of what is scaled, the decision's time in seconds since 1970, and what it saw: pods
asked for and ready, messages visible and in flight.
"""

import os
import sys

from queueworkerpool import reconcile
from queueworkerpool.__main__ import main
from queueworkerpool.decide import decide
from queueworkerpool.model import Decision, Facts

_descriptor = os.open(os.environ["RECORDING_DECISIONS"], os.O_WRONLY | os.O_APPEND)


def _decide(facts: Facts) -> Decision:
    reading = facts.reading
    counts = (reading.visible, reading.in_flight) if reading else ("-", "-")
    seen = (facts.spec.scale_target_ref.name, f"{facts.now.timestamp():.3f}", facts.replicas, facts.ready, *counts)
    os.write(_descriptor, f"{' '.join(map(str, seen))}\n".encode())
    return decide(facts)


if __name__ == "__main__":
    vars(reconcile)["decide"] = _decide
    sys.argv[1:] = ["operator"]
    main()
