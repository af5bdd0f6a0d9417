"""What people do with queues by hand: move dead letters back, look at messages, try a handler on their own machine.

The commands of the same names call it; a worker loads none of it.
"""
