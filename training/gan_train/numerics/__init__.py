"""Optimizers, precision, random numbers and moving averages."""
