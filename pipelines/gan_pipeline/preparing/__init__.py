"""Makes a dataset folder: plans the shards, writes them with Beam, and commits them with a manifest."""
