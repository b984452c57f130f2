"""The engine: layers, graphs of layers, models."""
