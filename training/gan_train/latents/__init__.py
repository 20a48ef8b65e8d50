"""Latents, classes and codes: drawn on the device for training, or in NumPy for pictures."""
