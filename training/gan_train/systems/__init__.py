"""A GAN is players and phases: one file per system."""
