"""What can be made with a trained run. One file per command of cli_tools.py, and what they share."""
