"""Vocabularies that `adapt` found: Keras 3 keeps them as texts in its archives, not in configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.checkpoint_weights import described_layers, group_keys

__all__ = ["fill_vocabularies"]


def fill_vocabularies(config: Any, read: Callable[[str], bytes | None], place: str = "assets") -> None:
    """Writes what only an archive's assets say, vocabularies of `IntegerLookup`, into a configuration.

    Args:
        config: class and configuration of a network; what it lacks is set in place.
        read: returns a member of the archive by its name; None where there is no such member.
        place: where the network's assets lie.

    Raises:
        ModelFileError: where a text holds something else than whole numbers, one a line.
    """
    described = described_layers(config)
    if described is None:
        return
    keys = group_keys([kind for _, kind, _ in described])
    for (name, kind, layer), key in zip(described, keys, strict=True):
        own = layer.get("config")
        if not isinstance(own, dict):
            continue
        if kind == "IntegerLookup" and own.get("vocabulary") is None:
            text = read(f"{place}/layers/{key}/vocabulary.txt")
            if text is not None:
                own["vocabulary"] = _numbers(text, name)
        elif isinstance(own.get("layers"), list):
            fill_vocabularies(layer, read, f"{place}/layers/{key}")


def _numbers(text: bytes, name: str) -> list[int]:
    try:
        return [int(line) for line in text.split()]
    except ValueError as error:
        raise ModelFileError(
            f"Expected whole numbers, one a line, as the vocabulary of layer {name!r} of class "
            f"IntegerLookup: {error}. The archive is damaged, or was edited."
        ) from error
