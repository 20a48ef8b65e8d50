"""The log of a run: metrics, verdicts, curves, the progress line, and watching it from outside."""
