"""Losses and metrics that later versions write as objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.saving.custom_objects import find_custom_object
from batchyard.models.saving.foreign.objects import plain_class_name

__all__ = ["LATER_OBJECTIVES", "CannotMap", "rewrite_losses", "rewrite_metrics"]

#: Classes, and later names of functions, with the function of 2.2.4 that computes the same.
_LOSSES = {
    "CategoricalHinge": "categorical_hinge",
    "CosineSimilarity": "cosine_proximity",
    "Hinge": "hinge",
    "KLDivergence": "kullback_leibler_divergence",
    "LogCosh": "logcosh",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "MeanSquaredError": "mean_squared_error",
    "MeanSquaredLogarithmicError": "mean_squared_logarithmic_error",
    "Poisson": "poisson",
    "SquaredHinge": "squared_hinge",
    "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "cosine_similarity": "cosine_proximity",
    "kl_divergence": "kullback_leibler_divergence",
    "log_cosh": "logcosh",
}
_METRICS = {
    **{
        name: function
        for name, function in _LOSSES.items()
        if name not in ("CosineSimilarity", "cosine_similarity")
    },
    "BinaryAccuracy": "binary_accuracy",
    "CategoricalAccuracy": "categorical_accuracy",
    "SparseCategoricalAccuracy": "sparse_categorical_accuracy",
    "TopKCategoricalAccuracy": "top_k_categorical_accuracy",
    "SparseTopKCategoricalAccuracy": "sparse_top_k_categorical_accuracy",
}
#: Losses and metrics that later versions have by name, and that are not here.
_LATER_LOSSES = frozenset(
    (
        "binary_focal_crossentropy",
        "categorical_focal_crossentropy",
        "categorical_generalized_cross_entropy",
        "circle",
        "ctc",
        "dice",
        "tversky",
    )
)
_LATER_METRICS = _LATER_LOSSES | {
    "AUC",
    "Accuracy",
    "BinaryIoU",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "IoU",
    "LogCoshError",
    "Mean",
    "MeanIoU",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "Sum",
    "TrueNegatives",
    "TruePositives",
    "cosine_similarity",
}
#: Arguments that change nothing at these values; of objects that this library has, the others are kept.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "axis": (-1,),
    "delta": (1.0,),
    "dtype": (None, "float32"),
    "from_logits": (False,),
    "ignore_class": (None,),
    "k": (5,),
    "label_smoothing": (0, 0.0),
    "reduction": ("auto", "sum_over_batch_size", None),
    "threshold": (0.5,),
}
#: Losses that this library has as objects, with their arguments.
_OBJECTS = {
    "BinaryCrossentropy": ("from_logits", "label_smoothing"),
    "CategoricalCrossentropy": ("from_logits", "label_smoothing"),
    "SparseCategoricalCrossentropy": ("from_logits",),
    "Huber": ("delta",),
}
#: Classes of losses and metrics that are understood here, whether this library has them or not.
LATER_OBJECTIVES = frozenset((*_LOSSES, *_METRICS, *_OBJECTS))


class CannotMap(Exception):
    """Raised where a training configuration says what cannot be done here exactly; the message says what."""


def rewrite_losses(value: Any) -> Any:
    """Returns losses by name or as this library's objects.

    Args:
        value: a loss, or a list or dictionary of them.

    Raises:
        CannotMap: where a loss computes what none here does.
    """
    if isinstance(value, list | tuple):
        return [rewrite_losses(item) for item in value]
    if isinstance(value, str):
        if find_custom_object(value) is not None:
            return value
        if value in _LATER_LOSSES:
            raise CannotMap(f"the loss {value}")
        return _LOSSES.get(value, value)
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: rewrite_losses(item) for key, item in value.items()}
    name, config = plain_class_name(str(value["class_name"])), value.get("config")
    if find_custom_object(name) is not None:
        return {"class_name": name, "config": config or {}}
    if name == "function":
        return rewrite_losses(config)
    if not isinstance(config, Mapping):
        raise CannotMap(f"the loss {name} has no configuration")
    if name == "LossFunctionWrapper" and isinstance(config.get("fn"), str):
        name = config["fn"]
        return rewrite_losses(name)
    left = _left(config)
    if name in _OBJECTS and set(left) <= set(_OBJECTS[name]) and (left or name == "Huber"):
        return {"class_name": name, "config": {key: config[key] for key in _OBJECTS[name] if key in config}}
    if left or name not in _LOSSES:
        told = ", ".join(f"{key}={item!r}" for key, item in left.items())
        raise CannotMap(f"the loss {name}({told})")
    return _LOSSES[name]


def rewrite_metrics(value: Any, dropped: list[str]) -> Any:
    """Returns metrics by name.

    Args:
        value: a metric, or a list or dictionary of them.
        dropped: gets those that this library does not have.
    """
    if isinstance(value, list | tuple):
        found = [rewrite_metrics(item, dropped) for item in value]
        found = [item for item in found if item is not None or item in value]
        return found[0] if len(found) == 1 and isinstance(found[0], list) else found
    if isinstance(value, str):
        if find_custom_object(value) is not None:
            return value
        if value in _LATER_METRICS:
            dropped.append(value)
            return None
        return {"log_cosh": "logcosh", "kl_divergence": "kld"}.get(value, _METRICS.get(value, value))
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: rewrite_metrics(item, dropped) for key, item in value.items()}
    name, config = plain_class_name(str(value["class_name"])), value.get("config")
    if name == "function" and isinstance(config, str):
        return rewrite_metrics(config, dropped)
    if find_custom_object(name) is not None:
        return {"class_name": name, "config": config or {}}
    config = config if isinstance(config, Mapping) else {}
    if isinstance(config.get("fn"), str) and name in ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper"):
        own = str(config.get("name"))
        return own if own in ("acc", "accuracy") else rewrite_metrics(config["fn"], dropped)
    if name in _METRICS and not _left(config):
        return _METRICS[name]
    dropped.append(str(config.get("name") or name))
    return None


def _left(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments that say something."""
    return {
        key: value
        for key, value in config.items()
        if key not in ("name", "fn") and not (key in _NEUTRAL and value in _NEUTRAL[key])
    }
