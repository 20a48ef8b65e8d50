"""Several runs from one file or from one run: planned, checked, and trained one after the other or some at a time."""
