"""The training loop, and the ways in which it ends or begins again."""
