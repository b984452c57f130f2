"""Layers of Keras 1 that Keras 2 still had."""
