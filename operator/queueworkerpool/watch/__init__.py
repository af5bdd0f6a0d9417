"""Watches pools and Deployments through kopf. `process` runs it; it changes no object and decides nothing.

The parts: `adapter` (the only one to kopf), `supervisor` (its thread and its restarts).
"""
