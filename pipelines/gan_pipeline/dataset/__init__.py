"""A dataset folder: its manifest, records and shards, and how they are read and checked."""
