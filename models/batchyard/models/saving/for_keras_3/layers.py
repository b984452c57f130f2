"""Layers as Keras 3 describes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import NotSerializableError
from batchyard.models.saving.config import plain
from batchyard.models.saving.for_keras_3.operations import describe_operation, layer_of_operation

if TYPE_CHECKING:
    from batchyard.models.engine.layer import Layer

__all__ = ["class_name_of", "describe_layer", "is_network"]

#: Layers of other names there.
_RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "LaterUpSampling2D": "UpSampling2D",
    "ThresholdedReLU": "ReLU",
}
#: Layers that only its `applications` have.
_MODULES = {
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
}
#: Layers that Keras 3 lacks, with what to use instead.
_LACKING = {
    "ConvLSTM2DCell": "Use the layer ConvLSTM2D.",
    "ConvRNN2D": "Use the layer ConvLSTM2D.",
    "RandomHeight": "Use RandomZoom with a width_factor of 0.",
    "RandomWidth": "Use RandomZoom with a height_factor of 0.",
    "Highway": "Build it of Dense, Multiply and Add.",
    "LocallyConnected1D": "Write the layer anew in Keras 3, and set its weights there.",
    "LocallyConnected2D": "Write the layer anew in Keras 3, and set its weights there.",
    "MaxoutDense": "Build it of Dense, Reshape and a maximum.",
}
#: Layers of this library that Keras 3 has under the same name.
_SHARED = frozenset(
    (
        "Activation",
        "ActivityRegularization",
        "AdaptiveAveragePooling1D",
        "AdaptiveAveragePooling2D",
        "AdaptiveAveragePooling3D",
        "AdaptiveMaxPooling1D",
        "AdaptiveMaxPooling2D",
        "AdaptiveMaxPooling3D",
        "Add",
        "AdditiveAttention",
        "AlphaDropout",
        "Attention",
        "AugMix",
        "Average",
        "AveragePooling1D",
        "AveragePooling2D",
        "AveragePooling3D",
        "BatchNormalization",
        "Bidirectional",
        "CategoryEncoding",
        "CenterCrop",
        "Concatenate",
        "Conv1D",
        "Conv1DTranspose",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "ConvLSTM1D",
        "ConvLSTM2D",
        "ConvLSTM3D",
        "Cropping1D",
        "Cropping2D",
        "Cropping3D",
        "CutMix",
        "Dense",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "Discretization",
        "Dot",
        "Dropout",
        "ELU",
        "EinsumDense",
        "Embedding",
        "Equalization",
        "Flatten",
        "GRU",
        "GRUCell",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "GlobalMaxPooling3D",
        "GroupNormalization",
        "GroupQueryAttention",
        "InputLayer",
        "IntegerLookup",
        "LSTM",
        "LSTMCell",
        "Lambda",
        "LayerNormalization",
        "LeakyReLU",
        "Masking",
        "MaxPooling1D",
        "MaxPooling2D",
        "MaxPooling3D",
        "Maximum",
        "Minimum",
        "MixUp",
        "MultiHeadAttention",
        "Multiply",
        "Normalization",
        "PReLU",
        "Permute",
        "RMSNormalization",
        "RNN",
        "RandAugment",
        "RandomBrightness",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomContrast",
        "RandomCrop",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomFlip",
        "RandomGaussianBlur",
        "RandomGrayscale",
        "RandomHue",
        "RandomInvert",
        "RandomPerspective",
        "RandomPosterization",
        "RandomRotation",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "RandomTranslation",
        "RandomZoom",
        "ReLU",
        "RepeatVector",
        "Rescaling",
        "Reshape",
        "Resizing",
        "SeparableConv1D",
        "SeparableConv2D",
        "SimpleRNN",
        "SimpleRNNCell",
        "Softmax",
        "Solarization",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "SpectralNormalization",
        "StackedRNNCells",
        "Subtract",
        "TimeDistributed",
        "UpSampling1D",
        "UpSampling2D",
        "UpSampling3D",
        "Wrapper",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "ZeroPadding3D",
    )
)
#: Activations of other names there.
_ACTIVATIONS = {"hard_sigmoid_of_keras_3": "hard_sigmoid"}
#: Arguments that say nothing to Keras 3: the input's shape stands in the InputLayer, the rest chose a kernel.
_DROPPED = ("batch_input_shape", "dtype", "implementation", "input_length")
_OBJECTS = {
    "_initializer": "keras.initializers",
    "_regularizer": "keras.regularizers",
    "_constraint": "keras.constraints",
}


def is_network(layer: Layer) -> bool:
    """Whether a layer is a model."""
    return hasattr(layer, "layers") and hasattr(layer, "inputs")


def class_name_of(layer: Layer) -> str:
    """Return the name that the class of a layer has in Keras 3.

    Raises:
        NotSerializableError: where Keras 3 lacks it.
    """
    from batchyard.models.engine.model import Model
    from batchyard.models.engine.sequential import Sequential

    if isinstance(layer, Sequential):
        return "Sequential"
    if isinstance(layer, Model):
        return "Functional"
    name = type(layer).__name__
    if name == "NamedOperation" and _is_ours(layer):
        operation: Any = layer
        return str((layer_of_operation(operation) or describe_operation(operation))["class_name"])
    if _is_ours(layer) and name not in _SHARED and name not in _RENAMED and name not in _MODULES:
        help_ = _LACKING.get(name, "Build it of layers that Keras 3 has, or of a Lambda of a named function.")
        raise NotSerializableError(
            f"Layer {layer.name!r} is a {name}, which Keras 3 lacks, so a file for Keras 3 can't hold it. "
            f"{help_} Without target='keras3' the model is saved as Keras 2 opens it."
        )
    return _RENAMED.get(name, name)


def describe_layer(layer: Layer) -> dict[str, Any]:
    """Return class and configuration of a layer that is no model, and of those within it.

    Raises:
        NotSerializableError: where Keras 3 lacks the class, or what it is asked to do.
    """
    name = class_name_of(layer)
    if "/" in layer.name:
        raise NotSerializableError(
            f"Layer {layer.name!r} has a slash in its name, which Keras 3 refuses. Rename it by "
            "layer.name = ..."
        )
    if type(layer).__name__ == "NamedOperation" and _is_ours(layer):
        return _describe_function(layer)
    config = plain(layer.get_config(), layer.name)
    if not _is_ours(layer):
        return {
            "module": type(layer).__module__,
            "class_name": name,
            "config": config,
            "registered_name": name,
        }
    config = {key: _as_object(key, value) for key, value in config.items() if key not in _DROPPED}
    config.update(_inner(layer))
    for key in ("activation", "recurrent_activation"):
        if hasattr(getattr(layer, key, None), "get_config"):  # a layer in the place of a function
            config[key] = describe_layer(getattr(layer, key))
    config["dtype"] = _dtype(layer)
    rule = _RULES.get(type(layer).__name__)
    if rule is not None:
        rule(config, layer)
    module = _MODULES.get(name, "keras.layers")
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def _describe_function(layer: Any) -> dict[str, Any]:
    found = layer_of_operation(layer)
    if found is None:
        return describe_operation(layer)
    config = {"name": layer.name, **found["config"]}
    return {**found, "module": "keras.layers", "config": config, "registered_name": None}


def _is_ours(layer: Layer) -> bool:
    return type(layer).__module__.startswith("batchyard.models.")


def _dtype(layer: Layer) -> str:
    weights = layer.weights
    name = str(weights[0].dtype).removeprefix("torch.") if weights else str(layer.dtype)
    return name if name.startswith(("float", "bfloat")) else "float32"


def _inner(layer: Layer) -> dict[str, Any]:
    """Return the descriptions of layers and cells within a layer."""
    from batchyard.models.saving.for_keras_3.networks import describe

    found: dict[str, Any] = {}
    config_keys = layer.get_config().keys()
    for key in ("layer", "cell"):
        if key in config_keys:
            found[key] = describe(getattr(layer, key))
    if "cells" in config_keys:
        found["cells"] = [describe(cell) for cell in layer.cells]
    return found


def _as_object(key: str, value: Any) -> Any:
    """Return an initializer, regularizer or constraint with the module that Keras 3 wants to be told."""
    if key in ("activation", "recurrent_activation") and isinstance(value, str):
        return _ACTIVATIONS.get(value, value)
    module = next((module for ending, module in _OBJECTS.items() if key.endswith(ending)), None)
    if module is None or not isinstance(value, dict) or "class_name" not in value:
        return value
    config = dict(value.get("config") or {})
    if value["class_name"] == "VarianceScaling" and config.get("distribution") == "normal":
        config["distribution"] = "truncated_normal"
    if value["class_name"] == "Identity":
        config.pop("seed", None)
    return {"module": module, "class_name": value["class_name"], "config": config, "registered_name": None}


def _leaky_relu(config: dict[str, Any], layer: Layer) -> None:
    config["negative_slope"] = config.pop("alpha")


def _thresholded_relu(config: dict[str, Any], layer: Layer) -> None:
    config["threshold"] = config.pop("theta")


def _attention_heads(config: dict[str, Any], layer: Layer) -> None:
    for key, neutral in (("sliding_window", None), ("use_gate", False)):  # of Keras 3.13 and later
        if config[key] is neutral:
            del config[key]


def _without_data_format(config: dict[str, Any], layer: Layer) -> None:
    if config.pop("data_format") != "channels_last":
        raise NotSerializableError(
            f"Layer {layer.name!r} has its channels first, which Keras 3's {type(layer).__name__} does not "
            "take. Put Permute before and behind it."
        )


def _discretization(config: dict[str, Any], layer: Layer) -> None:
    for key in ("epsilon", "num_bins", "trainable"):  # of `adapt`, which has been
        config.pop(key, None)


def _interpolation(config: dict[str, Any], layer: Layer) -> None:
    if config["interpolation"] in ("gaussian", "mitchellcubic"):
        raise NotSerializableError(
            f"Layer {layer.name!r} has interpolation={config['interpolation']!r}, which Keras 3 lacks. Use "
            "'bicubic' or 'lanczos3'."
        )


def _random_crop(config: dict[str, Any], layer: Layer) -> None:
    if not config.pop("keeps_in_inference"):
        raise NotSerializableError(
            f"Layer {layer.name!r} is a RandomCrop that resizes images in inference, as tf.keras does; that "
            "of Keras 3 leaves them as they are. Use CenterCrop or Resizing for a file for Keras 3."
        )


def _spatial_dropout(config: dict[str, Any], layer: Layer) -> None:
    for key in ("trainable", "noise_shape"):
        config.pop(key, None)


def _cudnn_lstm(config: dict[str, Any], layer: Layer) -> None:
    config["recurrent_activation"] = "sigmoid"


def _cudnn_gru(config: dict[str, Any], layer: Layer) -> None:
    config["recurrent_activation"] = "sigmoid"
    config["reset_after"] = True


def _function_of_lambda(config: dict[str, Any], layer: Layer) -> None:
    if config.pop("function_type") != "function" or config.pop("output_shape_type") not in (
        "raw",
        "function",
    ):
        raise NotSerializableError(
            f"Layer {layer.name!r} computes a lambda, of which Keras 3 could only be given code of ours, "
            "which does not run there. Give it a name (def), and pass a function of that name, written "
            "for Keras 3, as custom object there."
        )
    config["function"] = {
        "module": "builtins",
        "class_name": "function",
        "config": config["function"],
        "registered_name": "function",
    }
    if config["output_shape"] is None or isinstance(config["output_shape"], str):
        del config["output_shape"]


_RULES: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "CuDNNGRU": _cudnn_gru,
    "CuDNNLSTM": _cudnn_lstm,
    "Discretization": _discretization,
    "GroupQueryAttention": _attention_heads,
    "Lambda": _function_of_lambda,
    "LaterUpSampling2D": _interpolation,
    "LeakyReLU": _leaky_relu,
    "MultiHeadAttention": _attention_heads,
    "RandomBrightness": _without_data_format,
    "RandomContrast": _without_data_format,
    "RandomCrop": _random_crop,
    "Resizing": _interpolation,
    "SpatialDropout1D": _spatial_dropout,
    "SpatialDropout2D": _spatial_dropout,
    "SpatialDropout3D": _spatial_dropout,
    "ThresholdedReLU": _thresholded_relu,
}
