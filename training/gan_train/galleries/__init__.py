"""Sample grids and scores of a run at its snapshots, one file per kind of system."""
