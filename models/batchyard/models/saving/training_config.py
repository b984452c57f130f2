"""How a model was compiled, as a file keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.config import plain

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

#: Arguments of later versions' optimizers that change nothing at these values.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "clipnorm": (None,),
    "clipvalue": (None,),
    "ema_momentum": (0.99,),
    "ema_overwrite_frequency": (None,),
    "global_clipnorm": (None,),
    "gradient_accumulation_steps": (None,),
    "is_legacy_optimizer": (False, True),
    "jit_compile": (False, True),
    "loss_scale_factor": (None,),
    "use_ema": (False,),
    "weight_decay": (None,),
}


def describe_training(model: Model) -> dict[str, Any] | None:
    """Return how a model was compiled, as JSON values; None for one that wasn't.

    Raises:
        NotSerializableError: where that holds what a file can't.
    """
    if not model.is_compiled:
        return None
    optimizer = model.optimizer
    config = {
        "optimizer_config": {
            "class_name": type(optimizer).__name__,
            "config": plain(optimizer.get_config(), "optimizer"),
        },
        "loss": plain(model.loss, "loss"),
        "metrics": plain(model.metrics or [], "metrics"),
        "sample_weight_mode": plain(model.sample_weight_mode, "sample_weight_mode"),
        "loss_weights": plain(model.loss_weights, "loss_weights"),
    }
    if model.weighted_metrics:  # our own addition: Keras 2.2.4 forgets these
        config["weighted_metrics"] = plain(model.weighted_metrics, "weighted_metrics")
    return config


def compile_from_config(model: Model, config: Any, file: str) -> None:
    """Compile a model as a file says.

    Args:
        model: what to compile.
        config: the file's training configuration.
        file: the file's name, for messages.

    Raises:
        ModelFileError: where the file says it in a way that can't be understood.
    """
    from batchyard.models import optimizers

    optimizer_config = config.get("optimizer_config") if isinstance(config, Mapping) else None
    if not isinstance(optimizer_config, Mapping) or not isinstance(optimizer_config.get("config"), Mapping):
        raise ModelFileError(
            f"Expected a training configuration with 'optimizer_config' in {file}, found {config!r:.200}. "
            "Pass compile=False to load_model, and compile the model yourself."
        )
    model.compile(
        optimizer=optimizers.deserialize(_rewrite_optimizer(optimizer_config)),
        loss=_rewrite_functions(config.get("loss")),
        metrics=_rewrite_functions(config.get("metrics")),
        loss_weights=config.get("loss_weights"),
        sample_weight_mode=config.get("sample_weight_mode"),
        weighted_metrics=_rewrite_functions(config.get("weighted_metrics")),
    )


def _rewrite_optimizer(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an optimizer's configuration in the spelling of Keras 2.2.4."""
    config = dict(value["config"])
    if "learning_rate" in config and "lr" not in config:
        config["lr"] = config.pop("learning_rate")
        config.pop("name", None)
    kept = {key: item for key, item in config.items() if not (key in _NEUTRAL and item in _NEUTRAL[key])}
    return {"class_name": str(value.get("class_name")).rsplit(">", 1)[-1], "config": kept}


def _rewrite_functions(value: Any) -> Any:
    """Return losses or metrics by name, where later versions wrote objects that wrap a function."""
    if isinstance(value, list):
        rewritten = [_rewrite_functions(item) for item in value]
        return rewritten[0] if len(rewritten) == 1 and isinstance(rewritten[0], list) else rewritten
    if not isinstance(value, Mapping):
        return value
    config = value.get("config")
    if "class_name" in value and isinstance(config, Mapping) and isinstance(config.get("fn"), str):
        return config["name"] if config.get("name") in ("acc", "accuracy") else config["fn"]
    if value.get("class_name") == "function":
        return config
    return {key: _rewrite_functions(item) for key, item in value.items()}
