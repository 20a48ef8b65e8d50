"""Helpers of the tests: files, datasets and runs made for them, and commands run as a user runs them."""
