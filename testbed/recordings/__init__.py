"""Recorded runs of the real operator and real workers, by which the planner is judged.

`python -m testbed.recordings` makes them; `replay` lets the planner play them again.
"""
