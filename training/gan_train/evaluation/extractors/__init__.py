"""What turns images into features and class probabilities, so that scores can be computed."""
