"""What the operator says of a tick: the status, Events and metrics. Decides nothing about pods.

The parts: `status`, `events` (both pure), `metrics` (with `pool_series` and `sample_lines`, the only adapter to
prometheus_client) and its `pool_record` (pure).
"""
