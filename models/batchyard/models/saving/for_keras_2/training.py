"""How a model was compiled, as Keras 2.2.4 can carry it on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import NotSerializableError

__all__ = ["training_for_keras_2", "warn_of_clipping"]


def warn_of_clipping(training: Mapping[str, Any] | None) -> None:
    """Tell that Keras 2.2.4 clips gradients otherwise, where that is so.

    Args:
        training: as files say it.
    """
    if training and training.get("clips_each"):
        warnings.warn(
            "The optimizer clips each gradient on its own by clipnorm, as in tf.keras and Keras 3. Keras "
            "2.2.4 clips them all together: training goes on otherwise there.",
            UserWarning,
            stacklevel=5,
        )


def training_for_keras_2(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return a training configuration with an optimizer that Keras 2.2.4 has.

    Args:
        training: as files say it.

    Raises:
        NotSerializableError: where the optimizer has a state that none of Keras 2.2.4's has.
    """
    described = training["optimizer_config"]
    if training.get("clips_each"):
        norm = described["config"].get("clipnorm")
        raise NotSerializableError(
            f"The optimizer clips each gradient on its own (clipnorm={norm} of later versions), and Keras "
            "2.2.4 all together. Save with include_optimizer=False, or compile the model with another "
            "optimizer."
        )
    if described["class_name"] != "LaterRMSprop":
        return dict(training)
    config = dict(described["config"])
    if config.pop("momentum") or config.pop("centered"):
        raise NotSerializableError(
            "The optimizer is RMSprop with momentum, or centered, which Keras 2.2.4's RMSprop can't be. Save "
            "with include_optimizer=False, or compile the model with another optimizer."
        )
    config.pop("centered", None)
    # Here epsilon stands under the root, there behind it: its root is nearest.
    config["epsilon"] = math.sqrt(config["epsilon"])
    warnings.warn(
        "The optimizer is RMSprop as later versions compute it, with epsilon under the root; Keras 2.2.4 "
        "adds it behind the root. Training goes on there with the same state, and with steps that differ "
        f"where gradients are not much larger than {config['epsilon']:.0e}.",
        UserWarning,
        stacklevel=5,
    )
    return {**training, "optimizer_config": {"class_name": "RMSprop", "config": config}}
