"""A layer whose kernel was divided by its greatest singular value."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.registry import layers
from batchyard.models.layers.wrappers.wrapper import Wrapper

__all__ = ["SpectralNormalization"]


@layers.register()
class SpectralNormalization(Wrapper):
    """Computes what the layer within does, whose kernel training had divided by its greatest singular value.

    For predictions only: Keras 3 changes the kernel while it computes, which lanes cannot do together.

    Args:
        layer: has a kernel, or embeddings.
        power_iterations: how often the singular vector was made better in each step of training.
        **kwargs: of every layer.

    Input shape:
        that of the layer

    Output shape:
        that of the layer

    Source: Keras 3, `layers.SpectralNormalization`; Miyato et al. 2018.
    """

    vector_u: Weight

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer, and makes the singular vector."""
        self.layer._build_for([input_shape])
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if not isinstance(kernel, Weight):
            raise InvalidArgumentError(
                f"Layer {self.name} needs a layer with a kernel or embeddings. Received: {self.layer!r}."
            )
        self._trainable_weights = [kernel]  # first of all weights, as in Keras's files
        self.vector_u = self.add_weight(
            "vector_u", (1, kernel.shape[-1]), initializer="truncated_normal", trainable=False
        )
        super().build(input_shape)

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        """Computes the output.

        Raises:
            InvalidArgumentError: in training.
        """
        if self.is_training(training) and self.trainable:
            raise InvalidArgumentError(
                f"Layer {self.name} is a SpectralNormalization, which can predict here, but not train. Set "
                "trainable = False on it, or make the model without it and set its layer's weights."
            )
        return self.layer.call(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Returns the output's shape of the layer within."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "power_iterations": self.power_iterations}
