"""Recurrent layers, and the cells that compute their steps."""
