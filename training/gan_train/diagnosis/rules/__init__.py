"""The rules, one per file. Each is a function of a window of the log that returns a finding or None; judge.py orders them."""
