"""What `inspect_file` tells of a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["ArrayReport", "FileReport", "LayerReport"]


@dataclass(frozen=True)
class ArrayReport:
    """An array in a file.

    Attributes:
        name: as the file gives it.
        shape: its axes.
        dtype: such as "float32".
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class LayerReport:
    """A layer that a file describes, or of which it has weights.

    Attributes:
        name: of the layer.
        class_name: its class; "" where the file doesn't say.
        depth: 0 for a layer of the model, 1 for one within such a layer, and so on.
        output_shape: None in it where a size is open; None itself where it is not known.
        parameters: how many numbers its weights have; None where that is not known.
    """

    name: str
    class_name: str = ""
    depth: int = 0
    output_shape: Any = None
    parameters: int | None = None


@dataclass(frozen=True)
class FileReport:
    """What is in a file.

    Attributes:
        path: of the file.
        size: in bytes.
        format: such as "HDF5 of Keras 2", in words.
        kind: "model", "weights", "configuration" or "unknown".
        producer: who wrote it, in words; "" where it doesn't say.
        backend: which backend it was written with; "" where it doesn't say.
        model: class and name of the model; "" where there is none.
        layers: of the model, those within others too.
        arrays: all weights.
        parameters: how many numbers the weights have, the optimizer's state not counted.
        optimizer: class and arguments; None where there is none.
        optimizer_state: the arrays of the optimizer's state.
        training: loss, metrics and the like; None where there are none.
        custom: names of classes and functions that must be passed as custom objects.
        code: layers that bring code of their own, which is refused unless `safe_mode=False`.
        problem: why loading is refused; "" where it is not.
        warnings: what loading warns of.
        metadata: what a `.safetensors` file says of itself, the configuration of a model left out.
    """

    path: str
    size: int
    format: str
    kind: str
    producer: str = ""
    backend: str = ""
    model: str = ""
    layers: list[LayerReport] = field(default_factory=list)
    arrays: list[ArrayReport] = field(default_factory=list)
    parameters: int = 0
    optimizer: dict[str, Any] | None = None
    optimizer_state: list[ArrayReport] = field(default_factory=list)
    training: dict[str, Any] | None = None
    custom: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    problem: str = ""
    warnings: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return asdict(self)
