"""The training loop, and what ends or repeats it."""
