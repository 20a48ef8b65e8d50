"""Keras builders, one file per family; layers.py holds what Keras does not do as we need it."""
