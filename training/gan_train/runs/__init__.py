"""The run folder: what is in it, who may write to it, checkpoints, and runs on gs:// through a mirror on this machine."""
