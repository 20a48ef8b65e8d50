"""The steps between an image file and the images of its record: decode, check, crop, scale."""
