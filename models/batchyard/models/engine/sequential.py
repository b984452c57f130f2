"""A model that is a chain of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from torch import nn

from batchyard.models.engine.input_layer import Input, InputLayer
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.model import Model
from batchyard.models.engine.symbolic import Shape, to_list
from batchyard.models.errors import GraphError, InvalidArgumentError, NotBuiltError

__all__ = ["Sequential"]


class Sequential(Model):
    """Layers one after the other.

    The first layer says the input's shape (`input_shape=…`), or the shape is taken from the first data.

    Args:
        layers: added in their order.
        name: `sequential_1`, … if not given.

    Example:
        >>> from batchyard.models.layers import Dense
        >>> model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(1)])
        >>> model.output_shape
        (None, 1)

    Source: Keras 2.2.4, `engine.sequential.Sequential`.
    """

    #: Whether layers are being added, so that the graph is made when all are there.
    _waits = False

    def __init__(self, layers: Sequence[Layer] | None = None, name: str | None = None) -> None:
        Layer.__init__(self, name=name)
        self._init_training()
        self.inputs = []
        self.outputs = []
        self._chain: list[Layer] = []
        self._layer_modules = nn.ModuleList()
        with self._together():
            for layer in layers or ():
                self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without an InputLayer at the beginning."""
        chain = self._chain
        return list(chain[1:] if chain and isinstance(chain[0], InputLayer) else chain)

    @property
    def chain(self) -> list[Layer]:
        """The layers, with an InputLayer at the beginning if there is one."""
        return list(self._chain)

    @property
    def model(self) -> Sequential:
        """The model itself: Keras 1 had another one within."""
        return self

    def add(self, layer: Layer) -> None:
        """Adds a layer at the end.

        Args:
            layer: with one input and one output.
        """
        if not isinstance(layer, Layer):
            raise InvalidArgumentError(
                f"A Sequential is made of layers. Received: {layer!r}. For a function, write a layer with a "
                "call method."
            )
        if self.outputs:
            self._append(layer, self.outputs)
        elif not self._chain and self._begins(layer):
            return
        else:
            self._chain.append(layer)
            self._layer_modules = nn.ModuleList(self._chain)

    def _begins(self, layer: Layer) -> bool:
        """Tries to begin the graph with a first layer that knows its input's shape."""
        if isinstance(layer, InputLayer):
            self._chain = [layer]
            self._grow([layer.input], [layer.input])
            return True
        first, shape = layer, getattr(layer, "batch_input_shape", None)
        if shape is None and isinstance(first, Model) and first.built and first.layers:
            shape = first.input_shape
        if shape is None:
            return False
        dtype = first.dtype
        inputs = Input(batch_shape=shape, dtype=dtype, name=f"{layer.name}_input")
        self._append(layer, [inputs], begin=True)
        return True

    def _append(self, layer: Layer, tensors: list[Any], begin: bool = False) -> None:
        outputs = to_list(layer(tensors[0]))
        if len(outputs) != 1:
            raise GraphError(
                f"Layer {layer.name} has {len(outputs)} outputs; layers of a Sequential have one. Use "
                "Model(inputs, outputs)."
            )
        self._chain.append(layer)
        self._grow(tensors if begin else self.inputs, outputs)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Makes the graph once for all layers that are added in the block: it takes time for each of them."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        if self.outputs:
            self._grow(self.inputs, self.outputs)

    def _grow(self, inputs: list[Any], outputs: list[Any]) -> None:
        if self._waits:
            self.inputs, self.outputs = inputs, outputs
            return
        self._set_graph(inputs, outputs)
        self._layer_modules = nn.ModuleList(self._chain)
        self._recompile()

    def pop(self) -> None:
        """Removes the last layer.

        Raises:
            GraphError: if there is none.
        """
        if not self.layers:
            raise GraphError(f"Sequential {self.name} has no layers, so there is none to remove.")
        removed = self._chain.pop()
        if not self.outputs:
            self._layer_modules = nn.ModuleList(self._chain)
            return
        node = removed._inbound_nodes.pop()
        for before in node.inbound_layers:
            before._outbound_nodes.remove(node)
        if self.layers or isinstance(next(iter(self._chain), None), InputLayer):
            self._grow(self.inputs, node.sources)
        else:
            self.inputs, self.outputs, self.built = [], [], False
            self._inbound_nodes = []
            self._layer_modules = nn.ModuleList()

    def build(self, input_shape: Shape | None = None) -> None:
        """Builds the layers for inputs of a shape, the batch axis included."""
        if self.outputs:
            return
        if input_shape is None:
            raise NotBuiltError(
                f"Sequential {self.name} does not know its input's shape. Give the first layer "
                "input_shape=…, or call "
                "build((None, …))."
            )
        waiting, self._chain = self._chain, []
        inputs = Input(batch_shape=tuple(input_shape), name=f"{waiting[0].name}_input" if waiting else None)
        self.inputs = self.outputs = [inputs]
        with self._together():
            for layer in waiting:
                self._append(layer, self.outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns name and layers, in Keras 2.2.4's layout."""
        layers = [{"class_name": type(layer).__name__, "config": layer.get_config()} for layer in self.layers]
        config: dict[str, Any] = {"name": self.name, "layers": layers}
        if self.inputs and self.layers and not self._knows_its_input(self.layers[0]):
            config["build_input_shape"] = self.inputs[0].shape
        return config

    @staticmethod
    def _knows_its_input(layer: Layer) -> bool:
        """Whether a first layer's configuration says the input's shape."""
        return hasattr(layer, "batch_input_shape") or (isinstance(layer, Model) and layer.built)

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a model from what `get_config` returned.

        Args:
            config: the description; a bare list of layers is understood too.
            custom_objects: further names that it may use.
        """
        from batchyard.models.layers.registry import deserialize

        described = config.get("layers", []) if isinstance(config, Mapping) else config
        model = cls(name=config.get("name") if isinstance(config, Mapping) else None)
        with model._together():
            for layer in described:
                model.add(deserialize(layer, custom_objects))
        if not model.inputs and isinstance(config, Mapping) and config.get("build_input_shape"):
            model.build(tuple(config["build_input_shape"]))
        return model

    def predict_proba(self, x: Any, batch_size: int = 32, verbose: int = 0) -> Any:
        """Returns `predict(x)`: the probabilities of the classes."""
        return self.predict(x, batch_size, verbose)

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: int = 0) -> Any:
        """Returns the most probable class of each row."""
        probabilities = self.predict(x, batch_size, verbose)
        if probabilities.shape[-1] > 1:
            return probabilities.argmax(axis=-1)
        return (probabilities > 0.5).astype("int32")
