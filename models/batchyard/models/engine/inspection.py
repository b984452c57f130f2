"""What code of Keras's time reads from a model besides its documented properties."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

from batchyard.models.engine.symbolic import Node, Shape, SymbolicTensor, to_list

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.network import Network

__all__ = ["Inspection"]


class Inspection:
    """Properties of a network that follow from its graph."""

    @property
    def _network(self) -> Network:
        return cast("Network", self)

    @property
    def uses_learning_phase(self) -> bool:
        """Whether an output differs between training and test."""
        return any(tensor._uses_learning_phase for tensor in self._network.outputs)

    @property
    def state_updates(self) -> list[Any]:
        """The updates of layers that keep states from batch to batch."""
        return [u for layer in self._network.layers if layer.stateful for u in layer.updates]

    @property
    def _input_layers(self) -> list[Layer]:
        return [tensor._keras_history.layer for tensor in self._network.inputs]

    @property
    def _output_layers(self) -> list[Layer]:
        return [tensor._keras_history.layer for tensor in self._network.outputs]

    @property
    def _nodes_by_depth(self) -> dict[int, list[Node]]:
        found: dict[int, list[Node]] = defaultdict(list)
        for node, depth in self._network.graph.node_depths.items():
            found[depth].append(node)
        return dict(found)

    @property
    def _layers_by_depth(self) -> dict[int, list[Layer]]:
        found: dict[int, list[Layer]] = defaultdict(list)
        depths = self._network.graph.layer_depths
        for layer in self._network.graph.layers:
            found[depths[layer]].append(layer)
        return dict(found)

    def _fed(self) -> list[SymbolicTensor]:
        return [
            tensor
            for tensor in self._network.inputs
            if getattr(tensor._keras_history.layer, "input_tensor", None) is None
        ]

    @property
    def _feed_inputs(self) -> list[SymbolicTensor]:
        """The inputs for which data are to be passed."""
        return self._fed()

    @property
    def _feed_input_names(self) -> list[str]:
        return [tensor._keras_history.layer.name for tensor in self._fed()]

    @property
    def _feed_input_shapes(self) -> list[Shape]:
        return [tensor.shape for tensor in self._fed()]

    def _set_inputs(self, inputs: Any, outputs: Any = None, training: Any = None) -> None:
        """Gives a model whose `inputs` were set to None its inputs again.

        Args:
            inputs: symbolic tensors, in the order of the model's graph.
            outputs: accepted for Keras's sake, as is `training`.
            training: see `outputs`.
        """
        from batchyard.models.errors import GraphError

        if self._network.inputs is not None:
            raise GraphError(f"Model {self._network.name} has its inputs already: {self._network.inputs}.")
        self._network._set_graph(to_list(inputs), self._network.outputs)

    # What servers of Keras's time call before they start threads: here there is nothing to be made.

    def _make_train_function(self) -> None:
        """Checks that the model is compiled, as training would."""
        self._network.compiled  # noqa: B018

    def _make_test_function(self) -> None:
        """Checks that the model is compiled, as evaluation would."""
        self._network.compiled  # noqa: B018

    def _make_predict_function(self) -> None:
        """Does nothing: a model predicts as it is, in any thread."""
