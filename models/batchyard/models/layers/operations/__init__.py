"""Single functions on tensors as layers: what later versions of Keras put into graphs and files."""

from batchyard.models.layers.operations.named_operation import NamedOperation

__all__ = ["NamedOperation"]
