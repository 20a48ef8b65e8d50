"""Writing a dataset folder: plan, write the shards with Beam, commit."""
