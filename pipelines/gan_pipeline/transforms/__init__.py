"""What happens to one image between its file and its record: uint8 in, uint8 out."""
