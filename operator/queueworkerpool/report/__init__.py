"""What the operator says of a tick: the status, Events and metrics. Decides nothing about pods.

The parts: `status`, `events` (both pure), `metrics` and its `pool_series` (the only adapter to prometheus_client).
"""
