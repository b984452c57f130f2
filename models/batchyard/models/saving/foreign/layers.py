"""Layers of tf.keras and Keras 3 that are spelled in another way, or have another default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from batchyard.models.saving.custom_objects import find_custom_object
from batchyard.models.saving.foreign.arguments import is_one_of
from batchyard.models.saving.foreign.producer import KERAS_1, KERAS_2, KERAS_3, Producer

__all__ = ["rewrite_layer"]

Arguments = dict[str, Any]

#: Layers under another name, which compute the same.
_RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "GRUV2": "GRU",
    "LSTMV2": "LSTM",
    "GRUCellV2": "GRUCell",
    "LSTMCellV2": "LSTMCell",
    "InputLayerV2": "InputLayer",
}
#: Gates of later versions by default, where a configuration does not say.
_GATED = {"LSTM", "GRU", "LSTMCell", "GRUCell"}
_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN"}


def rewrite_layer(class_name: str, config: Arguments, producer: Producer) -> tuple[str, Arguments]:
    """Returns class and arguments as Keras 2.2.4 spells them.

    Args:
        class_name: of the layer.
        config: its arguments; changed in place.
        producer: who wrote it.
    """
    old_name, class_name = class_name, _RENAMED.get(class_name, class_name)
    if producer.family in (KERAS_1, KERAS_2):
        return class_name, config
    if old_name == "SyncBatchNormalization":
        config.setdefault("statistics_of", "keras 3")
    if old_name == "BatchNormalizationV1":
        config.setdefault("statistics_of", "keras 2")
    if class_name in _GATED:
        config.setdefault("recurrent_activation", "sigmoid")
        if class_name.startswith("GRU"):
            config.setdefault("reset_after", True)
    if class_name in _REPLACED and find_custom_object(class_name) is None:
        return _REPLACED[class_name](class_name, config, producer)
    if class_name.startswith("Global") and config.get("keepdims") is True and class_name[-2:] in ("2D", "3D"):
        return _global_pooling(class_name, config)
    rewrite = _REWRITERS.get(class_name)
    if rewrite is not None:
        rewrite(config, producer)
    if config.get("dtype") is None:
        config.pop("dtype", None)
    return class_name, config


def _input_layer(config: Arguments, producer: Producer) -> None:
    for old in ("batch_shape", "shape"):
        if old in config:
            shape = config.pop(old)
            config["batch_input_shape"] = shape if old == "batch_shape" else [None, *shape]


def _batch_normalization(config: Arguments, producer: Producer) -> None:
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    # those of TensorFlow 1 keep other statistics, and are said to be BatchNormalizationV1
    if not producer.version.startswith(("2.0", "2.1.")):
        config.setdefault("statistics_of", "keras 3" if producer.family == KERAS_3 else "tf.keras")


def _leaky_relu(config: Arguments, producer: Producer) -> None:
    if "negative_slope" in config:
        config["alpha"] = config.pop("negative_slope")


def _relu(config: Arguments, producer: Producer) -> None:
    for key in ("negative_slope", "threshold"):
        if config.get(key) is None and key in config:
            config[key] = 0.0


def _thresholded_relu(config: Arguments, producer: Producer) -> None:
    theta = config.get("theta")
    if isinstance(theta, Mapping):  # tf.keras writes an array
        config["theta"] = theta.get("value", theta)


def _bidirectional(config: Arguments, producer: Producer) -> None:
    inner = config.get("layer")
    arguments = inner.get("config") if isinstance(inner, Mapping) else None
    if isinstance(inner, Mapping) and isinstance(arguments, dict):
        if producer.family == KERAS_3 and str(arguments.get("name")).startswith("forward_"):
            arguments["name"] = arguments["name"].removeprefix("forward_")
        if arguments.get("return_sequences") and inner.get("class_name") in _RECURRENT:
            arguments["zero_output_for_mask"] = True
    backward = config.pop("backward_layer", None)
    if backward is not None and not _mirrors(backward, inner):
        config["backward_layer"] = backward  # refused as an argument that is not known


def _mirrors(backward: Any, forward: Any) -> bool:
    """Whether a backward layer is the forward one, going backwards."""
    if not (isinstance(backward, Mapping) and isinstance(forward, Mapping)):
        return False
    if backward.get("class_name") != forward.get("class_name"):
        return False
    ignored = ("name", "go_backwards", "zero_output_for_mask")
    one, other = (
        {key: item for key, item in (described.get("config") or {}).items() if key not in ignored}
        for described in (backward, forward)
    )
    return is_one_of([one], ([other],)) or one == other


def _lambda(config: Arguments, producer: Producer) -> None:
    function = config.get("function")
    if isinstance(function, Mapping) and function.get("class_name") == "__lambda__":
        code = function.get("config") or {}
        config["function"] = [code.get("code"), code.get("defaults"), code.get("closure")]
        config["function_type"] = "lambda"
    elif isinstance(function, str) and "function_type" not in config:
        config["function_type"] = "function"
    shape = config.get("output_shape")
    if isinstance(shape, Mapping) and shape.get("class_name") == "__lambda__":
        code = shape.get("config") or {}
        config["output_shape"] = [code.get("code"), code.get("defaults"), code.get("closure")]
        config["output_shape_type"] = "lambda"
    for key in ("module", "output_shape_module", "mask_module", "mask_type"):
        config.pop(key, None)
    if config.get("mask") is None:
        config.pop("mask", None)


def _multi_head_attention(config: Arguments, producer: Producer) -> None:
    for key in ("query_shape", "key_shape", "value_shape"):  # tf.keras notes for what it was built
        config.pop(key, None)


def _random_crop(config: Arguments, producer: Producer) -> None:
    config["keeps_in_inference"] = producer.family == KERAS_3


def _integer_lookup(config: Arguments, producer: Producer) -> None:
    for key in ("encoding", "has_input_vocabulary", "idf_weights", "vocabulary_dtype"):
        config.pop(key, None)
    for key, usual in (("oov_method", "floormod"), ("salt", None)):
        if config.get(key, usual) == usual:
            config.pop(key, None)


def _dot(config: Arguments, producer: Producer) -> None:
    config.pop("dtype", None)


def _attention_free_normalization(config: Arguments, producer: Producer) -> None:
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]


def _global_pooling(class_name: str, config: Arguments) -> tuple[str, Arguments]:
    """Returns a pooling over all places that keeps the axes of these, as the function that it is."""
    channels_first = config.get("data_format") == "channels_first"
    rank = int(class_name[-2]) + 2
    axes = list(range(2, rank)) if channels_first else list(range(1, rank - 1))
    function = "mean" if "Average" in class_name else "max"
    arguments = {"args": [{"input": 0}], "kwargs": {"axis": axes, "keepdims": True}}
    return "NamedOperation", {"name": config.get("name"), "operation": function, **arguments}


def _unit_normalization(class_name: str, config: Arguments, producer: Producer) -> tuple[str, Arguments]:
    """Returns the division by the length as the function that it is."""
    arguments = {"args": [{"input": 0}], "kwargs": {"axis": config.get("axis", -1)}}
    return "NamedOperation", {"name": config.get("name"), "operation": "l2_normalize", **arguments}


def _identity(class_name: str, config: Arguments, producer: Producer) -> tuple[str, Arguments]:
    """Returns what does nothing: in Keras 3 an activation; in tf.keras a function, as it ends masks."""
    if producer.family == KERAS_3:
        return "Activation", {"name": config.get("name"), "activation": "linear"}
    arguments = {"args": [{"input": 0}], "kwargs": {}}
    return "NamedOperation", {"name": config.get("name"), "operation": "identity", **arguments}


def _up_sampling_2d(class_name: str, config: Arguments, producer: Producer) -> tuple[str, Arguments]:
    """Returns what makes images larger: but for repeating them, later versions draw other lines."""
    repeats = config.get("interpolation", "nearest") == "nearest"
    return ("UpSampling2D" if repeats else "LaterUpSampling2D"), config


#: Layers of later versions that are something else here.
_REPLACED = {
    "Identity": _identity,
    "UnitNormalization": _unit_normalization,
    "UpSampling2D": _up_sampling_2d,
}
_REWRITERS: dict[str, Callable[[Arguments, Producer], None]] = {
    "BatchNormalization": _batch_normalization,
    "Bidirectional": _bidirectional,
    "Dot": _dot,
    "InputLayer": _input_layer,
    "Lambda": _lambda,
    "IntegerLookup": _integer_lookup,
    "LayerNormalization": _attention_free_normalization,
    "LeakyReLU": _leaky_relu,
    "MultiHeadAttention": _multi_head_attention,
    "RandomCrop": _random_crop,
    "ReLU": _relu,
    "ThresholdedReLU": _thresholded_relu,
}
