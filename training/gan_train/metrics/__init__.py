"""Scores of sets of images, as pure functions of pixels, features or class probabilities. Each score has a file."""
