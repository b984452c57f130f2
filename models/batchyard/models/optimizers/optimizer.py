"""What all optimizers have in common: slots, clipping, constraints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from batchyard.models.backend.hyper_parameter import get_value, set_value
from batchyard.models.engine.recording import computing, is_recording, recording
from batchyard.models.engine.symbolic import SymbolicTensor
from batchyard.models.engine.variable import Variable
from batchyard.models.errors import InvalidArgumentError, InvalidTypeError, ShapeError
from batchyard.models.optimizers.fused import fusable, stored_alike
from batchyard.models.optimizers.hyper import Hyper

if TYPE_CHECKING:
    from batchyard.models.optimizers.recorded import RecordedUpdates

__all__ = ["Optimizer"]


class Optimizer:
    """Changes weights in place, once a step, given their gradients.

    An optimizer of your own defines `get_updates(loss, params)` as in Keras 2: it makes its variables,
    appends what `backend.update` and its like return to `self.updates`, and returns that. Or it defines
    `_update`, which changes the weights by torch's means, and names its slots.

    Args:
        lr: the learning rate.
        clipnorm: greatest norm of all gradients together; larger ones are scaled down.
        clipvalue: greatest absolute value of a gradient's elements; larger ones are cut.

    Attributes:
        iterations: the updates made so far; a variable in an optimizer that records its updates.
        clips_each: whether `clipnorm` is the greatest norm of each gradient by itself, as in tf.keras and
            Keras 3. Files of these versions bring it.
    """

    #: The slots that a subclass keeps per weight, in the order in which Keras stores them.
    slot_names: ClassVar[tuple[str, ...]] = ()
    #: Whether Keras stores the number of iterations before the slots.
    stores_iterations: ClassVar[bool] = True

    #: Whether updates are recorded once, as the class defines how they are made in Keras's way.
    records_updates: ClassVar[bool] = False

    lr = Hyper()
    clipnorm: float
    clipvalue: float
    clips_each: bool = False
    #: What `get_updates` collects.
    updates: list[Any]
    _hyper: dict[str, Any]
    _iterations: Any
    #: What the class says that its state is.
    _declared: list[Any]
    _recorded: RecordedUpdates | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Finds out whether the class makes its updates in Keras's way; then its variables are recorded."""
        super().__init_subclass__(**kwargs)
        if "get_updates" in cls.__dict__ or "get_gradients" in cls.__dict__:
            cls.records_updates = True
        if cls.records_updates and "__init__" in cls.__dict__:
            cls.__init__ = _while_recording(cls.__dict__["__init__"])  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Makes the books before `__init__`: a class of your own may set hyper-parameters first."""
        self = super().__new__(cls)
        self._hyper = {}
        self._iterations = 0
        self._declared = []
        self._recorded = None
        return self

    def __init__(
        self, lr: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None
    ) -> None:
        if lr is not None:
            self.lr = lr
        self.updates = []
        for name, value in (("clipnorm", clipnorm), ("clipvalue", clipvalue)):
            if value is not None and value < 0:
                raise InvalidArgumentError(f"{name} must not be negative. Received: {name}={value}.")
            if value is not None:
                setattr(self, name, value)
        self._slots: dict[str, list[Tensor]] = {}
        self._pending: list[NDArray[Any]] | None = None
        self._built_for: list[tuple[Tensor, int]] = []
        self._fusable = False

    @property
    def iterations(self) -> Any:
        """The updates made so far: a number, or a variable in an optimizer that records its updates."""
        if is_recording() and not isinstance(self._iterations, Tensor):
            start = torch.tensor(self._iterations, dtype=torch.int64)
            self._iterations = Variable.of(start, False, f"{type(self).__name__}/iterations:0")
        return self._iterations

    @iterations.setter
    def iterations(self, value: Any) -> None:
        if isinstance(value, Tensor) or not isinstance(self._iterations, Tensor):
            self._iterations = value
        else:
            set_value(self._iterations, value)

    # Slots.

    def build(self, params: Sequence[Tensor]) -> None:
        """Makes the slots for the weights, unless they are there for weights of these shapes."""
        if not self.records_updates:
            self.make_slots(params)
        elif self._recorded is None or not self._recorded.are_of(params):
            from batchyard.models.optimizers.recorded import RecordedUpdates

            self._recorded = RecordedUpdates(self, params)
            if self._pending is not None:
                pending, self._pending = self._pending, None
                self.set_weights(pending)

    def make_slots(self, params: Sequence[Tensor]) -> None:
        """Is `build` for the slots that `slot_names` lists."""
        if self._slots and _same(params, self._built_for):
            return
        self._built_for = [(p, p.data_ptr()) for p in params]
        self._fusable = fusable(params)
        shapes = [p.shape for p in params]
        if self._slots_fit(shapes, params):
            for name in self.slot_names:
                if not self._is_placeholder(name):
                    self._slots[name] = stored_alike(self._slots[name], params)
            return
        self._slots = {name: [self._new_slot(name, p) for p in params] for name in self.slot_names}
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self.set_weights(pending)

    def _slots_fit(self, shapes: list[torch.Size], params: Sequence[Tensor]) -> bool:
        if not self.slot_names:
            return True
        for name in self.slot_names:
            slots = self._slots.get(name)
            if slots is None or len(slots) != len(shapes):
                return False
            for slot, shape, param in zip(slots, shapes, params, strict=True):
                if (slot.shape != shape and not self._is_placeholder(name)) or slot.device != param.device:
                    return False
        return True

    def _is_placeholder(self, name: str) -> bool:
        """Whether this slot is only kept because Keras stores one."""
        return False

    def _new_slot(self, name: str, param: Tensor) -> Tensor:
        if self._is_placeholder(name):
            return torch.zeros(1, dtype=param.dtype, device=param.device)
        return torch.zeros_like(param, requires_grad=False).detach()

    @property
    def slots(self) -> list[Tensor]:
        """All slots in Keras's order, without the number of iterations; all variables of recorded updates."""
        if self._recorded is not None:
            return self._recorded.variables
        return [slot for name in self.slot_names for slot in self._slots.get(name, [])]

    @property
    def weights(self) -> list[Tensor]:
        """What Keras stores of this optimizer, in its order.

        The iterations (not all have them), then the slots.
        """
        if self.records_updates:
            return self._declared
        count = self._iterations
        tensor = count if isinstance(count, Tensor) else torch.tensor(count, dtype=torch.int64)
        return ([tensor] if self.stores_iterations else []) + self.slots

    @weights.setter
    def weights(self, weights: Sequence[Any]) -> None:
        self._declared = list(weights)

    def get_weights(self) -> list[NDArray[Any]]:
        """Returns copies of `weights`."""
        return [weight.detach().cpu().numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Sets what `get_weights` returned.

        Before the first update there are no slots yet: the values are kept until then.

        Raises:
            ShapeError: if the number of arrays or a shape differs; nothing has changed then.
        """
        arrays = [np.asarray(array) for array in weights]
        if self.records_updates:
            self._set_declared(arrays)
            return
        if self.slot_names and not self._slots:
            if self.stores_iterations and arrays:
                self.iterations = int(arrays[0])
            self._pending = [array.copy() for array in arrays]
            return
        own = self.weights
        self._check_weights(own, arrays)
        with torch.no_grad():
            if self.stores_iterations:
                self.iterations = int(arrays[0])
                own, arrays = own[1:], arrays[1:]
            for mine, array in zip(own, arrays, strict=True):
                mine.copy_(torch.from_numpy(np.array(array)))

    def _set_declared(self, arrays: list[NDArray[Any]]) -> None:
        """Is `set_weights` where updates are recorded: before that, the values are kept."""
        if self._recorded is None:
            self._pending = [array.copy() for array in arrays]
            return
        self._check_weights(self.weights, arrays)
        for mine, array in zip(self.weights, arrays, strict=True):
            set_value(mine, array)

    def _check_weights(self, own: list[Tensor], arrays: list[NDArray[Any]]) -> None:
        if len(own) != len(arrays):
            raise ShapeError(
                f"{type(self).__name__} has {len(own)} weights here, but received {len(arrays)} arrays. "
                "It was probably used with another model."
            )
        for place, (mine, array) in enumerate(zip(own, arrays, strict=True)):
            if tuple(mine.shape) != array.shape:
                raise ShapeError(
                    f"Weight {place} of {type(self).__name__} has the shape {tuple(mine.shape)}, but the "
                    "array for it "
                    f"has {array.shape}."
                )

    # Updating.

    def apply(self, params: Sequence[Tensor], grads: Sequence[Tensor]) -> None:
        """Makes one update in place.

        Args:
            params: the weights, the same ones at every call.
            grads: one per weight; may be overwritten.
        """
        if self.records_updates:
            self.build(params)
            assert self._recorded is not None  # made by build
            self._recorded.make(grads)
            return
        with torch.no_grad():
            self.build(params)
            if params:
                self._update(list(params), self._clip(list(grads)))
            self._iterations += 1
            for param in params:
                constraint = getattr(param, "constraint", None)
                if constraint is not None:
                    with computing():
                        param.copy_(constraint(param))

    def update_apart(
        self, weights: list[Tensor], grads: list[Tensor], hypers: dict[str, float], iterations: int
    ) -> list[Tensor]:
        """Makes the update on other weights, and returns the slots that it would leave; nothing here changes.

        Args:
            weights: changed in place.
            grads: one per weight; may be overwritten.
            hypers: all hyper-parameters.
            iterations: the updates before this one.
        """
        kept = self._hyper, self._iterations, self._slots
        self._slots = {name: [slot.clone() for slot in slots] for name, slots in self._slots.items()}
        self._hyper, self._iterations = hypers, iterations
        try:
            self._update(weights, grads)
            return [slot for name in self.slot_names for slot in self._slots[name]]
        finally:
            self._hyper, self._iterations, self._slots = kept

    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        """Makes the update; `iterations` still counts the updates before this one.

        Raises:
            InvalidTypeError: if a class of your own defines neither this nor `get_updates`.
        """
        raise InvalidTypeError(
            f"{type(self).__name__} does not say how it changes weights. Define "
            "get_updates(self, loss, params)."
        )

    def _clip(self, grads: list[Tensor]) -> list[Tensor]:
        clipnorm = getattr(self, "clipnorm", None)
        if clipnorm and self.clips_each:
            norms = torch._foreach_norm(grads)
            grads = [g * (clipnorm / torch.clamp(n, min=clipnorm)) for g, n in zip(grads, norms, strict=True)]
        elif clipnorm:
            squares = torch.stack([torch.sum(torch.square(g)) for g in grads])
            norm = torch.sqrt(torch.sum(squares))
            # No branch: the device need not be waited for.
            factor = torch.where(norm >= clipnorm, clipnorm / norm, torch.ones_like(norm))
            grads = [g * factor for g in grads]
        if clipvalue := getattr(self, "clipvalue", None):
            grads = [torch.clamp(g, -clipvalue, clipvalue) for g in grads]
        return grads

    def get_gradients(self, loss: Any, params: Sequence[Tensor]) -> list[Any]:
        """Returns the gradients of a loss, clipped; symbolic ones if the loss is.

        Args:
            loss: depends on the weights.
            params: the weights.
        """
        from batchyard.models.optimizers.updates import clipped_gradients

        return clipped_gradients(self._clip, loss, params)

    def get_updates(self, loss: Any, params: Sequence[Tensor]) -> list[Any]:
        """Returns what `backend.function(…, updates=…)` takes to make one update at each call.

        Args:
            loss: symbolic; with another one the update is made now.
            params: the weights.
        """
        if is_recording():
            from batchyard.models.optimizers.recorded import updates_by_graph

            return updates_by_graph(self, loss, params)
        from batchyard.models.optimizers.updates import updates_of

        return updates_of(self, loss, params)

    def _number(self, name: str) -> float:
        """Returns a hyper-parameter as a plain float, which is asked for in every step."""
        held = self._hyper[name]
        return held if type(held) is float else float(get_value(held))

    # Describing.

    def hyper_parameters(self) -> dict[str, float]:
        """Returns the numbers that may change while training, by name."""
        known = {name: held for name, held in self._hyper.items() if not isinstance(held, SymbolicTensor)}
        return {name: float(get_value(held)) for name, held in known.items()}

    @property
    def hyper_names(self) -> list[str]:
        """The names of all hyper-parameters."""
        return list(self._hyper)

    def set_hyper_parameters(self, values: Mapping[str, float]) -> None:
        """Sets what `hyper_parameters` returned."""
        for name, value in values.items():
            setattr(self, name, value)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        lr = {"lr": float(get_value(self.lr))} if "lr" in self._hyper else {}
        return {
            **lr,
            **{name: getattr(self, name) for name in ("clipnorm", "clipvalue") if hasattr(self, name)},
            **({"clips_each": True} if self.clips_each else {}),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes an optimizer from what `get_config` returned; `learning_rate` is understood as `lr`."""
        arguments = dict(config)
        if "learning_rate" in arguments:
            arguments["lr"] = arguments.pop("learning_rate")
        arguments.pop("name", None)
        clips_each = bool(arguments.pop("clips_each", False))
        made = cls(**arguments)
        if clips_each:
            made.clips_each = True
        return made


def _while_recording(init: Callable[..., None]) -> Callable[..., None]:
    """Returns an `__init__` in which variables and hyper-parameters are recorded."""

    @wraps(init)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        with recording():
            init(self, *args, **kwargs)

    return wrapped


def _same(params: Sequence[Tensor], known: list[tuple[Tensor, int]]) -> bool:
    """Whether these are the same weights, at the same places in memory."""
    return len(params) == len(known) and all(
        p is one and p.data_ptr() == at for p, (one, at) in zip(params, known, strict=True)
    )
