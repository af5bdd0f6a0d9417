// Does nothing with the message of `queueworker --exec`.
