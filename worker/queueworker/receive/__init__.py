"""Receiving: polls the queue, never for more messages than there is capacity for.

`runtime` starts it. The parts: `receiver` (the polls) and `limiter` (the capacity). Nothing here handles
messages or extends their leases.
"""
