"""How a model was compiled, as a file keeps it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.config import plain
from batchyard.models.saving.foreign.objectives import CannotMap, rewrite_losses, rewrite_metrics
from batchyard.models.saving.foreign.optimizers import rewrite_optimizer
from batchyard.models.saving.foreign.producer import KERAS_2, KERAS_3, TF_KERAS, Producer
from batchyard.models.training.computation import computation_of

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer
    from batchyard.models.engine.model import Model


def describe_training(model: Model) -> dict[str, Any] | None:
    """Return how a model was compiled, as JSON values; None for one that wasn't.

    Raises:
        NotSerializableError: where that holds what a file can't.
    """
    if not model.is_compiled:
        return None
    optimizer = model.optimizer
    arguments = plain(optimizer.get_config(), "optimizer")
    clips_each = arguments.pop("clips_each", False)
    config = {
        "optimizer_config": {"class_name": type(optimizer).__name__, "config": arguments},
        "loss": plain(model.loss, "loss"),
        "metrics": plain(model.metrics or [], "metrics"),
        "sample_weight_mode": plain(model.sample_weight_mode, "sample_weight_mode"),
        "loss_weights": plain(model.loss_weights, "loss_weights"),
    }
    if model.weighted_metrics:  # our own addition: Keras 2.2.4 forgets these
        config["weighted_metrics"] = plain(model.weighted_metrics, "weighted_metrics")
    for name, value in {**how_computed(model), "clips_each": clips_each}.items():
        if value:  # likewise our own
            config[name] = value
    return config


def how_computed(model: Model) -> dict[str, Any]:
    """Return the arguments of `compile` that say how a model computes."""
    how = computation_of(model)
    arguments = model._compile_arguments or {}
    return {
        "mixed_precision": how.mixed_precision,
        "jit_compile": how.jit_compile,
        "counts_masked_steps": arguments.get("counts_masked_steps", False),
    }


def _computing(config: Mapping[str, Any], producer: Producer) -> dict[str, Any]:
    """Return what a file says of how to compute; later versions' `jit_compile` means another compiler."""
    how = {"counts_masked_steps": True} if producer.counts_masked_steps else {}
    if producer.family != KERAS_2:
        return how
    names = ("mixed_precision", "jit_compile", "counts_masked_steps")
    return {**how, **{name: config[name] for name in names if name in config}}


def compile_from_config(model: Model, config: Any, file: str, producer: Producer | None = None) -> None:
    """Compile a model as a file says; with a warning, and not at all, where that can't be done exactly.

    Args:
        model: what to compile.
        config: the file's training configuration.
        file: the file's name, for messages.
        producer: who wrote it; Keras 2 if not given.

    Raises:
        ModelFileError: where the file says it in a way that can't be understood.
    """
    from batchyard.models import optimizers

    producer = producer or Producer(KERAS_2)
    described = None
    if isinstance(config, Mapping):
        described = config.get("optimizer_config", config.get("optimizer"))
    if isinstance(described, str):  # a name: the optimizer as it is by default
        described = {"class_name": described, "config": {}}
    if not isinstance(described, Mapping) or not isinstance(described.get("config"), Mapping):
        raise ModelFileError(
            f"Expected a training configuration with 'optimizer_config' in {file}, found {config!r:.200}. "
            "Pass compile=False to load_model, and compile the model yourself."
        )
    dropped: list[str] = []
    try:
        optimizer = rewrite_optimizer(described, producer)
        if producer.family == KERAS_2 and config.get("clips_each"):
            optimizer["config"]["clips_each"] = True
        loss = rewrite_losses(config.get("loss"))
        metrics = rewrite_metrics(config.get("metrics"), dropped)
        weighted = rewrite_metrics(config.get("weighted_metrics"), dropped)
    except CannotMap as difference:
        warnings.warn(
            f"{file} was compiled with what Keras 2.2 can't do in the same way: {difference}. The model is "
            "loaded without being compiled: compile it yourself before training, or pass compile=False.",
            UserWarning,
            stacklevel=6,
        )
        return
    if dropped:
        warnings.warn(
            f"{file} was compiled with metrics that Keras 2.2 doesn't have: {', '.join(dropped)}. The "
            "model is compiled without them; training is the same.",
            UserWarning,
            stacklevel=6,
        )
    if producer.family in (TF_KERAS, KERAS_3) and any(map(_has_activity_regularizer, model.layers)):
        warnings.warn(
            f"{file} has layers with a penalty on their output. Keras 2.2 adds it up over the rows of a "
            f"batch, {producer} takes the mean: divide its factor by the batch size before training on.",
            UserWarning,
            stacklevel=6,
        )
    model.compile(
        optimizer=optimizers.deserialize(optimizer),
        **_computing(config, producer),
        loss=loss,
        metrics=metrics,
        loss_weights=config.get("loss_weights"),
        sample_weight_mode=config.get("sample_weight_mode"),
        weighted_metrics=weighted,
    )


def _has_activity_regularizer(layer: Layer) -> bool:
    inner = [*getattr(layer, "layers", []), *layer._sublayers()]
    return layer.activity_regularizer is not None or any(map(_has_activity_regularizer, inner))
