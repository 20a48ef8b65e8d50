"""The gan-train command."""
