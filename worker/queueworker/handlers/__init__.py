"""Handling: loads the user's handler and runs it on messages, in threads, coroutines, commands or child processes.

`runtime` starts it. Nothing is imported here: each way of running a handler is loaded only where it is needed.
Handlers must not use the queue: they return or raise.
"""
