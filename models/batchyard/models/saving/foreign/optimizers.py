"""Optimizers of later versions: their configurations as this library's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.saving.custom_objects import find_custom_object
from batchyard.models.saving.foreign.objectives import CannotMap
from batchyard.models.saving.foreign.objects import plain_class_name
from batchyard.models.saving.foreign.producer import KERAS_1, KERAS_2, Producer

__all__ = ["rewrite_optimizer"]

#: Arguments that change nothing at these values.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "clipnorm": (None,),
    "clipvalue": (None,),
    "ema_overwrite_frequency": (None, 100),
    "global_clipnorm": (None,),
    "gradient_accumulation_steps": (None,),
    "loss_scale_factor": (None,),
    "use_ema": (False,),
    "weight_decay": (None, 0, 0.0),
    "epsilon": (None,),
}
#: Arguments that change nothing, whatever they say.
_IRRELEVANT = ("ema_momentum", "is_legacy_optimizer", "jit_compile", "name", "initial_accumulator_value")
#: Optimizers of later versions that this library lacks.
_LACKING = ("Adafactor", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer", "Muon", "ScheduleFreeAdamW")
#: An epsilon that makes no difference whether it stands under Adagrad's root or behind it.
_SMALL = 1e-6
#: Names of classes in capitals of Keras 2.2.
_NAMES = {"sgd": "SGD", "rmsprop": "RMSprop"}


def rewrite_optimizer(value: Mapping[str, Any], producer: Producer) -> dict[str, Any]:
    """Returns an optimizer's class and arguments as this library has them.

    Args:
        value: class and arguments as they were written.
        producer: who wrote them.

    Raises:
        CannotMap: where it does what none here does.
    """
    name = plain_class_name(str(value.get("class_name")))
    name = _NAMES.get(name.lower(), name)
    config = dict(value["config"])
    if producer.family in (KERAS_1, KERAS_2):
        return {"class_name": name, "config": _of_keras_2(config)}
    if name in _LACKING and find_custom_object(name) is None:
        raise CannotMap(f"the optimizer {name}, which isn't here")
    rate = config.pop("learning_rate", config.pop("lr", None))
    if isinstance(rate, Mapping):
        rate, config["decay"] = _rate_and_decay(rate, name)
    if rate is not None:
        config["lr"] = rate
    legacy = _is_legacy(value, producer)
    if name == "Nadam":
        decay = config.pop("decay", None)  # TensorFlow 1's has schedule_decay, as Keras 2's
        config.setdefault("schedule_decay", decay if legacy and decay is not None else 1.0)
    if name == "RMSprop":
        name = _rmsprop(config, legacy)
    if name == "Adagrad" and not legacy and (config.get("epsilon") or 0.0) > _SMALL:
        raise CannotMap(f"Adagrad(epsilon={config['epsilon']}) with epsilon under the root")
    if name in ("Adam", "AdamW"):
        name = "AdamW" if config.get("weight_decay") else "Adam"
    if config.get("global_clipnorm") is not None and config.get("clipnorm") is None:
        config["clipnorm"] = config.pop("global_clipnorm")
    elif config.get("clipnorm") is not None:
        config["clips_each"] = True
    for key in list(config):
        if key == "weight_decay" and name == "AdamW":
            continue
        if key in _IRRELEVANT or (key in _NEUTRAL and config[key] in _NEUTRAL[key]):
            del config[key]
        elif key in _NEUTRAL and key not in ("clipnorm", "clipvalue", "epsilon"):
            raise CannotMap(f"{name}({key}={config[key]!r})")
    return {"class_name": name, "config": config}


def _rate_and_decay(schedule: Mapping[str, Any], name: str) -> tuple[float, float]:
    """Returns learning rate and decay of the schedule that Keras 2's `decay` is.

    Args:
        schedule: class and arguments.
        name: of the optimizer.

    Raises:
        CannotMap: for another schedule.
    """
    found, given = plain_class_name(str(schedule.get("class_name"))), schedule.get("config")
    arguments = given if isinstance(given, Mapping) else {}
    numbers = [arguments.get(key) for key in ("initial_learning_rate", "decay_rate", "decay_steps")]
    if (
        found != "InverseTimeDecay"
        or name == "Nadam"
        or arguments.get("staircase")
        or not all(isinstance(one, int | float) for one in numbers)
        or numbers[2] == 0
    ):
        raise CannotMap(f"the learning rate follows the schedule {found}")
    rate, decay_rate, steps = map(float, numbers)  # type: ignore[arg-type]
    return rate, decay_rate / steps


def _of_keras_2(config: dict[str, Any]) -> dict[str, Any]:
    if "learning_rate" in config:  # of 2.3
        config["lr"] = config.pop("learning_rate")
    return {key: item for key, item in config.items() if not (key in _NEUTRAL and item is None)}


def _rmsprop(config: dict[str, Any], legacy: bool) -> str:
    """Returns the class that computes as the one that wrote it does."""
    if legacy and not config.get("momentum"):
        if config.get("centered"):
            raise CannotMap("RMSprop(centered=True) of tf.keras's old optimizers")
        config.pop("momentum", None)
        config.pop("centered", None)
        return "RMSprop"
    return "LaterRMSprop"


def _is_legacy(value: Mapping[str, Any], producer: Producer) -> bool:
    """Whether it is one of tf.keras's optimizers of before 2.11."""
    config = value["config"]
    if "is_legacy_optimizer" in config:
        return bool(config["is_legacy_optimizer"])
    return "decay" in config
