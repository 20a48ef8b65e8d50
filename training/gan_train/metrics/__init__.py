"""Scores of sets of images as pure functions of their features; one file each."""
