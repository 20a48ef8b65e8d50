"""From a dataset folder to batches of pixels on the devices."""
