"""What all optimizers have in common: hyper-parameters, slots, clipping, constraints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from batchyard.models.backend.configuration import epsilon
from batchyard.models.backend.hyper_parameter import HyperParameter, round_to_floatx
from batchyard.models.errors import InvalidArgumentError, ShapeError
from batchyard.models.optimizers.fused import fusable

__all__ = ["Hyper", "Optimizer"]


class Hyper:
    """An attribute that is a hyper-parameter: a float rounded as the default float type holds it.

    It can be set as `optimizer.lr = 0.1` and by `backend.set_value(optimizer.lr, 0.1)`.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type | None = None) -> HyperParameter:
        return HyperParameter(owner._hyper[self._name], owner, self._name)

    def __set__(self, owner: Any, value: Any) -> None:
        owner._hyper[self._name] = round_to_floatx(float(value))


class Optimizer(ABC):
    """Changes weights in place, once a step, given their gradients.

    Args:
        lr: the learning rate.
        clipnorm: greatest norm of all gradients together; larger ones are scaled down.
        clipvalue: greatest absolute value of a gradient's elements; larger ones are cut.

    Attributes:
        iterations: the updates made so far.
    """

    #: The slots that a subclass keeps per weight, in the order in which Keras stores them.
    slot_names: ClassVar[tuple[str, ...]] = ()
    #: Whether Keras stores the number of iterations before the slots.
    stores_iterations: ClassVar[bool] = True

    lr = Hyper()

    def __init__(self, lr: float, clipnorm: float | None = None, clipvalue: float | None = None) -> None:
        self._hyper: dict[str, float] = {}
        self.lr = lr
        for name, value in (("clipnorm", clipnorm), ("clipvalue", clipvalue)):
            if value is not None and value < 0:
                raise InvalidArgumentError(f"{name} must not be negative. Received: {name}={value}.")
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.iterations = 0
        self._slots: dict[str, list[Tensor]] = {}
        self._pending: list[NDArray[Any]] | None = None
        self._built_for: list[tuple[Tensor, int]] = []
        self._fusable = False

    # Slots.

    def build(self, params: Sequence[Tensor]) -> None:
        """Makes the slots for the weights, unless they are there for weights of these shapes."""
        if self._slots and _same(params, self._built_for):
            return
        self._built_for = [(p, p.data_ptr()) for p in params]
        self._fusable = fusable(params)
        shapes = [p.shape for p in params]
        if self._slots_fit(shapes, params):
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
        """All slots in Keras's order, without the number of iterations."""
        return [slot for name in self.slot_names for slot in self._slots.get(name, [])]

    @property
    def weights(self) -> list[Tensor]:
        """What Keras stores of this optimizer, in its order.

        The iterations (not all have them), then the slots.
        """
        iterations = [torch.tensor(self.iterations, dtype=torch.int64)] if self.stores_iterations else []
        return iterations + self.slots

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
        if self.slot_names and not self._slots:
            if self.stores_iterations and arrays:
                self.iterations = int(arrays[0])
            self._pending = [array.copy() for array in arrays]
            return
        own = self.weights
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
        with torch.no_grad():
            if self.stores_iterations:
                self.iterations = int(arrays[0])
                own, arrays = own[1:], arrays[1:]
            for mine, array in zip(own, arrays, strict=True):
                mine.copy_(torch.from_numpy(np.array(array)))

    # Updating.

    def apply(self, params: Sequence[Tensor], grads: Sequence[Tensor]) -> None:
        """Makes one update in place.

        Args:
            params: the weights, the same ones at every call.
            grads: one per weight; may be overwritten.
        """
        with torch.no_grad():
            self.build(params)
            if params:
                self._update(list(params), self._clip(list(grads)))
            self.iterations += 1
            for param in params:
                constraint = getattr(param, "constraint", None)
                if constraint is not None:
                    param.copy_(constraint(param))

    @abstractmethod
    def _update(self, params: list[Tensor], grads: list[Tensor]) -> None:
        """Makes the update; `iterations` still counts the updates before this one."""

    def _clip(self, grads: list[Tensor]) -> list[Tensor]:
        if self.clipnorm:
            squares = torch.stack([torch.sum(torch.square(g)) for g in grads])
            norm = torch.sqrt(torch.sum(squares))
            # No branch: the device need not be waited for.
            factor = torch.where(norm >= self.clipnorm, self.clipnorm / norm, torch.ones_like(norm))
            grads = [g * factor for g in grads]
        if self.clipvalue:
            grads = [torch.clamp(g, -self.clipvalue, self.clipvalue) for g in grads]
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
        from batchyard.models.optimizers.updates import updates_of

        return updates_of(self, loss, params)

    # Describing.

    def hyper_parameters(self) -> dict[str, float]:
        """Returns the numbers that may change while training, by name."""
        return dict(self._hyper)

    def set_hyper_parameters(self, values: Mapping[str, float]) -> None:
        """Sets what `hyper_parameters` returned."""
        for name, value in values.items():
            setattr(self, name, value)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        config: dict[str, Any] = {"lr": float(self.lr)}
        if self.clipnorm is not None:
            config["clipnorm"] = self.clipnorm
        if self.clipvalue is not None:
            config["clipvalue"] = self.clipvalue
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes an optimizer from what `get_config` returned; `learning_rate` is understood as `lr`."""
        arguments = dict(config)
        if "learning_rate" in arguments:
            arguments["lr"] = arguments.pop("learning_rate")
        arguments.pop("name", None)
        return cls(**arguments)


def _same(params: Sequence[Tensor], known: list[tuple[Tensor, int]]) -> bool:
    """Whether these are the same weights, at the same places in memory."""
    return len(params) == len(known) and all(
        p is one and p.data_ptr() == at for p, (one, at) in zip(params, known, strict=True)
    )


class DecayingOptimizer(Optimizer):
    """An optimizer whose learning rate decays: lr / (1 + decay * iterations).

    Args:
        lr: the learning rate.
        decay: of the learning rate, per update.
        clipnorm: greatest norm of all gradients together.
        clipvalue: greatest absolute value of a gradient's elements.
    """

    decay = Hyper()

    def __init__(
        self,
        lr: float,
        decay: float = 0.0,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        super().__init__(lr, clipnorm, clipvalue)
        self.decay = decay

    def decayed_lr(self) -> float:
        """Returns the learning rate of the update that comes next."""
        return float(self.lr) / (1.0 + float(self.decay) * self.iterations)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "decay": float(self.decay)}


def epsilon_or_default(value: float | None) -> float:
    """Returns an optimizer's epsilon: the library's where none is given."""
    return epsilon() if value is None else float(value)
