"""Watches pools through kopf, and what they scale by itself. `process` runs it. It changes and decides nothing.

The parts: `adapter` (the only one to kopf; `session` is its connection), `supervisor` (kopf's thread and restarts),
`namespaces` (which of those to serve can be listed), `targets` (the list and watch of what pools scale; with `pages`,
the API server's answers, and `index`, what they say), `kinds` (what is watched).
"""
