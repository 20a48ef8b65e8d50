"""`gan-train doctor`: whether this machine, its rights and its devices can do a training, tried before it begins."""
