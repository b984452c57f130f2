"""A recurrent layer in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.masking import accepts
from batchyard.models.engine.symbolic import Shape, to_list, unpack_singleton
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.layers.recurrent.names import prefix_weights
from batchyard.models.layers.registry import deserialize, layers, serialize
from batchyard.models.layers.wrappers.wrapper import Wrapper

__all__ = ["Bidirectional"]

_MODES = ("sum", "mul", "ave", "concat", None)


@layers.register()
class Bidirectional(Wrapper):
    """Runs a recurrent layer forwards and a second one like it backwards, and merges their outputs.

    Args:
        layer: the recurrent layer; both directions are made from its configuration.
        merge_mode: "concat" (along the last axis), "sum", "mul", "ave", or None for a list of both.
        weights: initial weights of both directions, as arrays.
        **kwargs: of every layer.

    Input shape:
        (batch, time, features); in a list with initial states, if such are given: those of the forward layer,
        then those of the backward layer

    Output shape:
        as the layer within, with "concat" the last axis twice as long; with `return_state` a list: the output
        (both for None), the forward states, the backward states

    Example:
        >>> Bidirectional(LSTM(4))(torch.ones(2, 3, 5)).shape
        torch.Size([2, 8])

    Source: Keras 2.2.4, `layers.Bidirectional`.
    """

    forward_layer: Any
    backward_layer: Any
    layer: Any

    @property
    def constraints(self) -> dict[Any, Any]:
        """The constraints of both directions' weights, by weight."""
        return {weight: weight.constraint for weight in self.weights if weight.constraint is not None}

    def __init__(
        self, layer: Layer, merge_mode: str | None = "concat", weights: Any = None, **kwargs: Any
    ) -> None:
        if merge_mode not in _MODES:
            raise InvalidArgumentError(
                f"merge_mode must be 'sum', 'mul', 'ave', 'concat' or None. Received: {merge_mode!r}."
            )
        if not hasattr(layer, "go_backwards"):
            raise InvalidArgumentError(
                f"Bidirectional needs a recurrent layer, with go_backwards. Received: {layer!r}."
            )
        num_constants = kwargs.pop("num_constants", None)
        super().__init__(layer, **kwargs)
        described = serialize(layer)
        backwards = {**described["config"], "go_backwards": not layer.go_backwards}
        self.forward_layer = deserialize(described, {described["class_name"]: type(layer)})
        self.backward_layer = deserialize(
            {**described, "config": backwards}, {described["class_name"]: type(layer)}
        )
        self.forward_layer.name = f"forward_{layer.name}"
        self.backward_layer.name = f"backward_{layer.name}"
        if weights:
            half = len(weights) // 2
            self.forward_layer._initial_weights = weights[:half]
            self.backward_layer._initial_weights = weights[half:]
        self.trainable = self._trainable
        self.merge_mode = merge_mode
        self.stateful = layer.stateful
        self.return_sequences = bool(self.forward_layer.return_sequences)
        self.return_state = bool(self.forward_layer.return_state)
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._num_constants: int | None = num_constants

    @property
    def trainable(self) -> bool:
        """Whether `fit` changes the weights of both directions."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        for direction in ("forward_layer", "backward_layer"):
            if direction in self._modules:
                getattr(self, direction).trainable = value

    def _hold(self, layer: Layer) -> None:
        # A model for the two directions, computed by neither: torch must not count its weights.
        object.__setattr__(self, "layer", layer)

    def _build_for(self, shapes: list[Shape]) -> None:
        if not self.built:
            for layer in (self.forward_layer, self.backward_layer):
                layer._num_constants = self._num_constants
                layer._build_for(self._of_direction(shapes, layer is self.backward_layer))
                prefix_weights(layer, self.name)
        super()._build_for(shapes)

    def build(self, input_shape: Any = None) -> None:
        """Does nothing more: the directions are built with the batch size, which stateful ones need."""
        self.built = True

    def _of_direction(self, full: Sequence[Any], backward: bool) -> list[Any]:
        """Returns of input, states and constants what one direction gets."""
        constants = list(full[len(full) - self._num_constants :]) if self._num_constants else []
        states = full[1 : len(full) - len(constants)]
        half = len(states) // 2
        return [full[0], *(states[half:] if backward else states[:half]), *constants]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the merged output's shape, and the states' if they are returned."""
        found = self.forward_layer.compute_output_shape(input_shape)
        output, states = (found[0], found[1:]) if self.return_state else (found, [])
        outputs = [output]
        if self.merge_mode is None:
            outputs = [output, output]
        elif self.merge_mode == "concat":
            outputs = [(*output[:-1], output[-1] * 2)]
        return unpack_singleton([*outputs, *states, *states])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the input's mask, if the outputs of all time steps are returned."""
        own = to_list(mask)[0] if self.return_sequences else None
        masks = [own, own] if self.merge_mode is None else [own]
        states = len(to_list(self.forward_layer.cell.state_size)) if self.return_state else 0
        return unpack_singleton(masks + [None] * (2 * states))

    def __call__(self, inputs: Any, initial_state: Any = None, constants: Any = None, **kwargs: Any) -> Any:
        """Connects the layer, or computes; initial states and constants become further inputs.

        Args:
            inputs: the tensor, or a list of it, the initial states and the constants.
            initial_state: a tensor for each state of both directions, forwards first.
            constants: tensors that are passed to the cells at each step.
            **kwargs: of `call`.
        """
        full = self.forward_layer._all_inputs(inputs, initial_state, constants)
        self._num_constants = self.forward_layer._num_constants or self._num_constants
        states = len(full) - 1 - (self._num_constants or 0)
        if states % 2:
            raise ShapeError(
                f"Layer {self.name} needs initial states for both directions, so an even number of them. "
                f"Received: {states}."
            )
        for backward in (False, True):
            self.forward_layer._num_constants = self.backward_layer._num_constants = self._num_constants
            self.forward_layer._check_states(self._of_direction(full, backward))
        self.input_spec = [to_list(self.input_spec)[0], *[InputSpec()] * (len(full) - 1)]
        return super().__call__(unpack_singleton(full), **kwargs)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Computes both directions and merges them."""
        full, mask = to_list(inputs), to_list(mask)[0]
        arguments: dict[str, Any] = {}
        if mask is not None:
            arguments["mask"] = mask
        if accepts(self.forward_layer, "training"):
            arguments["training"] = training
        found = [
            to_list(layer.call(unpack_singleton(self._of_direction(full, backward)), **arguments))
            for layer, backward in ((self.forward_layer, False), (self.backward_layer, True))
        ]
        forward, backward_output = found[0][0], found[1][0]
        if self.return_sequences:
            backward_output = backward_output.flip(1)
        merged = self._merge(forward, backward_output)
        return unpack_singleton([*merged, *found[0][1:], *found[1][1:]])

    def _merge(self, forward: Tensor, backward: Tensor) -> list[Tensor]:
        if self.merge_mode == "concat":
            return [torch.cat([forward, backward], -1)]
        if self.merge_mode == "sum":
            return [forward + backward]
        if self.merge_mode == "ave":
            return [(forward + backward) / 2]
        if self.merge_mode == "mul":
            return [forward * backward]
        return [forward, backward]

    def reset_states(self) -> None:
        """Sets the states of both directions to zeros."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config = {**super().get_config(), "merge_mode": self.merge_mode}
        if self._num_constants is not None:
            config["num_constants"] = self._num_constants
        return config
