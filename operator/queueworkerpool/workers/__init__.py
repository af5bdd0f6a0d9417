"""Asks workers for their /state, and marks the pods that a scale-in deletes first. `reconcile` calls it.

It decides nothing. The parts: `states` (the only adapter to /state; with `answers`, what workers say, and `turns`, who
is asked next), `sampler` (samples in the background), `scale_in` (asks all workers before a scale-in).
"""
