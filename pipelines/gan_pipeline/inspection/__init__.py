"""Measures every example of a dataset and shows the results on one HTML page."""
