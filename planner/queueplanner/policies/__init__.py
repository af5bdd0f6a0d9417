"""What decides how many pods there are: the operator's own code, and models of other autoscalers."""
