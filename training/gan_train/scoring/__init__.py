"""Scoring a run against real images: features gathered, scores computed and written down."""
