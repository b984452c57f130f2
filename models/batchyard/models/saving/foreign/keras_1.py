"""Layers of Keras 1 in the spelling of Keras 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError

__all__ = ["flat_graph_of_branches", "layer_of_keras_1", "order_of_axes"]

Arguments = dict[str, Any]

#: Classes under another name.
_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
}
#: Arguments under another name, whatever the class.
_ARGUMENTS = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "U_constraint": "recurrent_constraint",
    "U_regularizer": "recurrent_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "gamma_init": "gamma_initializer",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "input_dtype": "dtype",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
#: The same, for single classes, where it is another one.
_OWN_ARGUMENTS = {
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
        "output_dim": "output_dim",
    },
    "PReLU": {"init": "alpha_initializer"},
    "UpSampling1D": {"length": "size"},
    "Highway": {"init": "init", "bias": "bias"},
    "MaxoutDense": {"init": "init", "bias": "bias", "output_dim": "output_dim"},
}
#: Arguments that Keras 2 doesn't need.
_DROPPED = ("consume_less", "input_dim", "input_length", "weights", "output_shape_in")
_KERNELS = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_ORDERS = {"th": "channels_first", "tf": "channels_last"}
#: Classes that have an order of axes, which Keras 1 does not always note.
_WITH_ORDER = (
    "AveragePooling2D",
    "AveragePooling3D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Cropping2D",
    "Cropping3D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "LocallyConnected2D",
    "MaxPooling2D",
    "MaxPooling3D",
    "SeparableConv2D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding2D",
    "ZeroPadding3D",
)
#: Layers that merge, by mode.
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
}


def order_of_axes(config: Any) -> str:
    """Returns the order of axes of a model: that of the first layer that notes it, "tf" by default."""
    waiting = [config]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, Mapping):
            if value.get("dim_ordering") in _ORDERS:
                return str(value["dim_ordering"])
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return "tf"


def layer_of_keras_1(class_name: str, config: Arguments, order: str) -> tuple[str, Arguments]:
    """Returns class and arguments as Keras 2 spells them.

    Args:
        class_name: of the layer.
        config: its arguments, in Keras 1's spelling.
        order: of the axes, "th" or "tf", for layers that do not note it.

    Raises:
        InvalidArgumentError: where the layer does what no layer of Keras 2 does.
    """
    if class_name == "Merge":
        return _merge(config)
    if class_name == "TimeDistributedDense":
        _, inner = layer_of_keras_1("Dense", dict(config), order)
        inner.pop("batch_input_shape", None)
        kept = ("name", "trainable", "batch_input_shape")
        outer: Arguments = {key: item for key, item in config.items() if key in kept}
        return "TimeDistributed", {**outer, "layer": {"class_name": "Dense", "config": inner}}
    new = _CLASSES.get(class_name, class_name)
    renamed = {**_ARGUMENTS, **_OWN_ARGUMENTS.get(new, {})}
    found: Arguments = {}
    for key, value in config.items():
        if key.endswith(("_regularizer", "_constraint")):
            value = _named_object(value)
        if key in _DROPPED and not (new == "Embedding" and key in ("input_dim", "input_length")):
            continue
        found[renamed.get(key, key)] = value
    for names in _KERNELS:
        if names[0] in found:
            found["kernel_size"] = [found.pop(name) for name in names]
    if new == "Embedding":
        found.pop("dtype", None)  # that of the input
    if new == "LSTM":
        found["unit_forget_bias"] = found.pop("forget_bias_init", "one") == "one"
    if new == "SeparableConv2D" and "kernel_initializer" in found:
        initializer = found.pop("kernel_initializer")
        found |= {"depthwise_initializer": initializer, "pointwise_initializer": initializer}
    ordering = found.pop("dim_ordering", None)
    if new in _WITH_ORDER:
        found["data_format"] = _ORDERS.get(ordering or order, ordering)
    _refuse_or_drop(class_name, new, found)
    if new.startswith("ZeroPadding2D") and isinstance(found.get("padding"), list | Mapping):
        found["padding"] = _sides(found["padding"])
    return new, found


def _refuse_or_drop(class_name: str, new: str, config: Arguments) -> None:
    """Takes out arguments that Keras 2 lacks, at values that change nothing; refuses them at others."""
    neutral: dict[str, tuple[Any, ...]] = {}
    if new == "BatchNormalization":
        neutral = {"mode": (0,)}
    if new == "Embedding":
        neutral = {"dropout": (0, 0.0, None)}
    for key, values in neutral.items():
        if key in config and config.pop(key) not in values:
            raise InvalidArgumentError(
                f"Layer {config.get('name')!r} of class {class_name} was written by Keras 1 with another "
                f"{key} than {values[0]!r}, which Keras 2 doesn't have. Train it with {key}={values[0]!r}, "
                f"or pass a class of your own: custom_objects={{{new!r}: YourLayer}}."
            )
    if new == "Conv2DTranspose":
        config.pop("output_shape", None)


def _sides(padding: Any) -> Any:
    if isinstance(padding, Mapping):
        sides = (("top_pad", "bottom_pad"), ("left_pad", "right_pad"))
        return [[padding.get(one, 0) for one in pair] for pair in sides]
    return [padding[:2], padding[2:]] if len(padding) == 4 else padding


def _named_object(value: Any) -> Any:
    """Returns a regularizer or constraint that is written with its name among its arguments."""
    if not isinstance(value, Mapping) or "name" not in value:
        return value
    config = {key: item for key, item in value.items() if key != "name"}
    name = str(value["name"])
    if name in ("WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer"):
        name = "L1L2"
    if name == "MaxNorm" and "m" in config:
        config["max_value"] = config.pop("m")
    if name == "MinMaxNorm":
        config = {
            {"low": "min_value", "high": "max_value"}.get(key, key): item for key, item in config.items()
        }
    return {"class_name": name, "config": config}


def _merge(config: Arguments) -> tuple[str, Arguments]:
    mode = config.get("mode")
    known = isinstance(mode, str) and mode in _MERGES and config.get("mode_type", "raw") == "raw"
    if not known:
        raise InvalidArgumentError(
            f"Layer {config.get('name')!r} of class Merge was written by Keras 1 with mode={mode!r:.60}; "
            f"Keras 2 has layers for {', '.join(_MERGES)}. Pass a layer of your own: "
            "custom_objects={'Merge': YourLayer}."
        )
    found: Arguments = {"name": config.get("name")}
    if mode == "concat":
        found["axis"] = config.get("concat_axis", -1)
    if mode == "dot":
        found["axes"] = config.get("dot_axes", -1)
    return _MERGES[str(mode)], found


def flat_graph_of_branches(layers: list[Any], name: str | None) -> dict[str, Any] | None:
    """Returns a Sequential that begins by merging branches as a graph; None for other ones.

    Args:
        layers: of the Sequential, as Keras 1 wrote them.
        name: of the model.
    """
    first = layers[0] if layers and isinstance(layers[0], Mapping) else {}
    config = first.get("config")
    if first.get("class_name") != "Merge" or not isinstance(config, Mapping) or not config.get("layers"):
        return None
    graph: list[dict[str, Any]] = []
    inputs: list[list[Any]] = []
    ends = []
    for number, branch in enumerate(config["layers"]):
        chain = branch.get("config") if isinstance(branch, Mapping) else None
        nested = flat_graph_of_branches(chain, None) if isinstance(chain, list) else None
        if nested is not None:
            graph += nested["config"]["layers"]
            inputs += nested["config"]["input_layers"]
            ends.append(nested["config"]["output_layers"][0])
            continue
        shape = _first_shape(chain)
        if shape is None or not isinstance(chain, list):
            raise InvalidArgumentError(
                f"A branch of the Merge layer {config.get('name')!r} of Keras 1 does not say the shape of "
                "its input."
            )
        entry = f"{config.get('name')}_input_{number + 1}"
        described = {"name": entry, "batch_input_shape": shape}
        graph.append({"class_name": "InputLayer", "name": entry, "config": described, "inbound_nodes": []})
        inputs.append([entry, 0, 0])
        ends.append(_append(graph, chain, [[entry, 0, 0]]))
    merged = {"class_name": "Merge", "config": {k: v for k, v in config.items() if k != "layers"}}
    end = _append(graph, [merged, *layers[1:]], ends)
    whole = {"name": name, "layers": graph, "input_layers": inputs, "output_layers": [end]}
    return {"class_name": "Model", "config": whole}


def _first_shape(chain: Any) -> Any:
    first = chain[0] if isinstance(chain, list) and chain and isinstance(chain[0], Mapping) else {}
    config = first.get("config")
    return config.get("batch_input_shape") if isinstance(config, Mapping) else None


def _append(graph: list[dict[str, Any]], chain: list[Any], ends: list[list[Any]]) -> list[Any]:
    for layer in chain:
        name = layer["config"].get("name") if isinstance(layer.get("config"), Mapping) else None
        graph.append({**layer, "name": name, "inbound_nodes": [ends]})
        ends = [[name, 0, 0]]
    return ends[0]
