"""The gan-pipeline command: what is typed, and what is answered."""
