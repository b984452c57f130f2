"""Names of weights that a layer holds for another: files have them under the outer layer's name."""

from __future__ import annotations

from collections.abc import Collection

from batchyard.models.engine.layer import Layer

__all__ = ["prefix_weights", "rename_weights"]


def rename_weights(inner: Layer, name: str, but: Collection[int] = ()) -> None:
    """Gives the weights of an inner layer the outer one's name; repeated ones get `_1`, `_2`.

    `lstm_cell_1/kernel:0` becomes `lstm_1/kernel:0`.

    Args:
        inner: the inner layer.
        name: of the outer one.
        but: identities of weights that keep their names, as those of a model that was there before.
    """
    taken: set[str] = set()
    for weight in inner.weights:
        if id(weight) in but:
            continue
        rest = weight.keras_name.split("/", 1)[-1].removesuffix(":0")
        new, number = f"{name}/{rest}", 0
        while new in taken:
            number += 1
            new = f"{name}/{rest}_{number}"
        taken.add(new)
        weight.keras_name = f"{new}:0"


def prefix_weights(inner: Layer, name: str) -> None:
    """Puts the outer layer's name before the names of all weights of an inner layer."""
    for weight in inner.weights:
        weight.keras_name = f"{name}/{weight.keras_name}"
