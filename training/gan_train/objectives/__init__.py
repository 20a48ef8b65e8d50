"""What the players minimise: losses, penalties, targets, and what the discriminator is shown."""
