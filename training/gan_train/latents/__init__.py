"""Points of latent space: drawn on the device for training, or in NumPy for pictures; classes and codes beside them."""
