"""Saved generators and translators in use, and the snapshots of a run in training."""
