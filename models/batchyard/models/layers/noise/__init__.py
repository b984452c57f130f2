"""Random noise in training."""
