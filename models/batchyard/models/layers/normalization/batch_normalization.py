"""Batch normalization."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from batchyard.models import constraints, initializers, regularizers
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.registry import layers

__all__ = ["BatchNormalization"]

#: Whose moving statistics a layer may keep.
_STATISTICS = ("keras 2", "tf.keras", "keras 3")


@layers.register("BatchNormalizationV1", "BatchNormalizationV2")
class BatchNormalization(Layer):
    """Normalizes each channel to mean 0 and variance 1, then scales and shifts it by learned weights.

    In training with the batch's own mean and variance, which are folded into moving ones:
    moving = momentum * moving + (1 - momentum) * batch. In test with the moving ones. With lanes, the batch's
    statistics are those of each lane.

    Args:
        axis: of the channels.
        momentum: how much of the moving statistics goes on.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer: how beta begins.
        gamma_initializer: how gamma begins.
        moving_mean_initializer: how the moving mean begins.
        moving_variance_initializer: how the moving variance begins.
        beta_regularizer: its penalty is added to the loss.
        gamma_regularizer: its penalty is added to the loss.
        beta_constraint: holds after every update.
        gamma_constraint: holds after every update.
        **kwargs: of every layer; and `statistics_of`, which says whose moving statistics are kept. "keras 2",
            the default: Keras 2.2.4's. "tf.keras": those of TensorFlow 2, whose variance is that of the batch
            times n / (n - 1) for images and volumes, and as it is for all else; a layer that is not trainable
            normalizes by the moving statistics in training too. "keras 3": as these, with the batch's
            variance as it is. Files of these versions bring it.

    Raises:
        InvalidArgumentError: for another `statistics_of`.

    Input shape:
        any

    Output shape:
        that of the input

    Source: Keras 2.2.4, `layers.BatchNormalization`, without what its TensorFlow backend adds to the moving
        statistics
    (hidden zero-debiasing, and a second correction of the variance of images); Ioffe and Szegedy 2015.
    """

    _only_reads = True
    gamma: Weight | None
    beta: Weight | None
    moving_mean: Weight
    moving_variance: Weight

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        self.statistics_of = kwargs.pop("statistics_of", "keras 2")
        if self.statistics_of not in _STATISTICS:
            raise InvalidArgumentError(
                f"statistics_of must be one of {', '.join(map(repr, _STATISTICS))}. Received: "
                f"{self.statistics_of!r}."
            )
        super().__init__(**kwargs)
        self.axis = axis
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Makes gamma, beta and the moving statistics."""
        channels = input_shape[self.axis]
        if channels is None:
            raise ShapeError(
                f"Layer {self.name} needs to know the size of axis {self.axis}. Full shape received: "
                f"{input_shape}."
            )
        shape = (channels,)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                "gamma",
                shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                "beta",
                shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )
        self.moving_mean = self.add_weight(
            "moving_mean", shape, initializer=self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, initializer=self.moving_variance_initializer, trainable=False
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def network_became_trainable(self, value: bool) -> None:
        """Follows the network, as in later versions: frozen with it, moving statistics normalize."""
        if self.statistics_of != "keras 2":
            self.trainable = value

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Computes the output."""
        return self._normalize(inputs, training).movedim(1, self.axis)

    def call_with_relu(self, inputs: Tensor) -> Tensor:
        """Computes the relu of the output."""
        return torch.relu_(self._normalize(inputs, None)).movedim(1, self.axis)

    def _normalize(self, inputs: Tensor, training: bool | None) -> Tensor:
        """Computes the output, with the channels at axis 1."""
        x = inputs.movedim(self.axis, 1)  # torch's place of the channels; a view
        frozen = self.statistics_of != "keras 2" and not self.trainable
        if frozen or not self.is_training(training):
            return torch.batch_norm(
                x,
                self.gamma,
                self.beta,
                self.moving_mean,
                self.moving_variance,
                False,
                0.0,
                self.epsilon,
                False,
            )
        # With momentum 1 torch leaves the batch's own statistics in the two buffers.
        mean, variance = torch.zeros_like(self.moving_mean), torch.zeros_like(self.moving_variance)
        output = torch.batch_norm(x, self.gamma, self.beta, mean, variance, True, 1.0, self.epsilon, False)
        count = math.prod(x.shape) // x.shape[1]
        # torch divides by count - 1; a single element has no variance.
        variance = variance * self._factor(count, x.ndim) if count > 1 else torch.zeros_like(variance)
        self.add_moving_average_update(self.moving_mean, mean, self.momentum)
        self.add_moving_average_update(self.moving_variance, variance, self.momentum)
        return output

    def _factor(self, count: int, rank: int) -> float:
        """Returns the moving variance's share of a batch over torch's, which is divided by count - 1."""
        if self.statistics_of == "keras 2":
            return (count - 1) / (count - 1 - self.epsilon)
        channels_at_an_end = self.axis % rank in (1, rank - 1)
        if self.statistics_of == "tf.keras" and rank in (4, 5) and channels_at_an_end:
            return 1.0
        return (count - 1) / count

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        # 2.2.4 refuses arguments that it does not know: said only where it is another than the default
        own = {} if self.statistics_of == "keras 2" else {"statistics_of": self.statistics_of}
        return {
            **super().get_config(),
            **own,
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }
