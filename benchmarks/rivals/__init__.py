"""One small program per consumer of SQS, each configured as its documentation says, and what their handlers do.

The benches `throughput` and `shutdown` start them. They run in an environment of their own (`requirements.lock`), but
for the bare loop and ours; they share nothing with the product.
"""
