"""Dataset folders into run folders: trained GANs."""
