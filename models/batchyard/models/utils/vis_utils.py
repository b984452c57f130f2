"""Keras's module of that name."""

from batchyard.models.utils.model_picture import model_to_dot, plot_model

__all__ = ["model_to_dot", "plot_model"]
