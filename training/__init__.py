"""Makes the served checkpoints, and measures them."""
