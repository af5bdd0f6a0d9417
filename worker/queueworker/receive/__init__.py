"""Receiving: polls the queue, never for more messages than there is capacity for.

`pipeline` starts it. The parts: `receiver` (the polls), `limiter` (the capacity), `shared_limiter` and `sharing` (the
same for several queues). Nothing here handles messages or extends their leases.
"""
