"""`gan-pipeline doctor`: whether this machine and its rights can do a preparation, tried before it begins."""
