"""Systems: networks, the players that move them, and the phases of a training step; one file per system."""
