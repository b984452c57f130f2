"""Keras's module of that name."""

from batchyard.models.utils.multi_gpu import multi_gpu_model

__all__ = ["multi_gpu_model"]
