"""Train and evaluate the checkpoints that the server loads."""
