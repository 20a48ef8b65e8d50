"""Stands for TensorFlow in the quick set of tests (tests/support/quick.py)."""

raise ImportError("a test marked quick imports TensorFlow: take away the import, or the mark")
