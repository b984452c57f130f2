"""Layers that do not fit elsewhere."""
