"""A graph of layers that is itself a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from batchyard.models.backend.learning_phase import learning_phase_scope
from batchyard.models.engine.graph import Graph
from batchyard.models.engine.inspection import Inspection
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.network_config import network_config, network_from_config
from batchyard.models.engine.persistence import Persistence
from batchyard.models.engine.plan import Plan, direct_function, is_observed, may_call_directly
from batchyard.models.engine.step_context import current_step
from batchyard.models.engine.summary import print_summary
from batchyard.models.engine.symbolic import (
    Node,
    Shape,
    SymbolicTensor,
    to_list,
    unpack_singleton,
)
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import GraphError, InvalidArgumentError, ShapeError
from batchyard.models.utils.source_inputs import get_source_inputs

if TYPE_CHECKING:
    from batchyard.models.engine.subclassed import CallGraph

__all__ = ["Network"]


class Network(Persistence, Inspection, Layer):
    """Layers between symbolic inputs and outputs: run, looked into, described, and callable as a layer.

    Args:
        inputs: symbolic tensor made by `Input`, or a list of them.
        outputs: symbolic tensor that follows from the inputs, or a list of them.
        name: `model_1`, … if not given.
    """

    inputs: list[SymbolicTensor]
    outputs: list[SymbolicTensor]

    #: Computes besides the outputs the symbolic losses and updates that layers were given; None without such.
    _telling_plan: Plan | None = None
    #: Whether a call comes to running the plan, as long as nobody looks.
    _runs_plan = False
    _told_losses = 0
    _graph: Graph | CallGraph

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self._set_graph(to_list(inputs), to_list(outputs))

    def _set_graph(self, inputs: list[Any], outputs: list[Any]) -> None:
        for what, tensors in (("inputs", inputs), ("outputs", outputs)):
            for tensor in tensors:
                if not isinstance(tensor, SymbolicTensor):
                    raise GraphError(
                        f"The {what} of a model must be symbolic tensors, made by Input or by calling "
                        "layers on such. "
                        f"Received: {tensor!r}."
                    )
        for tensor in inputs:
            history = tensor._keras_history
            if not history.layer._inbound_nodes[history.node_index].is_entry:
                raise GraphError(
                    f"The inputs of a model must come from Input. {tensor!r} is the output of layer "
                    f"{history.layer.name}."
                )
        if len(set(map(id, inputs))) != len(inputs):
            raise GraphError(f"Each input of a model can be listed once only. Received: {inputs}.")
        self.inputs = inputs
        self.outputs = outputs
        self._graph = Graph(inputs, outputs)
        self._telling_plan = None
        self._runs_plan = direct_function(self) is Network.call.__wrapped__  # type: ignore[attr-defined]
        self._layer_modules = nn.ModuleList(self._graph.layers)
        # A network's own node comes first; it connects nothing. Calls of the network follow it.
        outer = self._inbound_nodes[1:]
        self._inbound_nodes = []
        Node(self, inputs, outputs, linked=False)
        self._inbound_nodes += outer
        self.built = True

    # Layers.

    @property
    def graph(self) -> Graph | CallGraph:
        """The layers and calls between inputs and outputs."""
        return self._graph

    @property
    def nodes(self) -> list[Node]:
        """The calls that make up the graph, each after those that it needs."""
        return self._graph.nodes

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        return self._graph.layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Returns a layer by name or by its place in `layers`.

        Raises:
            InvalidArgumentError: if there is none.
        """
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise InvalidArgumentError(
                    f"Model {self.name} has {len(layers)} layers; there is no layer at index {index}."
                )
            return layers[index]
        if name is None:
            raise InvalidArgumentError("get_layer needs a name or an index. Received neither.")
        for layer in layers:
            if layer.name == name:
                return layer
        raise InvalidArgumentError(
            f"Model {self.name} has no layer named {name!r}. Its layers: {', '.join(x.name for x in layers)}."
        )

    @property
    def input_names(self) -> list[str]:
        """The names of the input layers, in the order of `inputs`."""
        return [tensor._keras_history.layer.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers whose outputs are the model's, made unique, in the order of `outputs`."""
        names: list[str] = []
        for tensor in self.outputs:
            name = unique = tensor._keras_history.layer.name
            number = 0
            while unique in names:
                number += 1
                unique = f"{name}_{number}"
            names.append(unique)
        return names

    # Weights.

    @property
    def trainable(self) -> bool:
        """Whether `fit` changes the weights.

        Set, it is told to the layers within too: most don't mind, as in Keras 2, where a network's own
        attribute is all that counts.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        for module in self.modules():
            if isinstance(module, Layer) and module is not self:
                module.network_became_trainable(value)

    @property  # type: ignore[misc]  # made of the layers, never set
    def trainable_weights(self) -> list[Weight]:
        """Those of the layers, in order; none if the model is frozen."""
        if not self.trainable:
            return []
        return _unique([w for layer in self.layers for w in layer.trainable_weights])

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """Those of the layers, in order; all if the model is frozen."""
        others = [w for layer in self.layers for w in layer.non_trainable_weights]
        if self.trainable:
            return _unique(others)
        return _unique([w for layer in self.layers for w in layer.trainable_weights] + others)

    def get_layer_weights(self) -> list[Weight]:
        """Returns all weights, layer by layer: the order of `get_weights`, whatever is frozen."""
        return [w for layer in self.layers for w in layer.weights]

    def get_weights(self) -> list[NDArray[Any]]:
        """Returns copies of all weights, layer by layer."""
        return [weight.detach().cpu().numpy().copy() for weight in self.get_layer_weights()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Sets all weights, layer by layer.

        Raises:
            ShapeError: if the number of arrays or a shape differs; no weight has changed then.
        """
        own = self.get_layer_weights()
        arrays = [np.asarray(array) for array in weights]
        if len(own) != len(arrays):
            raise ShapeError(f"Model {self.name} has {len(own)} weights, but received {len(arrays)} arrays.")
        for weight, array in zip(own, arrays, strict=True):
            if tuple(weight.shape) != array.shape:
                raise ShapeError(
                    f"Weight {weight.keras_name} has the shape {tuple(weight.shape)}, but the array for it "
                    "has "
                    f"{array.shape}."
                )
        with torch.no_grad():
            for weight, array in zip(own, arrays, strict=True):
                weight.copy_(torch.from_numpy(np.array(array)))

    def _sublayers(self) -> list[Layer]:
        return [*super()._sublayers(), *self.layers]

    def _calls(self) -> list[Node]:
        """Returns the calls within the graph."""
        return list(self._graph.nodes) if self.built else []

    def _calls_on(self, inputs: list[Any]) -> list[Node]:
        wanted = list(map(id, inputs))
        outer = [node for node in self._inbound_nodes if node.linked]
        return [node for node in outer if list(map(id, node.input_tensors)) == wanted]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        first = _first_weight(self)
        return torch.device("cpu") if first is None else first.device

    # Computing.

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = None,
        *,
        masks_out: list[Tensor | None] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Computes the outputs for a tensor or a list of tensors.

        Args:
            inputs: one tensor per input.
            mask: the inputs' masks, None where there is none.
            training: whether the layers act as in training, whatever is done around: files of later versions
                call networks so. As the step says, by default.
            masks_out: a list to which the outputs' masks are appended.
            **kwargs: accepted for Keras's sake.
        """
        if training is not None:
            with learning_phase_scope(bool(training)):
                return self.call(inputs, mask, masks_out=masks_out)
        plan, tensors = self._plan_now(), to_list(inputs)
        if mask is None and masks_out is None:
            return unpack_singleton(self._tell(plan.run(tensors)))
        masks = [None] * len(tensors) if mask is None else to_list(mask)
        outputs, found = plan.run_with_masks(tensors, masks)
        if masks_out is not None:
            masks_out += found[: len(self.outputs)]
        return unpack_singleton(self._tell(outputs))

    @property
    def only_reads_inputs(self) -> bool:
        """Whether computing leaves the inputs as they are, and nothing of them in the outputs."""
        return self._runs_plan and not is_observed(self) and self._plan_now().only_reads_inputs()

    def _plan_now(self) -> Plan:
        """Returns how to compute the outputs, with the losses to tell the step, where there is one."""
        plan = self._graph.plan
        if self._telling_plan is not None and current_step() is not None:
            plan = self._telling_plan
        assert isinstance(plan, Plan)  # a model without a graph has a `call` of its own
        return plan

    def _tell(self, computed: list[Tensor]) -> list[Tensor]:
        """Tells the step the losses that were computed besides the outputs; returns the outputs."""
        count = len(self.outputs)
        if len(computed) > count and (context := current_step()) is not None:
            context.batch_losses += computed[count : count + self._told_losses]
        return computed[:count]

    def plan_losses(self) -> None:
        """Prepares to compute the symbolic losses and updates that this network and its layers were given.

        Raises:
            GraphError: if one does not follow from the network's inputs.
        """
        layers = list(self._with_inner_layers())
        for layer in layers[1:]:
            if isinstance(layer, Network):
                layer.plan_losses()
        inner = {id(x) for n in layers[1:] if isinstance(n, Network) for x in n._with_inner_layers()}
        own = [layer for layer in layers if id(layer) not in inner]
        losses = [
            one.value
            for layer in own
            for one in layer._losses
            if isinstance(one.value, SymbolicTensor) and self._is_of_this_graph(layer, one.value)
        ]
        updates = [
            one.value
            for layer in own
            for one in layer._updates
            if isinstance(one.value, SymbolicTensor) and self._is_of_this_graph(layer, one.value)
        ]
        self._told_losses = len(losses)
        wanted = [*losses, *updates]
        self._telling_plan = Graph(self.inputs, [*self.outputs, *wanted]).plan if wanted else None

    def _is_of_this_graph(self, layer: Layer, value: SymbolicTensor) -> bool:
        """Whether a loss or update that a layer was given is of this graph; a shared layer has others too."""
        return layer is self or self._follows_from_inputs(value)

    def _follows_from_inputs(self, value: SymbolicTensor) -> bool:
        return set(map(id, get_source_inputs(value))) <= set(map(id, self.inputs))

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Adds to the loss that training minimizes; see `Layer.add_loss`.

        Raises:
            GraphError: if a symbolic loss does not follow from the model's inputs.
        """
        symbolic = (
            [] if current_step() else [loss for loss in to_list(losses) if isinstance(loss, SymbolicTensor)]
        )
        for loss in symbolic:
            if not self._follows_from_inputs(loss):
                raise GraphError(
                    f"The loss {loss!r} follows from {get_source_inputs(loss)}, but the inputs of model "
                    f"{self.name} are {self.inputs}: the two are disconnected. Build it from the model's "
                    "inputs and the outputs of its layers."
                )
        super().add_loss(losses, inputs)
        if symbolic:
            self.plan_losses()

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the outputs' masks, found by running the layers."""
        tensors = to_list(inputs)
        masks = [None] * len(tensors) if mask is None else to_list(mask)
        return unpack_singleton(self._graph.plan.run_with_masks(tensors, masks)[1])

    def infer_masks(
        self, shapes: Sequence[Shape], masks: Sequence[Shape | None], count: int
    ) -> list[Shape | None]:
        """Returns the shapes of the outputs' masks, found by asking the layers."""
        return self._graph.plan.mask_shapes(shapes, masks)

    def compute_outputs(
        self, inputs: Sequence[Tensor], masks_out: list[Tensor | None] | None = None
    ) -> list[Tensor]:
        """Computes the outputs, always as a list, through `__call__` where hooks have to run.

        Args:
            inputs: one tensor per input.
            masks_out: a list to which the outputs' masks are appended.
        """
        if masks_out is None and self._runs_plan and may_call_directly() and not is_observed(self):
            return self._tell(self._plan_now().run(inputs, directly=True))
        arguments = {} if masks_out is None else {"masks_out": masks_out}
        return to_list(self(unpack_singleton(list(inputs)), **arguments))

    def run_internal_graph(self, inputs: Any, masks: Any = None) -> tuple[list[Any], list[Any], list[Any]]:
        """Computes the outputs, and returns them with their masks and their shapes.

        Args:
            inputs: one tensor per input, symbolic or not.
            masks: one mask per input, or None.
        """
        given = to_list(inputs)
        known = None if masks is None else unpack_singleton(to_list(masks))
        outputs = to_list(self(unpack_singleton(given), mask=known))
        found = to_list(self.compute_mask(unpack_singleton(given), known))
        return outputs, found, [tuple(output.shape) for output in outputs]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the outputs' shapes for other input shapes."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        return unpack_singleton(self._graph.plan.shapes(shapes))

    def reset_states(self) -> None:
        """Sets the states of all stateful layers to zeros."""
        for layer in self.layers:
            reset = getattr(layer, "reset_states", None)
            if reset is not None and (layer.stateful or isinstance(layer, Network)):
                reset()

    # Describing.

    def get_config(self) -> dict[str, Any]:
        """Returns layers and connections, in Keras 2.2.4's layout."""
        assert isinstance(self._graph, Graph)  # models of classes of their own say before that they have none
        return network_config(self.name, self._graph)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a network from what `get_config` returned.

        Args:
            config: the description.
            custom_objects: further names that it may use.
        """
        inputs, outputs, name = network_from_config(config, custom_objects)
        return cls(inputs=inputs, outputs=outputs, name=name)

    def summary(
        self, line_length: int | None = None, positions: Sequence[float] | None = None, print_fn: Any = None
    ) -> None:
        """Prints the layers with output shapes and numbers of weights.

        Args:
            line_length: in characters.
            positions: where columns end, as fractions of the line.
            print_fn: called with each line; `print` by default.
        """
        print_summary(self, line_length, positions, print_fn)


def _unique(weights: list[Weight]) -> list[Weight]:
    return list({id(weight): weight for weight in weights}.values())


def _first_weight(module: nn.Module) -> Tensor | None:
    """Is `next(module.parameters(), None)`, which walks over all modules before it gives one."""
    for weight in module._parameters.values():
        if weight is not None:
            return weight
    for inner in module._modules.values():
        if inner is not None and (found := _first_weight(inner)) is not None:
            return found
    return None
