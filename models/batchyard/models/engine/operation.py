"""Functions applied to symbolic tensors: each application is a small layer of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor

from batchyard.models.backend.learning_phase import learning_phase, learning_phase_scope
from batchyard.models.backend.names import get_uid
from batchyard.models.backend.symbolic_call import holds_symbolic
from batchyard.models.engine.bindings import current_bindings, noting
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.open_sizes import ERRORS, outputs_by_search
from batchyard.models.engine.recording import records, with_numbers
from batchyard.models.engine.step_context import collecting
from batchyard.models.engine.structure import Slot, map_structure
from batchyard.models.engine.symbolic import (
    LEARNING_PHASE,
    Shape,
    SymbolicTensor,
    to_list,
    unpack_singleton,
)
from batchyard.models.errors import GraphError, NotSerializableError, ShapeError
from batchyard.models.training.randomness import lane_scope

__all__ = ["Operation", "apply_symbolically", "record"]

#: What open sizes are set to in the pairs of trials; the second pair serves divisions such as (-1, 4).
_TRIAL_SIZES = ((2, 3), (12, 24))


class Operation(Layer):
    """A function that a graph applies to tensors: what arithmetic on symbolic tensors makes.

    It has no weights, ends masks, and cannot be saved.

    Args:
        function: of tensors.
        args: its arguments, symbolic tensors among them at any depth of lists, tuples and dictionaries.
        kwargs: likewise, by name.

    Source: own; Keras 2.2.4 leaves such nodes to TensorFlow, and takes them inside of Lambda only.
    """

    def __init__(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
    ) -> None:
        name = getattr(function, "__name__", "function").strip("_") or "function"
        super().__init__(name=f"op_{name}_{get_uid(f'op_{name}')}", trainable=False)
        self.function = function
        self.symbolic_inputs: list[SymbolicTensor] = []
        self._template = self._with_slots((tuple(args), dict(kwargs or {})))
        self._dtypes = [tensor.dtype for tensor in self.symbolic_inputs]
        #: Per input its numbers by trial, where they follow from shapes, as those of `shape(x)` do.
        self._known = [getattr(tensor, "_trial_values", {}) for tensor in self.symbolic_inputs]
        self._found: dict[int, list[Tensor]] = {}
        self._structure: Any = None
        #: Per output whether it stores only what is not zero, where that is known.
        self._sparse: list[bool] = []
        #: What a function among the arguments brings along, as the step of `rnn` or what `map_fn` applies.
        self._captured: list[SymbolicTensor] = []
        self._needs_no_input = not self.symbolic_inputs
        self.built = True

    def _with_slots(self, value: Any) -> Any:
        def visit(leaf: Any) -> Any:
            if not isinstance(leaf, SymbolicTensor) or leaf is LEARNING_PHASE:
                return leaf
            for number, known in enumerate(self.symbolic_inputs):
                if known is leaf:
                    return Slot(number)
            self.symbolic_inputs.append(leaf)
            return Slot(len(self.symbolic_inputs) - 1)

        return map_structure(value, visit)

    def call(self, inputs: Any) -> Any:
        """Computes the outputs: one tensor, or a list of all tensors in what the function returns."""
        leaves: list[Tensor] = []
        map_structure(self._result(to_list(inputs)), lambda leaf: _collect(leaf, leaves))
        return unpack_singleton(leaves)

    def _result(self, inputs: Sequence[Tensor]) -> Any:
        def visit(leaf: Any) -> Any:
            if isinstance(leaf, Slot):
                return inputs[leaf.number]
            return int(bool(learning_phase())) if leaf is LEARNING_PHASE else leaf

        args, kwargs = map_structure(self._template, visit)
        return self.function(*args, **kwargs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None: a function does not say what a mask means for its result."""
        return

    def _symbolic_outputs(
        self,
        shapes: list[Shape],
        inputs: list[SymbolicTensor],
        arguments: dict[str, Any],
        captured: list[SymbolicTensor],
    ) -> list[SymbolicTensor]:
        outputs = [
            SymbolicTensor(shape, dtype, f"{self.name}/output_{number}")
            for number, (shape, dtype) in enumerate(self._infer(shapes))
        ]
        captured += self._captured
        for output, sparse in zip(outputs, self._sparse, strict=False):
            output._is_sparse = sparse
        if self._found:
            self._note_values(shapes, outputs)
        return outputs

    def _note_values(self, shapes: list[Shape], outputs: list[SymbolicTensor]) -> None:
        """Tells the operations after this one the numbers that follow from shapes."""
        for size in (size for pair in _TRIAL_SIZES for size in pair):
            if size not in self._found:
                with suppress(RuntimeError, NotImplementedError):
                    self._run_without_numbers(shapes, size, "meta")
        for number, output in enumerate(outputs):
            values = {s: v[number] for s, v in self._found.items() if not v[number].is_meta}
            if values:
                output._trial_values = values

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the outputs' shapes, found by running the function on tensors without numbers."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        return unpack_singleton([shape for shape, _ in self._infer(shapes)])

    def _infer(self, shapes: Sequence[Shape]) -> list[tuple[Shape, torch.dtype]]:
        if self._needs_no_input:  # nothing is open
            found = self._run_without_numbers([], 0, "cpu")
            self._sparse = [one.layout != torch.strided for one in found]
            return [(tuple(one.shape), one.dtype) for one in found]
        for last, (one, other) in enumerate(_TRIAL_SIZES, 1):
            try:
                first, second = self._trial(shapes, one), self._trial(shapes, other)
            except ERRORS as error:
                if last == len(_TRIAL_SIZES):
                    searched = self._search(shapes)
                    if searched is not None:
                        return searched
                    raise ShapeError(
                        f"The function {self.name} cannot be applied to inputs of the shapes "
                        f"{list(shapes)}: {error}"
                    ) from error
            else:
                break
        return [
            (tuple(a if a == b else None for a, b in zip(x.shape, y.shape, strict=True)), x.dtype)
            for x, y in zip(first, second, strict=True)
        ]

    def _search(self, shapes: Sequence[Shape]) -> list[tuple[Shape, torch.dtype]] | None:
        """Finds the outputs where constants fix some open sizes, and others not."""

        def run(filled: list[Shape]) -> list[Tensor]:
            return self._trial(filled, _TRIAL_SIZES[0][0])

        sizes = self._sizes_of_constants()
        found = outputs_by_search(run, shapes, sizes)
        if found is None:  # another input, or what a function brings along, may fix them as well
            others = [n for one in (*self.symbolic_inputs, *self._captured) for n in one.shape if n]
            found = outputs_by_search(run, shapes, [*sizes, *others])
        return None if found is None else [(shape, output.dtype) for shape, output in found]

    def _sizes_of_constants(self) -> list[int]:
        sizes: dict[int, None] = {}

        def visit(leaf: Any) -> Any:
            if isinstance(leaf, Tensor) and leaf.ndim:
                sizes.update(dict.fromkeys(leaf.shape))
            return leaf

        map_structure(self._template, visit)
        for known in (tensor for tensor in self.symbolic_inputs if tensor._of_variables):
            sizes.update({size: None for size in known.shape if size is not None})
        return list(sizes)

    def _trial(self, shapes: Sequence[Shape], size: int) -> list[Tensor]:
        try:
            return self._run_without_numbers(shapes, size, "meta")
        except (RuntimeError, NotImplementedError):
            # An operator without a meta kernel, or tensors with numbers among the arguments.
            return self._run_without_numbers(shapes, size, "cpu")

    def _run_without_numbers(self, shapes: Sequence[Shape], size: int, device: str) -> list[Tensor]:
        inputs = [
            known[size]
            if size in known
            else torch.zeros([size if n is None else n for n in shape], dtype=dtype, device=device)
            for shape, dtype, known in zip(shapes, self._dtypes, self._known, strict=True)
        ]
        leaves: list[Tensor] = []
        brought = self._brought_along(size, device)
        with torch.no_grad(), learning_phase_scope(False), lane_scope(0, 0, 0, 0), collecting(), brought:
            self._structure = map_structure(self._result(inputs), lambda leaf: _collect(leaf, leaves))
        if device == "meta" and any(not leaf.is_meta for leaf in leaves):
            self._found[size] = leaves
        return leaves

    @contextmanager
    def _brought_along(self, size: int, device: str) -> Iterator[None]:
        """Gives symbolic tensors that a function among the arguments meets numbers too, and notes them."""
        if current_bindings() is not None:
            yield
            return

        def made(one: SymbolicTensor) -> Tensor:
            return torch.zeros([size if n is None else n for n in one.shape], dtype=one.dtype, device=device)

        with noting(made) as bindings:
            self._captured = bindings.met
            yield

    def rebuilt(self, outputs: Sequence[Any]) -> Any:
        """Returns outputs in the structure that the function returned: alone, or in lists and tuples."""
        return map_structure(
            self._structure, lambda leaf: outputs[leaf.number] if isinstance(leaf, Slot) else leaf
        )

    def get_config(self) -> dict[str, Any]:
        """Refuses: which function it is, no file can tell.

        Raises:
            NotSerializableError: always.
        """
        raise NotSerializableError(
            f"The model contains {self.name}, a function applied to symbolic tensors outside of any layer, "
            "which a file can't hold. Put it into a Lambda layer with a named function."
        )


def apply_symbolically(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
) -> Any:
    """Applies a function to symbolic tensors, and returns symbolic tensors in the structure of its result.

    Args:
        function: of tensors.
        args: its arguments, with symbolic tensors among them.
        kwargs: likewise, by name.
    """
    bindings = current_bindings()
    known = (tuple(args), dict(kwargs or {}))
    if not records():
        known = with_numbers(known)
    if bindings is not None:
        known = bindings.resolve(known)
    if not holds_symbolic(known):
        return function(*known[0], **known[1])
    made = Operation(function, args, kwargs)
    if not made.symbolic_inputs:
        raise GraphError(
            f"{made.name} depends on the learning phase alone, outside of training and test. Compute it "
            "inside a layer's call, or set the phase by set_learning_phase."
        )
    return made.rebuilt(to_list(made(made.symbolic_inputs)))


def record(
    function: Callable[..., Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> Any:
    """Makes a function of variables a node without inputs, computed whenever its output is asked for.

    Args:
        function: of tensors.
        args: its arguments, with variables among them.
        kwargs: likewise, by name.
    """
    made = Operation(function, args, kwargs)
    return made.rebuilt(to_list(made._connect([], {})))


def _collect(leaf: Any, leaves: list[Tensor]) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    leaves.append(leaf)
    return Slot(len(leaves) - 1)
