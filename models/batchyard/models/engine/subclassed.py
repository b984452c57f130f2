"""Models that are classes of their own: `call` is Python, and there is no graph of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.engine.input_layer import Input
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.shape_inference import TRIAL_SIZES, infer_output_shape
from batchyard.models.engine.step_context import collecting
from batchyard.models.engine.symbolic import (
    History,
    Node,
    Shape,
    SymbolicTensor,
    unpack_singleton,
)
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.training.randomness import lane_scope

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["CallGraph", "begin_subclassed", "build_subclassed"]


class CallGraph:
    """Stands for the graph, and its plan, of a model that has none: there is only its `call`.

    Args:
        model: of a class that defines `call`.
    """

    def __init__(self, model: Model) -> None:
        self._model = [model]  # in a list: torch must not take the model for a part of itself
        self.nodes: list[Node] = []
        self.node_depths: dict[Node, int] = {}

    @property
    def layers(self) -> list[Layer]:
        """The layers that were assigned as attributes, in that order."""
        return Layer._sublayers(self._model[0])

    @property
    def layer_depths(self) -> dict[Layer, int]:
        """No layer's output is known to be another's input: all have the depth 0."""
        return dict.fromkeys(self.layers, 0)

    @property
    def plan(self) -> CallGraph:
        """Itself."""
        return self

    def shapes(self, input_shapes: Sequence[Any]) -> list[Any]:
        """Returns the outputs' shapes for other input shapes, found by running `call`."""
        found = infer_output_shape(self._model[0], unpack_singleton(list(input_shapes)))
        return found if isinstance(found, list) else [found]

    def mask_shapes(self, shapes: Sequence[Shape], masks: Sequence[Shape | None]) -> list[Shape | None]:
        """Returns None for each output: masks end within `call`."""
        return [None] * len(self._model[0].outputs)

    def run_with_masks(
        self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]
    ) -> tuple[list[Tensor], list[Tensor | None]]:
        """Returns no outputs, and None for the mask of each; `call` computes them."""
        return [], [None] * len(self._model[0].outputs)


def begin_subclassed(model: Model) -> None:
    """Makes a model wait for the shapes of its inputs."""
    model.inputs = []
    model.outputs = []
    model._graph = CallGraph(model)


def build_subclassed(model: Model, input_shape: Any) -> None:
    """Builds the layers of a model by running its `call` once, on zeros.

    Args:
        model: of a class that defines `call`.
        input_shape: with the batch axis; a list of shapes for several inputs.

    Raises:
        InvalidArgumentError: if layers are in a list or dictionary where nobody finds them.
    """
    _check_tracked(model)
    shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    names = [f"input_{number}" for number in range(1, len(shapes) + 1)]
    inputs = [Input(batch_shape=tuple(s), name=name) for s, name in zip(shapes, names, strict=True)]
    dtype = torch_dtype(None)
    zeros = [
        torch.zeros([TRIAL_SIZES[0] if n is None else n for n in shape], dtype=dtype) for shape in shapes
    ]
    with torch.no_grad(), learning_phase_scope(False), lane_scope(0, 0, 0, 0), collecting():
        model.call(unpack_singleton(zeros))
    model.built = True
    found = infer_output_shape(model, unpack_singleton(list(map(tuple, shapes))))
    outputs = [
        SymbolicTensor(tuple(shape), dtype, f"output_{number}")
        for number, shape in enumerate(found if isinstance(found, list) else [found], 1)
    ]
    model.inputs, model.outputs = inputs, outputs
    node = Node(model, inputs, outputs, linked=False)
    for number, output in enumerate(outputs):
        output._keras_history = History(model, node.index, number)


def _check_tracked(model: Model) -> None:
    for name, value in vars(model).items():
        items = value.values() if isinstance(value, dict) else value
        kept = isinstance(value, list | tuple | dict) and not name.startswith("_")
        if kept and any(isinstance(item, Layer) for item in items):
            raise InvalidArgumentError(
                f"The layers in self.{name} of {type(model).__name__} are in a {type(value).__name__}, where "
                "training does not find them. Use torch.nn.ModuleList or torch.nn.ModuleDict, or one "
                "attribute for each."
            )
