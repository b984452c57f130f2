"""The table of a model's layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import NotBuiltError
from batchyard.models.training.compile import warn_of_changed_freezing

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.network import Network

__all__ = ["print_summary"]


def print_summary(
    model: Network,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
) -> None:
    """Prints layers, output shapes, numbers of weights and, for graphs that branch, what connects to what.

    Args:
        model: built.
        line_length: in characters.
        positions: where columns end, as fractions of the line.
        print_fn: called with each line; `print` by default.
    """
    if not model.built:
        raise NotBuiltError(
            f"Model {model.name} has no layers with shapes yet. Call build((None, …)) or fit, or give the "
            "first layer input_shape=…."
        )
    compiled = getattr(model, "_compiled", None)
    if compiled is not None:
        warn_of_changed_freezing(model)  # type: ignore[arg-type]  # only a Model is compiled
    out = print_fn or print
    chain = _is_chain(model)
    length = line_length or (65 if chain else 98)
    fractions = positions or ((0.45, 0.85, 1.0) if chain else (0.33, 0.55, 0.67, 1.0))
    ends = [int(length * f) if f <= 1 else int(f) for f in fractions]
    header = ["Layer (type)", "Output Shape", "Param #"] + ([] if chain else ["Connected to"])
    out("_" * length)
    out(_line(header, ends))
    out("=" * length)
    for number, layer in enumerate(model.layers):
        for row in _rows(model, layer, chain):
            out(_line(row, ends))
        out(("=" if number == len(model.layers) - 1 else "_") * length)
    trainable = sum(w.numel() for w in model.trainable_weights)
    fixed = sum(w.numel() for w in model.non_trainable_weights)
    out(f"Total params: {trainable + fixed:,}")
    out(f"Trainable params: {trainable:,}")
    out(f"Non-trainable params: {fixed:,}")
    out("_" * length)


def _line(fields: Sequence[str], ends: Sequence[int]) -> str:
    line = ""
    for field, end in zip(fields, ends, strict=False):
        line = (line + field)[: end - 1].ljust(end)
    return line


def _rows(model: Network, layer: Layer, chain: bool) -> list[list[str]]:
    try:
        shape = str(layer.output_shape)
    except ValueError:  # never called, or called with several shapes
        shape = "multiple"
    first = [f"{layer.name} ({type(layer).__name__})", shape, str(layer.count_params() if layer.built else 0)]
    if chain:
        return [first]
    nodes = set(model.nodes)
    origins = [
        f"{tensor._keras_history.layer.name}[{tensor._keras_history.node_index}][{tensor._keras_history.tensor_index}]"
        for node in layer._inbound_nodes
        if node in nodes
        for tensor in node.sources
    ]
    rest = [["", "", "", origin] for origin in origins[1:]]
    return [[*first, origins[0] if origins else ""], *rest]


def _is_chain(model: Network) -> bool:
    nodes = model.nodes
    return not nodes or (
        all(len(node.sources) <= 1 for node in nodes) and len(nodes) == len(model.graph.layers)
    )
