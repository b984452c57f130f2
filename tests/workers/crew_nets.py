"""Users' code for the tests of crews."""

from __future__ import annotations

from typing import Any

from batchyard.models import Sequential
from batchyard.models.callbacks import Callback
from batchyard.models.engine.layer import Layer
from batchyard.models.layers import Dense


class Shaker(Callback):
    """Changes weights and keeps arrays in a way that others cannot work out: all has to be sent."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self._kept = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        weights = self.model.get_weights()
        self._kept = {"first": weights[0] * 0.5}
        self.model.set_weights([weights[0] + self._kept["first"], *weights[1:]])

    def get_arrays(self) -> dict[str, Any]:
        return self._kept

    def set_state(self, state: Any, arrays: Any) -> None:
        self._kept = dict(arrays)


class Broken(Layer):
    """Raises in training."""

    def call(self, inputs: Any) -> Any:
        if inputs.device.type != "meta" and self.training:
            raise RuntimeError("this layer is broken")
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def broken() -> Sequential:
    return Sequential([Dense(4, input_shape=(8,)), Broken(), Dense(3, activation="softmax")])
