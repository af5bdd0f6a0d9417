"""Envelopes: what AWS's services put around a body on its way to the queue, and what `--envelope` takes off again.

`runtime` builds an `Opener` from the settings, and `handlers` passes each message through it before anything else sees
it. The parts: `opening` (one after the other), `sns`, `eventbridge`, `s3_events`, `s3_pointers` (bodies that are in
S3), `opened` (what they share). All but the last of these are pure; that reads through a Protocol.
"""
