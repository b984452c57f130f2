"""Where a `fit` stands, and the bytes from which another process goes on with the same bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from batchyard.models.callbacks.state import CallbackState
from batchyard.models.engine.states import set_state_arrays, state_arrays
from batchyard.models.errors import StateError
from batchyard.models.training.computation import computation_of
from batchyard.models.training.packing import pack_arrays, unpack_arrays

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["FitState", "pack", "unpack"]


@dataclass
class FitState:
    """The cursor and the books of a `fit`, always at a step boundary.

    Weights and optimizer state are not here but in the model; `pack` takes both.

    Attributes:
        seed: the job's seed: order of rows and randomness of lanes follow from it.
        epoch: the epoch of the next step.
        step: the next step within the epoch.
        epoch_begun: whether the callbacks' `on_epoch_begin` was called for `epoch`.
        iterations: steps applied since the job began.
        sums: running sums of the current epoch, float64, laid out like `LaneResult.sums`, on the model's
            device; None before the epoch's first step.
        history: per log name, one value per finished epoch.
        epochs: the finished epochs.
        stopping: a member asked to stop: no further step of this epoch runs, only its end.
        stopped: training is over before its last epoch.
        stop_reason: why, in words.
        callbacks: the state of each callback at the end of the last finished epoch.
    """

    seed: int
    epoch: int = 0
    step: int = 0
    epoch_begun: bool = False
    iterations: int = 0
    sums: Tensor | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)
    stopping: bool = False
    stopped: bool = False
    stop_reason: str | None = None
    callbacks: list[CallbackState] = field(default_factory=list)

    def advance(self, sums: Tensor) -> None:
        """Enters an applied step into the books.

        Args:
            sums: of the step, over all lanes.
        """
        if self.sums is None:
            self.sums = torch.zeros_like(sums, dtype=torch.float64)
        self.sums += sums
        self.step += 1
        self.iterations += 1

    def end_epoch(self, logs: Mapping[str, float], callbacks: list[CallbackState]) -> None:
        """Enters a finished epoch into the books, and moves the cursor to the next one.

        Args:
            logs: for the history.
            callbacks: their states after the epoch's decision.
        """
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.epochs.append(self.epoch)
        self.callbacks = callbacks
        self.epoch += 1
        self.step = 0
        self.epoch_begun = False
        self.sums = None


#: What of a state goes into the values as it is, with the type that is expected when it comes back.
_PLAIN: dict[str, tuple[type, ...]] = {
    "seed": (int,),
    "epoch": (int,),
    "step": (int,),
    "epoch_begun": (bool,),
    "iterations": (int,),
    "history": (dict,),
    "epochs": (list,),
    "stopping": (bool,),
    "stopped": (bool,),
    "stop_reason": (str, type(None)),
}


def pack(model: Model, state: FitState) -> bytes:
    """Writes everything that a replacement needs to go on with the same bits.

    That is: all weights, the states of stateful layers, what stateful metrics have counted, the optimizer's
    slots, hyper-parameters and iteration count, the loss scale of mixed precision, the cursor, running sums,
    history, and the callbacks' states with their arrays. No pickle; equal states give equal bytes.

    Args:
        model: built and compiled.
        state: at a step boundary.
    """
    optimizer = model.optimizer
    optimizer.build(model.compiled.trainable_weights)
    arrays = {f"weight/{n}": _array(w) for n, w in enumerate(model.get_layer_weights())}
    arrays.update({f"state/{place}": array for place, array in state_arrays(model).items()})
    for number, (_, metric) in enumerate(model.compiled.running_metrics):
        arrays.update({f"metric/{number}/{name}": a for name, a in metric.get_state().items()})
    arrays.update({f"slot/{n}": _array(s) for n, s in enumerate(optimizer.slots)})
    if state.sums is not None:
        arrays["sums"] = _array(state.sums)
    for number, callback in enumerate(state.callbacks):
        arrays.update({f"callback/{number}/{name}": a for name, a in callback.arrays.items()})
    values = {name: getattr(state, name) for name in _PLAIN}
    values["optimizer"] = {
        "class_name": type(optimizer).__name__,
        "iterations": int(optimizer.iterations),
        "hyper_parameters": optimizer.hyper_parameters(),
    }
    scale = computation_of(model).loss_scale
    if scale is not None:
        values["loss_scale"] = scale.get_state()
    values["callbacks"] = [{"class_name": c.class_name, "values": c.values} for c in state.callbacks]
    return pack_arrays(values, arrays)


def unpack(data: bytes, model: Model) -> FitState:
    """Puts what `pack` wrote into `model` (built and compiled alike) and returns the state.

    The model is changed only after everything was checked.

    Args:
        data: what `pack` returned.
        model: built and compiled as the packed one was.

    Raises:
        StateError: if the bytes are damaged, of another version, or of another model.
    """
    values, arrays = unpack_arrays(data)
    optimizer = model.optimizer
    optimizer.build(model.compiled.trainable_weights)
    weights, slots = model.get_layer_weights(), optimizer.slots
    saved = _checked(values)
    described = saved["optimizer"]
    if described["class_name"] != type(optimizer).__name__:
        raise StateError(
            f"This fit state is of the optimizer {described['class_name']}, but the model is compiled with "
            f"{type(optimizer).__name__}. Compile it with the same one."
        )
    hyper_parameters = described["hyper_parameters"]
    if hyper_parameters.keys() != optimizer.hyper_parameters().keys():
        raise StateError(
            f"This fit state has the hyper-parameters {sorted(hyper_parameters)}, but "
            f"{type(optimizer).__name__} has "
            f"{sorted(optimizer.hyper_parameters())}."
        )
    for kind, targets in (("weight", weights), ("slot", slots)):
        _check_arrays(kind, targets, arrays)
    callbacks = [
        CallbackState(
            item["class_name"],
            item["values"],
            {
                name.removeprefix(f"callback/{number}/"): array
                for name, array in arrays.items()
                if name.startswith(f"callback/{number}/")
            },
        )
        for number, item in enumerate(saved["callbacks"])
    ]
    counted = []
    for number, (_, metric) in enumerate(model.compiled.running_metrics):
        head = f"metric/{number}/"
        found = {name.removeprefix(head): a for name, a in arrays.items() if name.startswith(head)}
        metric.check_state(found)
        counted.append((metric, found))
    states = {name.removeprefix("state/"): a for name, a in arrays.items() if name.startswith("state/")}
    set_state_arrays(model, states, model.device)  # the last that can be refused
    for metric, found in counted:
        metric.set_state(found)
    with torch.no_grad():
        for kind, targets in (("weight", weights), ("slot", slots)):
            for number, target in enumerate(targets):
                target.copy_(torch.from_numpy(arrays[f"{kind}/{number}"]))
    if not optimizer.records_updates:  # else it is among the slots, where the optimizer counts
        optimizer.iterations = described["iterations"]
    optimizer.set_hyper_parameters(hyper_parameters)
    scale = computation_of(model).loss_scale
    if scale is not None and "loss_scale" in saved:
        scale.set_state(saved["loss_scale"])
    state = FitState(**{name: saved[name] for name in _PLAIN}, callbacks=callbacks)
    if "sums" in arrays:
        state.sums = torch.from_numpy(arrays["sums"]).to(model.device)
    return state


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """Compares the values' types with what is expected."""
    expected = {**_PLAIN, "optimizer": (dict,), "callbacks": (list,)}
    for name, types in expected.items():
        if name not in values or not isinstance(values[name], types):
            raise StateError(
                f"The field {name!r} of this fit state should be {types[0].__name__}, but is "
                f"{values.get(name)!r:.100}."
            )
    optimizer = values["optimizer"]
    whole = isinstance(optimizer.get("class_name"), str) and type(optimizer.get("iterations")) is int
    if not whole or not isinstance(optimizer.get("hyper_parameters"), dict):
        raise StateError("The optimizer's part of this fit state is incomplete.")
    scale = values.get("loss_scale", {"scale": 1.0, "good_steps": 0})
    if not isinstance(scale, dict) or scale.keys() != {"scale", "good_steps"}:
        raise StateError("The loss scale of this fit state is incomplete.")
    for item in values["callbacks"]:
        if not isinstance(item, dict) or not isinstance(item.get("class_name"), str):
            raise StateError("The callbacks' part of this fit state is incomplete.")
    return values


def _check_arrays(kind: str, targets: Sequence[Tensor], arrays: Mapping[str, NDArray[Any]]) -> None:
    count = sum(name.startswith(f"{kind}/") for name in arrays)
    if count != len(targets):
        raise StateError(
            f"This fit state has {count} arrays of kind {kind}, but the model has {len(targets)}: it is "
            "another model's."
        )
    for number, target in enumerate(targets):
        array = arrays.get(f"{kind}/{number}")
        if array is None:
            raise StateError(f"This fit state lacks {kind} {number}: it is damaged. Use an older one.")
        if array.shape != tuple(target.shape) or array.dtype != _array(target).dtype:
            raise StateError(
                f"{kind} {number} of this fit state is {array.dtype} {array.shape}, but the model's is "
                f"{_array(target).dtype} {tuple(target.shape)}: it is another model's."
            )


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array
