"""Layers that turn numbers of words into vectors."""
