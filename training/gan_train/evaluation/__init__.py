"""What a run is worth: features of images, statistics of features, scores; one file each."""
