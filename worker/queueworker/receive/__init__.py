"""Receiving: polls the queue, never for more messages than there is capacity for.

`runtime` starts it. The parts: `receiver` (the polls) and `limiter` (the capacity). Nothing here knows how a message is
handled or when its lease is extended.
"""
