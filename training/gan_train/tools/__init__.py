"""The commands that use a trained run, a file for each, and the code they share."""
