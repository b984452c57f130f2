"""Recurrent layers on sequences of images."""
