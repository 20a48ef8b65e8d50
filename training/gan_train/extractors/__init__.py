"""Networks that turn images into features and class probabilities."""
