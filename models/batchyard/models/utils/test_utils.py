"""Keras's module of that name: what tests of layers and models need."""

from batchyard.models.utils.layer_test import layer_test
from batchyard.models.utils.learnable_data import get_test_data

__all__ = ["get_test_data", "layer_test"]
