"""Saved generators and translators at work, and the snapshots of a run in training."""
