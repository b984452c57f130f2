"""Layers of Keras 1 in the spelling of Keras 2."""

from typing import Any


def layer_of_keras_1(class_name: str, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns class and arguments as Keras 2 spells them."""
    return class_name, config
