"""From symbolic outputs back to the inputs: which layers, in which order, and a flat plan to compute them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.module import _has_any_global_hook

from batchyard.models.engine.bindings import bound
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.masking import accepts, masks_of_outputs
from batchyard.models.engine.step_context import in_step
from batchyard.models.engine.symbolic import Node, Shape, SymbolicTensor, to_list, unpack_singleton
from batchyard.models.errors import GraphError

__all__ = ["Graph", "Plan", "direct_function", "is_observed", "may_call_directly"]


@dataclass(frozen=True)
class _Call:
    """One line of a plan: which layer, from which slots, into which slots, and which slots are then free.

    Attributes:
        layer: to be called.
        inputs: slots of its input.
        outputs: slots of its outputs.
        node: the call; asked if symbolic tensors are among its arguments.
        sources: slots of all its sources, None if these are the inputs alone.
        free: slots that nobody needs after this line.
        relu: the line that only takes the relu of this one's output, which nobody else needs.
        function: what a call of the layer comes to, as long as nobody looks at it; None if it is more.
    """

    layer: Layer
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    node: Node
    sources: tuple[int, ...] | None
    free: tuple[int, ...]
    relu: _Call | None = None
    function: Callable[..., Any] | None = None

    def arguments(self, slots: Sequence[Any]) -> dict[str, Any]:
        """Returns the keyword arguments."""
        if self.sources is None:
            arguments: dict[str, Any] = self.node.arguments
            return arguments
        return self.node.filled([slots[place] for place in self.sources])[1]

    def compute(self, given: Any, slots: Sequence[Any], arguments: dict[str, Any]) -> Any:
        """Calls the layer."""
        captured = self.node.captured
        if not captured:
            return self.layer(given, **arguments)
        assert self.sources is not None  # captured tensors are among them
        tensors = [slots[place] for place in self.sources[-captured:]]
        with bound(self.node.sources[-captured:], tensors):
            return self.layer(given, **arguments)


def _joined_with_relus(calls: Sequence[_Call], kept: set[int]) -> list[_Call]:
    """Lets layers that can take a relu along do so, in the memory that they have just written.

    Args:
        calls: all lines.
        kept: slots of the graph's outputs.
    """
    uses = Counter(place for call in calls for place in call.sources or call.inputs)
    plain = [call for call in calls if call.function is not None and not call.node.arguments]
    relus = {call.inputs[0]: call for call in plain if getattr(call.layer, "is_relu", False)}
    takers = {
        call.outputs[0]: relus[call.outputs[0]]
        for call in plain
        if hasattr(call.layer, "call_with_relu")
        and call.outputs[0] in relus
        and uses[call.outputs[0]] == 1
        and call.outputs[0] not in kept
    }
    return [replace(call, relu=takers.get(call.outputs[0])) for call in calls]


def direct_function(layer: Layer) -> Callable[..., Any] | None:
    """Returns the function of (layer, inputs) that a call comes to, as long as nobody looks at the layer.

    See `is_observed`. None if the class has a front door of its own, or the user has written its `call`.
    """
    kind = type(layer)
    if layer._written_by_user or kind.__call__ is not Layer.__call__ or kind.forward is not Layer.forward:
        return None
    function: Callable[..., Any] = getattr(kind.call, "__wrapped__", kind.call)
    return function


def is_observed(layer: Layer) -> bool:
    """Whether a call of a layer does more than to compute: it must be called by its front door then."""
    return bool(
        not layer.built
        or layer._forward_hooks
        or layer._forward_pre_hooks
        or layer._backward_hooks
        or layer._backward_pre_hooks
        or layer.activity_regularizer
        or "call" in layer.__dict__
    )


def may_call_directly() -> bool:
    """Whether a step computes, and nobody looks at all of torch's modules."""
    observed: bool = _has_any_global_hook()  # type: ignore[no-untyped-call]
    return not observed and (torch.compiler.is_compiling() or in_step())


class Plan:
    """A graph as a list of calls on numbered slots: computing it touches no symbolic object.

    Args:
        nodes: in an order in which each one's inputs are there.
        inputs: the graph's inputs.
        outputs: its outputs.
    """

    def __init__(
        self, nodes: Sequence[Node], inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]
    ) -> None:
        slots: dict[int, int] = {}

        def slot(tensor: SymbolicTensor) -> int:
            return slots.setdefault(id(tensor), len(slots))

        self._inputs = [slot(tensor) for tensor in inputs]
        made = [n for n in nodes if not n.is_entry]
        lines = [
            (n, tuple(slot(t) for t in n.sources), tuple(slot(t) for t in n.output_tensors)) for n in made
        ]
        self._outputs = [slot(tensor) for tensor in outputs]
        last_use = {s: number for number, (_, ins, outs) in enumerate(lines) for s in (*outs, *ins)}
        kept = set(self._outputs)
        self._calls = [
            _Call(
                n.outbound_layer,
                ins[: n.positional],
                outs,
                n,
                ins if len(ins) > n.positional else None,
                tuple(s for s in dict.fromkeys((*ins, *outs)) if last_use[s] == number and s not in kept),
                function=direct_function(n.outbound_layer) if len(ins) == n.positional else None,
            )
            for number, (n, ins, outs) in enumerate(lines)
        ]
        self._calls = _joined_with_relus(self._calls, kept)
        self._slots = len(slots)
        #: Whether a layer within makes masks, whatever the inputs bring.
        self._makes_masks = any(t._keras_mask is not None for n in made for t in n.output_tensors)

    def run(self, inputs: Sequence[Tensor], directly: bool | None = None) -> list[Tensor]:
        """Computes the graph's outputs.

        Args:
            inputs: one per input of the graph.
            directly: what `may_call_directly` has said, if it was asked already.
        """
        if self._makes_masks:
            return self.run_with_masks(inputs, [None] * len(inputs))[0]
        slots: list[Any] = [None] * self._slots
        for place, tensor in zip(self._inputs, inputs, strict=True):
            slots[place] = tensor
        if directly is None:
            directly = may_call_directly()
        done: set[int] = set()  # outputs of relus that were taken with the line before
        for call in self._calls:
            layer, function, places = call.layer, call.function, call.outputs
            if len(call.inputs) == 1:
                given = slots[call.inputs[0]]
            else:
                given = [slots[place] for place in call.inputs]
            if directly and function is not None and not is_observed(layer):
                if call.relu is not None and not is_observed(call.relu.layer):
                    result = layer.call_with_relu(given)
                    done.add(call.relu.outputs[0])
                elif done and places[0] in done:
                    result = given
                else:
                    result = function(layer, given, **call.node.arguments)
            elif call.sources is None:
                result = layer(given, **call.node.arguments)
            else:
                result = call.compute(given, slots, call.arguments(slots))
            if len(places) == 1:
                slots[places[0]] = result[0] if isinstance(result, (list, tuple)) else result
            else:
                for place, tensor in zip(places, result, strict=True):
                    slots[place] = tensor
            for place in call.free:
                slots[place] = None
        return [slots[place] for place in self._outputs]

    def only_reads_inputs(self) -> bool:
        """Whether the graph's inputs stay as they are, whatever is done with the outputs."""
        places = set(self._inputs)
        readers = [call for call in self._calls if places & set(call.sources or call.inputs)]
        observed: bool = _has_any_global_hook()  # type: ignore[no-untyped-call]
        return not (
            observed
            or places & set(self._outputs)
            or any(not c.layer._only_reads or c.layer._written_by_user for c in readers)
            or any(is_observed(call.layer) for call in readers)
        )

    def run_with_masks(
        self, inputs: Sequence[Tensor], masks: Sequence[Tensor | None]
    ) -> tuple[list[Tensor], list[Tensor | None]]:
        """Computes the graph's outputs, and their masks.

        Args:
            inputs: one per input of the graph.
            masks: theirs; None where there is none.
        """
        if not self._makes_masks and all(mask is None for mask in masks):
            return self.run(inputs), [None] * len(self._outputs)
        slots: list[Any] = [None] * self._slots
        mask_slots: list[Any] = [None] * self._slots
        for place, tensor, mask in zip(self._inputs, inputs, masks, strict=True):
            slots[place], mask_slots[place] = tensor, mask
        for call in self._calls:
            given = unpack_singleton([slots[place] for place in call.inputs])
            before = [mask_slots[place] for place in call.inputs]
            mask = unpack_singleton(before)
            arguments = call.arguments(slots)
            after: list[Any] | None = None
            if accepts(call.layer, "masks_out"):
                # A network knows the masks once it has run: it must not run twice.
                after = []
                arguments = {"mask": mask, **arguments, "masks_out": after}
            elif any(one is not None for one in before) and accepts(call.layer, "mask"):
                arguments = {"mask": mask, **arguments}
            result = call.compute(given, slots, arguments)
            if after is None:
                after = masks_of_outputs(call.layer, given, mask, len(call.outputs))
            results = result if isinstance(result, list | tuple) else [result]
            for place, tensor, one in zip(call.outputs, results, after, strict=True):
                slots[place], mask_slots[place] = tensor, one
            for place in call.free:
                slots[place] = mask_slots[place] = None
        return [slots[place] for place in self._outputs], [mask_slots[place] for place in self._outputs]

    def mask_shapes(
        self, input_shapes: Sequence[Shape], input_masks: Sequence[Shape | None]
    ) -> list[Shape | None]:
        """Returns the shapes of the outputs' masks for given inputs; None where there is none."""
        slots: list[Any] = [None] * self._slots
        masks: list[Shape | None] = [None] * self._slots
        for place, shape, mask in zip(self._inputs, input_shapes, input_masks, strict=True):
            slots[place], masks[place] = shape, mask
        for call in self._calls:
            shapes = [slots[place] for place in call.inputs]
            found = call.layer.compute_output_shape(unpack_singleton(shapes))
            several = found if isinstance(found, list) else [found]
            after = call.layer.infer_masks(shapes, [masks[p] for p in call.inputs], len(several))
            for place, one, mask in zip(call.outputs, several, after, strict=True):
                slots[place], masks[place] = one, mask
        return [masks[place] for place in self._outputs]

    def shapes(self, input_shapes: Sequence[Any]) -> list[Any]:
        """Returns the shapes of the outputs for other input shapes than the graph was made with."""
        slots: list[Any] = [None] * self._slots
        for place, shape in zip(self._inputs, input_shapes, strict=True):
            slots[place] = shape
        for call in self._calls:
            shape = call.layer.compute_output_shape(unpack_singleton([slots[place] for place in call.inputs]))
            several = to_list(shape) if isinstance(shape, list) else [shape]
            for place, one in zip(call.outputs, several, strict=True):
                slots[place] = one
        return [slots[place] for place in self._outputs]


class Graph:
    """The layers between inputs and outputs.

    Attributes:
        nodes: in Keras's order: deepest first.
        layers: in Keras's order: deepest first, then in the order in which a walk from the outputs meets
            them.
        plan: how to compute the outputs.
        node_depths: the greatest distance of each node to an output.
        layer_depths: that of each layer's deepest node.

    Args:
        inputs: symbolic tensors of input layers.
        outputs: symbolic tensors.

    Raises:
        GraphError: if an output does not follow from the inputs, or two layers have the same name.
    """

    def __init__(self, inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> None:
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        walked, met = _walk(self.outputs)
        for tensor in self.inputs:
            met.setdefault(tensor._keras_history.layer, len(met))
        node_depth, layer_depth = _depths(walked)
        for tensor in self.inputs:
            history = tensor._keras_history
            node = history.layer._inbound_nodes[history.node_index]
            if node not in node_depth:
                node_depth[node] = 0
                layer_depth.setdefault(history.layer, 0)
                walked.append(node)
        self.node_depths, self.layer_depths = node_depth, layer_depth
        self.layers = sorted(met, key=lambda layer: (-layer_depth[layer], met[layer]))
        place = {layer: number for number, layer in enumerate(self.layers)}
        self.nodes = sorted(
            node_depth, key=lambda node: (-node_depth[node], place[node.outbound_layer], node.index)
        )
        self._check()
        self.plan = Plan(self.nodes, self.inputs, self.outputs)

    def _check(self) -> None:
        available = {id(tensor) for tensor in self.inputs}
        for node in self.nodes:
            for tensor in node.sources:
                if id(tensor) not in available:
                    raise GraphError(
                        f"The graph is disconnected: layer {node.outbound_layer.name} needs {tensor!r}, "
                        "which does not "
                        f"follow from the model's inputs {self.inputs}. Add the missing Input to the "
                        "model's inputs."
                    )
            if not node.is_entry:
                available.update(id(tensor) for tensor in node.output_tensors)
        for tensor in self.outputs:
            if id(tensor) not in available:
                raise GraphError(
                    f"The output {tensor!r} does not follow from the model's inputs {self.inputs}."
                )
        names: dict[str, Layer] = {}
        for layer in self.layers:
            if names.setdefault(layer.name, layer) is not layer:
                raise GraphError(
                    f"The name {layer.name!r} is used "
                    f"{sum(other.name == layer.name for other in self.layers)} times "
                    "in the model: all layer names must be unique. Pass name=… to one of the layers."
                )


def _walk(outputs: Sequence[SymbolicTensor]) -> tuple[list[Node], dict[Layer, int]]:
    """Walks from the outputs to the inputs.

    Returns:
        the nodes, each after those that it needs; and the layers with the order in which they were met.
    """
    walked: list[Node] = []
    done: set[Node] = set()
    met: dict[Layer, int] = {}
    for output in outputs:
        stack = [(_node_of(output), False)]
        while stack:  # no recursion: deep networks have a thousand layers
            node, entered = stack.pop()
            if entered:
                walked.append(node)
            elif node not in done:
                done.add(node)
                met.setdefault(node.outbound_layer, len(met))
                stack.append((node, True))
                stack.extend((_node_of(tensor), False) for tensor in reversed(node.sources))
    return walked, met


def _depths(walked: list[Node]) -> tuple[dict[Node, int], dict[Layer, int]]:
    """Returns the greatest distance to an output, of nodes and of layers (the deepest of a layer's nodes)."""
    node_depth: dict[Node, int] = {}
    layer_depth: dict[Layer, int] = {}
    for node in reversed(walked):
        layer = node.outbound_layer
        depth = max(node_depth.setdefault(node, 0), layer_depth.get(layer, 0))
        layer_depth[layer] = node_depth[node] = depth
        for tensor in node.sources:
            before = _node_of(tensor)
            node_depth[before] = max(depth + 1, node_depth.get(before, 0))
    return node_depth, layer_depth


def _node_of(tensor: SymbolicTensor) -> Node:
    history = tensor._keras_history
    return history.layer._inbound_nodes[history.node_index]
