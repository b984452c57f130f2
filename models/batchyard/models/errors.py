"""Every error that this library raises on purpose.

BatchyardModelsError
├── InvalidArgumentError     (ValueError)  an argument that no layer, optimizer, … can work with
│   ├── InvalidTypeError     (TypeError)   an argument that is of the wrong kind altogether
│   └── UnknownNameError     (ValueError)  a name that no registry knows
├── ShapeError               (ValueError)  a tensor or array whose shape does not fit
├── GraphError               (ValueError)  a graph of layers that cannot be built or run
│   ├── MaskingError         (TypeError)   a mask that reached a layer that cannot take it
│   └── NoSingleCallError    (AttributeError)  the input of a layer that was called never, or several times
├── NotBuiltError            (ValueError)  weights or shapes were asked of a layer that has none yet
├── NotCompiledError         (RuntimeError, ValueError)  training before `compile`
├── DataError                (ValueError)  arrays that do not fit the model or each other
├── WorkerLostError          (RuntimeError)  a process that made batches was killed
├── DownloadError            (OSError)     a file that could not be fetched, or is not the one expected
├── MissingPackageError      (ImportError) an optional package that is not installed
├── StateError               (ValueError)  bytes that are no fit state, or one of another model
├── CallbackStateError       (ValueError)  a callback's state that belongs to other callbacks
├── InvalidDecisionError     (ValueError)  text that is no decision of an epoch's end
├── UnknownMetricError       (ValueError)  a metric that the run doesn't have
├── NotSerializableError     (ValueError)  an object that no file or job file can hold
│   └── SubclassedModelError (NotImplementedError)  a model whose class computes by itself
├── ModelFileError           (ValueError)  a file that is no model file, or a damaged one
├── UnsafeCodeError          (ValueError)  a file that brings code, which was not allowed
└── NonFiniteLoss            (ArithmeticError)  the loss became NaN or infinite
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BatchyardModelsError",
    "CallbackStateError",
    "DataError",
    "DownloadError",
    "GraphError",
    "InvalidArgumentError",
    "InvalidDecisionError",
    "InvalidTypeError",
    "MaskingError",
    "MissingPackageError",
    "ModelFileError",
    "NoSingleCallError",
    "NonFiniteLoss",
    "NotBuiltError",
    "NotCompiledError",
    "NotSerializableError",
    "ShapeError",
    "StateError",
    "SubclassedModelError",
    "UnknownMetricError",
    "UnknownNameError",
    "UnsafeCodeError",
    "WorkerLostError",
]


class BatchyardModelsError(Exception):
    """The root: catches whatever this library raises on purpose."""


class InvalidArgumentError(BatchyardModelsError, ValueError):
    """Raised where an argument has a value that cannot be worked with."""


class InvalidTypeError(InvalidArgumentError, TypeError):
    """Raised where an argument is of a type that cannot be meant."""


class UnknownNameError(InvalidArgumentError):
    """Raised where a name (of a loss, a layer, an activation, …) is not registered."""

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
        """Builds the error for a `name` of a `kind` of thing, with the nearest known names.

        Args:
            kind: what was looked up, for example "loss".
            name: what was asked for.
            known: the names that exist.
        """
        names = sorted(set(known))
        near = difflib.get_close_matches(str(name), names, n=3)
        hint = (
            f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else f"Known: {', '.join(names)}."
        )
        return cls(f"Unknown {kind} {name!r}. {hint} For your own, pass the object itself or custom_objects.")


class ShapeError(BatchyardModelsError, ValueError):
    """Raised where a tensor's shape does not fit what a layer expects."""


class GraphError(BatchyardModelsError, ValueError):
    """Raised where layers cannot be connected into a model."""


class MaskingError(GraphError, TypeError):
    """Raised where a mask reaches a layer that does not say that it supports masks."""


class NoSingleCallError(GraphError, AttributeError):
    """Raised where `layer.input` or its kind is asked of a layer called never, or several times."""


class NotBuiltError(BatchyardModelsError, ValueError):
    """Raised where a layer or model has no weights or shapes yet."""


class NotCompiledError(BatchyardModelsError, RuntimeError, ValueError):
    """Raised where a model is trained or evaluated before `compile`."""

    def __init__(
        self, message: str = "The model is not compiled. Call model.compile(optimizer, loss) first."
    ) -> None:
        super().__init__(message)


class DataError(BatchyardModelsError, ValueError):
    """Raised where data do not fit the model, or arrays do not fit each other."""


class WorkerLostError(BatchyardModelsError, RuntimeError):
    """Raised where a worker process that makes batches was killed, so that a batch would never come."""


class DownloadError(BatchyardModelsError, OSError):
    """Raised where a file cannot be fetched from the network, has another hash, or is unsafe to extract."""


class MissingPackageError(BatchyardModelsError, ImportError):
    """Raised where something needs an optional package that is not installed."""


class StateError(BatchyardModelsError, ValueError):
    """Raised where bytes are no fit state, are damaged, or belong to another model."""


class CallbackStateError(BatchyardModelsError, ValueError):
    """Raised where callbacks are given the state of other callbacks, or are used without a model."""


class InvalidDecisionError(BatchyardModelsError, ValueError):
    """Raised where text that should be an epoch's decision is not one."""


class UnknownMetricError(BatchyardModelsError, ValueError):
    """Raised where a callback asks for a metric that is not in the logs."""


class NotSerializableError(BatchyardModelsError, ValueError):
    """Raised where an object has to be written down that cannot be, such as a function without a name."""


class SubclassedModelError(NotSerializableError, NotImplementedError):
    """Raised where a model that computes by a `call` of its own is to be described or saved."""


class ModelFileError(BatchyardModelsError, ValueError):
    """Raised where a file is no model file, is truncated, or holds something else than expected."""


class UnsafeCodeError(BatchyardModelsError, ValueError):
    """Raised where a file brings code of its own, and the user has not said `safe_mode=False`."""


class NonFiniteLoss(BatchyardModelsError, ArithmeticError):
    """Raised by the training loop, when asked to check, where a step's loss is NaN or infinite."""

    def __init__(self, epoch: int, step: int, loss: float) -> None:
        self.epoch = epoch
        self.step = step
        self.loss = loss
        super().__init__(
            f"The loss is {loss} in epoch {epoch + 1}, step {step + 1}: expected a finite number. "
            "Look for a learning rate that is too high, or for NaN in the data; "
            "clipnorm=1.0 in the optimizer often helps."
        )
