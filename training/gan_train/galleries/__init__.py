"""What a run shows of itself, by the kind of its system."""
