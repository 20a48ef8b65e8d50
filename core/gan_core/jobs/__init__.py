"""Commands as jobs of a cluster or a cloud: one job file, one manifest for each target, and its submission."""
