"""Scoring the generators of a run against real images: statistics, scores, the best generator."""
