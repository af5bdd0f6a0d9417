"""What the planner draws: pictures of runs, of what can be had for what cost, and the page of a comparison.

The commands call it. It computes no figures by which policies are judged: those are the outcome's.
"""
