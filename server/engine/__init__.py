"""Who runs the model: the interface, the queue before it, and the supervisor of the worker process."""
