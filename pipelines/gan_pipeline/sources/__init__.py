"""Kinds of raw data. Each source yields uint8 images with stable ids, whatever it reads from."""
