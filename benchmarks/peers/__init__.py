"""One small program per SQS consumer, each configured as its documentation says, and the work of their handlers.

The benchmarks `throughput` and `shutdown` start them. They run in an environment of their own (`requirements.lock`),
except for the bare loop and our own worker; they share nothing with the product.
"""
