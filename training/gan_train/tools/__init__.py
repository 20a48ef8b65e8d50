"""Pictures and files made with a trained run: one file for each command, and what the commands share."""
