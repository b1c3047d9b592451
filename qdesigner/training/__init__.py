"""The training loop as a generator of events, the run folder, and the worker process."""
