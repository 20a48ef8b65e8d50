"""What both packages stand on: errors, storage, the plumbing of commands, and pictures."""
