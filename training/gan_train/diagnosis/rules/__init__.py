"""One rule a file. Each is a function of what was seen that returns what it found, or None; judging.py has their order."""
