"""Watches pools through kopf, and Deployments by itself. `process` runs it; it changes no object and decides nothing.

The parts: `adapter` (the only one to kopf; `session` is its connection), `supervisor` (kopf's thread and restarts),
`namespaces` (which of those to serve can be listed), `deployments` (the list and watch of Deployments; with `pages`,
the API server's answers, and `index`, what they say), `kinds` (what is watched).
"""
