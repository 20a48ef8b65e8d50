"""Losses, penalties and targets of the players, and the random changes of the images that they see."""
