"""queueworkerpool: a Kubernetes operator that keeps a pool of queue workers at the right size for its SQS backlog."""
