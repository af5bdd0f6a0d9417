"""What workers report on /state, and the pods chosen to go at scale-in.

The parts: `states` (the only adapter to /state), `sampler` (in the background), `scale_in` (before a scale-in).
"""
