"""Reads a dataset folder as batches of pixels on the devices."""
