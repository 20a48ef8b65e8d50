"""The page of a dataset: what its records hold, measured over all of them and shown."""
