"""Checks of a machine and its rights before work is spent on it: one result for each, as text or JSON."""
