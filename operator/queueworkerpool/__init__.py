"""queueworkerpool: a Kubernetes operator that keeps a pool of queue workers at the right size for its SQS backlog."""

import sys

sys.path.append(f"{__path__[0]}/_common")  # where what the worker has too is installed: docs/adr/0023
