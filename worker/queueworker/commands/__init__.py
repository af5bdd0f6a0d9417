"""The commands of `queueworker`, one module each; `group` chooses among them. None knows another."""
