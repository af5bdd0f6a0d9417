"""The real HPA controller over series of loads: what tests compare the operator with, and the planner's model of it.

`python -m testbed.hpa` records its sizes for the planner's tests.
"""
