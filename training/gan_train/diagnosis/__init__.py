"""Verdicts on how a training goes, from the numbers that it logs."""
