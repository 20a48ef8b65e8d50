"""Builders of Keras networks, one file per family, and the layers that they are made of."""
