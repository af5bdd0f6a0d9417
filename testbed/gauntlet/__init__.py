"""The gauntlet: workers, each the first process of its pid namespace, among every fault that there is for a worker.

The benchmark `gauntlet` and its short form among the adapter tests use it. The parts: `run` (from the start to the
verdict), `messages` (what is sent), `workers` (processes that are killed, terminated and measured), `proxy` and
`faults` (SQS and the worker's credentials, broken on purpose), `scrapes` (clients of the state server), `handlers` and
`command` (what the workers run), `records` and `verdicts` (what happened, and whether it may).
"""
