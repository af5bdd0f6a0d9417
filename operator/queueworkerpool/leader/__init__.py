"""Leader election: decides which process may write. `process` runs it; it knows nothing of pools.

The parts: `elector` (takes part in the election), `lease` (who may hold the Lease; pure), `fence` (stops writes).
"""
