"""A picture of a model's layers and what connects them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from batchyard.models.engine.sequential import Sequential
from batchyard.models.errors import InvalidArgumentError, MissingPackageError

__all__ = ["model_to_dot", "plot_model"]


def model_to_dot(
    model: Any, show_shapes: bool = False, show_layer_names: bool = True, rankdir: str = "TB"
) -> Any:
    """Returns the graph of a model's layers as a `pydot.Dot`.

    Args:
        model: built.
        show_shapes: write the shapes of inputs and outputs into the boxes.
        show_layer_names: write names, and not only classes.
        rankdir: "TB" from top to bottom, "LR" from left to right.

    Raises:
        MissingPackageError: if pydot is not installed.

    Source: Keras 2.2.4, `utils.vis_utils.model_to_dot`.
    """
    if find_spec("pydot") is None:
        raise MissingPackageError("Plotting a model needs the package pydot: pip install pydot.")
    pydot = import_module("pydot")
    dot = pydot.Dot()
    dot.set("rankdir", rankdir)
    dot.set("concentrate", True)
    dot.set_node_defaults(shape="record")
    if not model.built:
        raise InvalidArgumentError(f"{model.name} has no shapes yet. Call build, or give an input_shape.")
    layers = _layers(model)
    for layer in layers:
        dot.add_node(pydot.Node(str(id(layer)), label=_label(layer, show_shapes, show_layer_names)))
    for before, after in _edges(model, layers):
        dot.add_edge(pydot.Edge(str(id(before)), str(id(after))))
    return dot


def plot_model(
    model: Any,
    to_file: str = "model.png",
    show_shapes: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
) -> None:
    """Writes a picture of a model to a file.

    Args:
        model: built.
        to_file: path; its ending says the format: png, svg, pdf, dot, …
        show_shapes: write the shapes of inputs and outputs into the boxes.
        show_layer_names: write names, and not only classes.
        rankdir: "TB" from top to bottom, "LR" from left to right.

    Raises:
        MissingPackageError: if pydot or the program graphviz is not installed.

    Source: Keras 2.2.4, `utils.plot_model`.
    """
    dot = model_to_dot(model, show_shapes, show_layer_names, rankdir)
    ending = Path(to_file).suffix.lstrip(".") or "png"
    try:
        dot.write(str(to_file), format="raw" if ending == "dot" else ending)
    except FileNotFoundError as error:
        raise MissingPackageError(
            "Plotting a model needs the program `dot`: install graphviz, for example by "
            "`apt-get install graphviz`. A .dot file can be written without it."
        ) from error


def _layers(model: Any) -> list[Any]:
    if isinstance(model, Sequential) and model.inputs:
        first = model.inputs[0]._keras_history.layer
        return [first, *(layer for layer in model.layers if layer is not first)]
    return list(model.layers)


def _edges(model: Any, layers: list[Any]) -> list[tuple[Any, Any]]:
    inside = {id(layer) for layer in layers}
    found: dict[tuple[int, int], tuple[Any, Any]] = {}
    for layer in layers:
        for node in layer._inbound_nodes:
            for before in node.inbound_layers:
                if id(before) in inside and before is not layer:
                    found[id(before), id(layer)] = (before, layer)
    return list(found.values())


def _label(layer: Any, shapes: bool, names: bool) -> str:
    kind = type(layer).__name__
    inner = getattr(layer, "layer", None)
    if inner is not None:
        kind = f"{kind}({type(inner).__name__})"
    label = f"{layer.name}: {kind}" if names else kind
    if not shapes:
        return label
    return f"{label}|{{input:|output:}}|{{{_shape(layer, 'input')}|{_shape(layer, 'output')}}}"


def _shape(layer: Any, side: str) -> str:
    try:
        return str(getattr(layer, f"{side}_shape"))
    except (ValueError, AttributeError):  # called several times, with several shapes
        return "multiple"
