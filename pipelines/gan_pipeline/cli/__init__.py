"""The gan-pipeline command: its options and its output."""
