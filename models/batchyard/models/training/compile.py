"""What `compile` fixes: objectives, metrics by name, and which weights are trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from batchyard.models import losses, metrics
from batchyard.models.engine.symbolic import Shape, SymbolicTensor
from batchyard.models.engine.weight import Weight
from batchyard.models.errors import InvalidArgumentError, InvalidTypeError
from batchyard.models.metrics.stateful import RunningMetric, is_stateful

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.model import Model

__all__ = ["Compiled", "NamedMetric", "Objective", "compile_model", "warn_of_changed_freezing"]

Scorer = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class NamedMetric:
    """A metric of one output.

    Attributes:
        name: in logs.
        function: (targets, predictions) to numbers whose mean is the metric.
        weighted: whether sample weights apply.
        running: the same as an object that counts over batches, if it is one.
    """

    name: str
    function: Scorer
    weighted: bool
    running: RunningMetric | None = None


@dataclass(frozen=True)
class Objective:
    """What is wanted of one output.

    Attributes:
        name: of the output.
        place: of the output among the model's outputs.
        loss: (targets, predictions) to numbers whose mean is the loss.
        weight: its factor in the total loss.
        metrics: in the order of the logs.
        shape: of the output.
        temporal: whether there is one sample weight per row and time step.
        masked: whether a mask comes with the output: loss and metrics count the steps that it leaves.
        counts_masked_steps: whether the loss is divided by the number of all steps nevertheless.
        target: what it is compared with, if that was fixed at `compile`; else it comes with the data.
    """

    name: str
    place: int
    loss: Scorer
    weight: float
    metrics: tuple[NamedMetric, ...]
    shape: Shape
    temporal: bool
    masked: bool = False
    counts_masked_steps: bool = False
    target: Tensor | SymbolicTensor | None = None


@dataclass(frozen=True)
class Compiled:
    """What training and evaluation need to know.

    Attributes:
        objectives: one per output that has a loss.
        metrics_names: "loss", the outputs' losses if there are several, the metrics: the order of all sums.
        trainable_weights: captured now: setting `trainable` later has no effect before the next `compile`.
        several: whether the model has several outputs, so that their losses are told one by one.
        frozen: identities of the weights of frozen layers, captured now: their moving averages stay.
    """

    objectives: tuple[Objective, ...]
    metrics_names: tuple[str, ...]
    trainable_weights: tuple[Weight, ...]
    several: bool
    frozen: frozenset[int] = frozenset()

    @property
    def running_metrics(self) -> list[tuple[str, RunningMetric]]:
        """The metrics that count over batches, by name."""
        return [(m.name, m.running) for o in self.objectives for m in o.metrics if m.running is not None]

    def reset_metrics(self) -> None:
        """Lets the metrics that count over batches begin anew."""
        for _, metric in self.running_metrics:
            metric.reset()

    @property
    def masked(self) -> bool:
        """Whether the loss of an output is masked."""
        return any(objective.masked for objective in self.objectives)


def compile_model(
    model: Model,
    loss: Any,
    metrics: Any,
    loss_weights: Any,
    sample_weight_mode: Any,
    weighted_metrics: Any,
    target_tensors: Any = None,
    counts_masked_steps: bool = False,
) -> Compiled:
    """Matches losses and metrics with the outputs of a built model.

    Args:
        model: built.
        loss: as in `Model.compile`.
        metrics: as in `Model.compile`.
        loss_weights: as in `Model.compile`.
        sample_weight_mode: as in `Model.compile`.
        weighted_metrics: as in `Model.compile`.
        target_tensors: as in `Model.compile`.
        counts_masked_steps: as in `Model.compile`.
    """
    names = model.output_names
    losses_of = _per_output(loss, names, "loss")
    model.plan_losses()
    if all(one is None for one in losses_of) and not model.losses:
        raise InvalidArgumentError(
            f"The model has no loss to optimize: compile needs one for at least one of the outputs {names}, "
            f"unless the model adds its own by add_loss or a regularizer. Received: loss={loss!r}."
        )
    factors = _per_output(loss_weights, names, "loss_weights", sequence=list)
    modes = _modes(sample_weight_mode, names)
    fixed = _fixed_targets(target_tensors, names)
    plain = _metrics_per_output(metrics, names, "metrics")
    weighted = _metrics_per_output(weighted_metrics, names, "weighted_metrics")
    objectives = []
    for place, name in enumerate(names):
        function = losses.get(losses_of[place])
        if function is None:
            continue
        shape = model.outputs[place].shape
        prefix = f"{name}_" if len(names) > 1 else ""
        found = [_metric(m, prefix, function, shape, False) for m in plain[place]]
        found += [_metric(m, prefix, function, shape, True) for m in weighted[place]]
        objectives.append(
            Objective(
                name,
                place,
                function,
                1.0 if factors[place] is None else float(factors[place]),
                tuple(found),
                shape,
                modes[place] == "temporal",
                model.outputs[place]._keras_mask is not None,
                counts_masked_steps,
                fixed[place],
            )
        )
    several = len(names) > 1
    log_names = ["loss"] + ([f"{o.name}_loss" for o in objectives] if several else [])
    for name in (m.name for o in objectives for m in o.metrics):
        log_names.append(_free(name, log_names))
    return Compiled(
        tuple(objectives), tuple(log_names), tuple(model.trainable_weights), several, _frozen(model)
    )


def _free(name: str, taken: Sequence[str]) -> str:
    """Returns a name for logs: with _1, _2 … behind it where it is taken."""
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found


def warn_of_changed_freezing(model: Model) -> None:
    """Warns if layers were frozen or thawed since `compile`, which has had no effect then."""
    captured, now = len(model.compiled.trainable_weights), len(model.trainable_weights)
    if captured != now:
        warnings.warn(
            f"Discrepancy between the weights that model {model.name} trains, {captured} since compile, and "
            f"those that are trainable now, {now}: `trainable` takes effect with the next compile.",
            UserWarning,
            stacklevel=3,
        )


def _frozen(model: Layer) -> frozenset[int]:
    """Returns the weights that no path of layers without a frozen one leads to."""
    weights: dict[bool, set[int]] = {True: set(), False: set()}
    seen: set[tuple[int, bool]] = set()

    def visit(layer: Layer, frozen: bool) -> None:
        frozen = frozen or not layer.trainable
        if (id(layer), frozen) not in seen:
            seen.add((id(layer), frozen))
            weights[frozen].update(map(id, layer._own_weights()))
            for inner in layer._sublayers():
                visit(inner, frozen)

    visit(model, False)
    return frozenset(weights[True] - weights[False])


def _modes(value: Any, names: list[str]) -> list[Any]:
    """Returns each output's mode of sample weights; a dictionary must name all outputs."""
    if isinstance(value, Mapping) and set(value) != set(names):
        raise InvalidArgumentError(
            f"sample_weight_mode must name each of the outputs {names}. Received: {sorted(value)}."
        )
    modes = _per_output(value, names, "sample_weight_mode")
    for mode in modes:
        if mode not in (None, "temporal"):
            raise InvalidArgumentError(f"sample_weight_mode must be None or 'temporal'. Received: {mode!r}.")
    return modes


def _fixed_targets(value: Any, names: list[str]) -> list[Tensor | SymbolicTensor | None]:
    """Returns the target of each output that was fixed; a symbolic tensor stands for targets to come."""
    if value is None:
        return [None] * len(names)
    if isinstance(value, Tensor | SymbolicTensor):
        if len(names) > 1:
            raise InvalidArgumentError(
                f"The model has {len(names)} outputs, but you passed a single tensor as `target_tensors`. "
                "Expected a list or a dict of tensors."
            )
        value = [value]
    elif isinstance(value, list) and len(value) != len(names):
        raise InvalidArgumentError(
            "When passing a list as `target_tensors`, it should have one entry per model output. The model "
            f"has {len(names)} outputs, but you passed target_tensors={value}"
        )
    elif not isinstance(value, list | Mapping):
        raise InvalidTypeError(
            "target_tensors must be a tensor, a list of them, or a dictionary by output name. Received: "
            f"{value!r}."
        )
    found = _per_output(value, names, "target_tensors")
    return [_data(one) for one in found]


def _data(target: Any) -> Tensor | SymbolicTensor | None:
    """Returns a fixed target that is a tensor, or follows from variables."""
    if isinstance(target, SymbolicTensor):
        return target if target._of_variables else None
    return target.detach() if isinstance(target, Tensor) else None


def _per_output(value: Any, names: list[str], what: str, sequence: Any = list | tuple) -> list[Any]:
    """Spreads an argument over the outputs.

    Args:
        value: the argument.
        names: of the outputs.
        what: the argument's name.
        sequence: the types of a value with one item per output.
    """
    if isinstance(value, Mapping) and not {"class_name", "config"} <= set(value):
        unknown = sorted(set(value) - set(names))
        if unknown:
            raise InvalidArgumentError(f"{what} names {unknown}, but the outputs are named {names}.")
        return [value.get(name) for name in names]
    if isinstance(value, list | tuple):
        if not isinstance(value, sequence):
            raise InvalidTypeError(
                f"{what} must be a list, or a dictionary by output name. Received: {value!r}."
            )
        if len(value) != len(names):
            raise InvalidArgumentError(
                f"{what} needs one item per output: expected {len(names)} for {names}, received "
                f"{len(value)}: {value}."
            )
        return list(value)
    return [value] * len(names)


def _metrics_per_output(value: Any, names: list[str], what: str) -> list[list[Any]]:
    if not value:
        return [[] for _ in names]
    if isinstance(value, Mapping):
        unknown = sorted(set(value) - set(names))
        if unknown:
            raise InvalidArgumentError(f"{what} names {unknown}, but the outputs are named {names}.")
        return [_listed(value.get(name)) for name in names]
    if isinstance(value, str) or callable(value):
        return [[value] for _ in names]
    if len(names) > 1 and any(isinstance(item, list | tuple) for item in value):
        return [_listed(item) for item in _per_output(list(value), names, what)]
    return [list(value) for _ in names]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _metric(metric: Any, prefix: str, loss: Scorer, shape: Shape, weighted: bool) -> NamedMetric:
    """Finds a metric's function and its name in logs; "accuracy" means what fits the loss and the output."""
    if weighted:
        prefix += "weighted_"
    if metric in ("accuracy", "acc"):
        kind = _kind(loss, shape)
        function = {
            "binary": metrics.binary_accuracy,
            "sparse": metrics.sparse_categorical_accuracy,
            "categorical": metrics.categorical_accuracy,
        }[kind]
        return NamedMetric(f"{prefix}acc", function, weighted)
    if metric in ("crossentropy", "ce"):
        function = {
            "binary": losses.binary_crossentropy,
            "sparse": losses.sparse_categorical_crossentropy,
            "categorical": losses.categorical_crossentropy,
        }[_kind(loss, shape)]
        return NamedMetric(f"{prefix}ce", function, weighted)
    found = metrics.get(metric)
    if found is None:
        raise InvalidArgumentError("A metric cannot be None. Leave it out of the list of metrics.")
    if is_stateful(found):
        running = cast(Any, found)  # a layer, with a name
        return NamedMetric(prefix + running.name, found, weighted, RunningMetric(found))
    name = getattr(found, "__name__", type(found).__name__)
    return NamedMetric(prefix + name, found, weighted)


def _kind(loss: Scorer, shape: Shape) -> str:
    loss = getattr(loss, "function", None) or loss  # of a loss with arguments
    if shape[-1] == 1 or loss is losses.binary_crossentropy:
        return "binary"
    return "sparse" if loss is losses.sparse_categorical_crossentropy else "categorical"
