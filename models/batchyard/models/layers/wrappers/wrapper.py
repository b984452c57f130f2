"""A layer around another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from batchyard.models.engine.layer import Layer
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers.registry import deserialize, layers

__all__ = ["Wrapper"]


@layers.register()
class Wrapper(Layer):
    """Holds another layer: its weights, losses and activity regularizer are the wrapper's.

    Subclasses say what is done with it.

    Args:
        layer: the layer within.
        **kwargs: of every layer.

    Source: Keras 2.2.4, `layers.Wrapper`.
    """

    layer: Layer

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise InvalidArgumentError(f"{type(self).__name__} needs a layer. Received: {layer!r}.")
        self._hold(layer)
        super().__init__(**kwargs)
        self.activity_regularizer = layer.activity_regularizer

    def _hold(self, layer: Layer) -> None:
        self.layer = layer

    @property
    def trainable(self) -> bool:
        """Whether `fit` changes the weights: whether the layer within is trainable.

        The wrapper's argument of that name decides it anew, as in Keras 2.2.4: a frozen layer must be frozen
        after it is wrapped, or its wrapper be given `trainable=False`.
        """
        return self.layer.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.layer.trainable = value

    def build(self, input_shape: Any = None) -> None:
        """Does nothing: subclasses build the layer within."""
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        described = {"class_name": type(self.layer).__name__, "config": self.layer.get_config()}
        return {**super().get_config(), "layer": described}

    def clone(self) -> Layer:
        """Returns a wrapper like this one around a clone of the layer within."""
        given = {key: value for key, value in self.get_config().items() if key != "layer"}
        return type(self)(self.layer.clone(), **given)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a layer from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: further classes that it may name.
        """
        given = dict(config)
        return cls(deserialize(given.pop("layer"), custom_objects), **given)
