"""How a model was compiled, and the optimizer's state, as Keras 3 keeps them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchyard.models.errors import NotSerializableError
from batchyard.models.saving.config import plain

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["compile_config", "optimizer_arrays", "training_config"]

#: Losses and metrics of Keras 2 by the name that Keras 3 knows.
_FUNCTIONS = {
    "KLD": "kl_divergence",
    "MAE": "mean_absolute_error",
    "MAPE": "mean_absolute_percentage_error",
    "MSE": "mean_squared_error",
    "MSLE": "mean_squared_logarithmic_error",
    "acc": "accuracy",
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
#: Optimizers of which Keras 3 lists the slots of one weight together; of the others kind by kind.
_TOGETHER = ("Adadelta", "Adam", "AdamW", "Adamax", "Nadam")
#: The objects' names there, where these aren't the class's in small letters.
_NAMES = {"RMSprop": "rmsprop", "SGD": "sgd"}


def compile_config(model: Model) -> dict[str, Any] | None:
    """Return how a model was compiled, as a `.keras` archive says it; None for one that wasn't.

    Raises:
        NotSerializableError: where Keras 3 has nothing like it.
    """
    if not model.is_compiled:
        return None
    name, config = _optimizer(model)
    return {
        "optimizer": {
            "module": "keras.optimizers",
            "class_name": name,
            "config": config,
            "registered_name": None,
        },
        **_objectives(model),
    }


def training_config(model: Model) -> dict[str, Any] | None:
    """Return how a model was compiled, as Keras 3's HDF5 files say it; None for one that wasn't.

    Raises:
        NotSerializableError: where Keras 3 has nothing like it.
    """
    if not model.is_compiled:
        return None
    name, config = _optimizer(model)
    return {**_objectives(model), "optimizer_config": {"class_name": name, "config": config}}


def optimizer_arrays(model: Model) -> list[NDArray[Any]]:
    """Return the state of a compiled model's optimizer, in Keras 3's order.

    That is: the steps, the learning rate unless it decays, then the slots.
    """
    optimizer = model.optimizer
    name = type(optimizer).__name__
    optimizer.build(model.compiled.trainable_weights)
    slots = {
        kind: [slot.detach().cpu().numpy() for slot in optimizer._slots.get(kind, [])]
        for kind in optimizer.slot_names
        if name in ("Adam", "AdamW") or not optimizer._is_placeholder(kind)
    }
    arrays: list[NDArray[Any]] = [np.array(optimizer.iterations, np.int32)]
    if not float(getattr(optimizer, "decay", 0.0)):
        arrays.append(np.array(float(optimizer.lr), np.float32))
    if name == "SGD" and not float(optimizer.momentum):  # type: ignore[attr-defined]
        return arrays
    if name in _TOGETHER:
        first, second = (slots[kind] for kind in optimizer.slot_names[:2])
        arrays += [array for pair in zip(first, second, strict=True) for array in pair]
        if name in ("Adam", "AdamW") and optimizer.amsgrad:  # type: ignore[attr-defined]
            arrays += slots["vhat"]
        if name == "Nadam":
            arrays.append(_product_of_momenta(optimizer))
        return arrays
    return arrays + [array for kind in slots.values() for array in kind]


def _optimizer(model: Model) -> tuple[str, dict[str, Any]]:
    """Return class and configuration of the optimizer, so that Keras 3's makes the same steps."""
    optimizer = model.optimizer
    name = type(optimizer).__name__
    config = plain(optimizer.get_config(), "optimizer")
    if not type(optimizer).__module__.startswith("batchyard.models."):
        return name, config
    if config.get("clipnorm") and config.get("clipvalue"):
        raise NotSerializableError(
            "The optimizer has clipnorm and clipvalue, of which Keras 3 takes one only. Compile the model "
            "with one of them, or save with include_optimizer=False."
        )
    rate, decay = config.pop("lr"), config.pop("decay", 0.0)
    if decay:
        schedule = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay, "staircase": False}
        rate = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": {**schedule, "name": "InverseTimeDecay"},
            "registered_name": None,
        }
    of_keras_3 = name == "LaterRMSprop"
    name = "RMSprop" if of_keras_3 else name
    config = {"name": _NAMES.get(name, name.lower()), "learning_rate": rate, **config}
    # Keras 2's norm is that of all gradients together.
    if not config.pop("clips_each", False) and "clipnorm" in config:
        config["global_clipnorm"] = config.pop("clipnorm")
    if name in ("RMSprop", "Adagrad") and not of_keras_3:
        # Keras 3 adds epsilon before the root is taken, Keras 2 behind it: its square is nearest.
        config["epsilon"] = config["epsilon"] ** 2
    if name == "Adagrad":
        config["initial_accumulator_value"] = 0.0
    if name == "Nadam":
        config.pop("schedule_decay")
        warnings.warn(
            "Keras 3's Nadam warms its momentum up at another pace (0.96^t instead of 0.96^(0.004 t)), so "
            "training goes on differently there. Adam is the same in both.",
            UserWarning,
            stacklevel=6,
        )
    return name, config


def _objectives(model: Model) -> dict[str, Any]:
    outputs = len(model.outputs)
    return {
        "loss": _named(plain(model.loss, "loss")),
        "loss_weights": plain(model.loss_weights, "loss_weights"),
        "metrics": _for_each_output(_named(plain(model.metrics or [], "metrics")), outputs),
        "weighted_metrics": _for_each_output(
            _named(plain(model.weighted_metrics or [], "weighted_metrics")), outputs
        ),
    }


def _for_each_output(metrics: Any, outputs: int) -> Any:
    """Return metrics listed for each output: to Keras 2, one list means all of them for every output."""
    if not metrics:
        return None
    if isinstance(metrics, list) and outputs > 1 and not any(isinstance(item, list) for item in metrics):
        return [metrics] * outputs
    return metrics


def _named(value: Any) -> Any:
    """Return losses or metrics by Keras 3's names; functions of the user as functions to be passed there."""
    from batchyard.models.metrics.functions import metrics

    if isinstance(value, list):
        return [_named(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _named(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if value in metrics or value in _FUNCTIONS or value == "accuracy":
        return _FUNCTIONS.get(value, value)
    return {"module": "builtins", "class_name": "function", "config": value, "registered_name": "function"}


def _product_of_momenta(optimizer: Any) -> NDArray[Any]:
    """Return what Keras 3's Nadam keeps besides the slots, as it computes it."""
    steps = np.arange(1, optimizer.iterations + 1, dtype=np.float64)
    return np.array(np.prod(float(optimizer.beta_1) * (1.0 - 0.5 * 0.96**steps)), np.float32)
