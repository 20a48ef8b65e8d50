"""HTML pages: the report of a run, and runs side by side."""
