"""A graph as a flat plan: which layer is called on which numbers, in which order."""

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

__all__ = ["Plan", "direct_function", "is_observed", "may_call_directly"]


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
