"""Keras 1's spellings of arguments, which Keras 2.2.4 still understood.

One table says what each class and method renames; `accept_keras_1` puts a translator in front of them.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np

from batchyard.models.compat.positional_arguments import POSITIONAL, check_positional

__all__ = ["LAYERS", "METHODS", "Spelling", "accept_keras_1", "translate", "translating"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
#: Changes the arguments; what it returns last are the old names that it replaced.
Prepare = Callable[[tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any], list[str]]]


@dataclass(frozen=True)
class Spelling:
    """How calls of one class or function were written in Keras 1.

    Attributes:
        renamed: new names by old ones.
        values: for old names, new values by old ones.
        prepare: what renaming alone cannot do; done first. The positional arguments have no `self`.
        message: the warning; Keras's general one if None.
        positional: the arguments that may be given by position; None for all.
        old_wins: whether the old name counts where both are given; else that is refused.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    prepare: Prepare | None = None
    message: str | None = None
    positional: tuple[str, ...] | None = None
    old_wins: bool = False


def accept_keras_1() -> None:
    """Makes our classes and methods understand Keras 1's spellings, with a warning each time."""
    layers = import_module("batchyard.models.layers")
    for name, spelling in LAYERS.items():
        kind = getattr(layers, name, None)
        if isinstance(kind, type):
            spelling = replace(spelling, positional=POSITIONAL.get(name))
            kind.__init__ = translating(spelling, kind.__name__)(kind.__init__)  # type: ignore[misc]
    for path, spelling in METHODS.items():
        module, owner, method = path.rsplit(".", 2)
        kind = getattr(import_module(f"batchyard.models.{module}"), owner)
        shown = owner if method == "__init__" else method
        spelling = replace(spelling, positional=POSITIONAL.get(method))
        setattr(kind, method, translating(spelling, shown)(getattr(kind, method)))


#: Objects whose constructor is running: what a subclass passes on to its base is Keras 2 already.
_running: set[int] = set()


def translating(spelling: Spelling, shown: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator for a method: it may be called in the old spelling too.

    Args:
        spelling: the old names.
        shown: what the warning calls it.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if hasattr(function, "_keras_2"):
            return function

        @functools.wraps(function)
        def translated(self: Any, *args: Any, **kwargs: Any) -> Any:
            if id(self) in _running:
                return function(self, *args, **kwargs)
            args, kwargs = translate(spelling, shown, args, kwargs)
            _running.add(id(self))
            try:
                return function(self, *args, **kwargs)
            finally:
                _running.discard(id(self))

        translated._keras_2 = function  # type: ignore[attr-defined]
        return translated

    return decorate


def translate(spelling: Spelling, shown: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Returns the arguments of a call in the new spelling; warns whoever called the caller of this.

    Args:
        spelling: the old names.
        shown: what the warning calls the function.
        args: without `self`.
        kwargs: by name.
    """
    replaced: list[str] = []
    if spelling.prepare is not None:
        args, kwargs, replaced = spelling.prepare(args, dict(kwargs))
    if spelling.positional is not None:
        check_positional(shown, spelling.positional, args)
    for old, values in spelling.values.items():
        if old in kwargs and isinstance(kwargs[old], str):
            kwargs[old] = values.get(kwargs[old], kwargs[old])
    for old, new in spelling.renamed.items():
        if old not in kwargs:
            continue
        if new in kwargs and not spelling.old_wins:
            raise TypeError(
                f"`{shown}` received both `{old}`, which is Keras 1's name, and `{new}`. Use the latter."
            )
        kwargs[new] = kwargs.pop(old)
        replaced.append(old)
    if replaced:
        call = ", ".join([*(_show(a) for a in args), *(f"{n}={_show(v)}" for n, v in kwargs.items())])
        message = spelling.message or f"Update your `{shown}` call to the Keras 2 API: `{shown}({call})`"
        warnings.warn(message, UserWarning, stacklevel=3)
    return args, kwargs


def _show(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    text = "array" if isinstance(value, np.ndarray) else str(value)
    return text if len(text) <= 10 else f"{text[:10]}..."


# What renaming alone cannot do.


def _kernel(*names: str) -> Prepare:
    """Gathers the sizes of a kernel, one argument per axis, into one tuple."""

    def prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        filters, sizes = args[:1], args[1:]
        missing = names[len(sizes) :]
        whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
        if whole and len(sizes) <= len(names) and all(name in kwargs for name in missing):
            if len(sizes) == 2 and not missing and {"padding", "strides", "data_format"} & set(kwargs):
                raise ValueError(
                    "kernel_size and strides were passed as two positional numbers, which Keras 1 read as "
                    "the two sizes of the kernel. Pass strides by name."
                )
            size = (*sizes, *(kwargs.pop(name) for name in missing))
            if filters:
                return (*filters, size), kwargs, ["/".join(names)]
            return (), {**kwargs, "kernel_size": size}, ["/".join(names)]
        return args, kwargs, []

    return prepare


def _both(*prepares: Prepare) -> Prepare:
    def prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        replaced = []
        for one in prepares:
            args, kwargs, found = one(args, kwargs)
            replaced += found
        return args, kwargs, replaced

    return prepare


def _separable_init(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if "init" not in kwargs:
        return args, kwargs, []
    init = kwargs.pop("init")
    return args, {**kwargs, "depthwise_initializer": init, "pointwise_initializer": init}, ["init"]


def _no_output_shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    found = []
    if len(args) == 4 and isinstance(args[3], tuple):
        args, found = args[:3], ["output_shape"]
    if "output_shape" in kwargs:
        kwargs.pop("output_shape")
        found = ["output_shape"]
    return args, kwargs, found


def _sequence_shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if "input_dim" not in kwargs:
        return args, kwargs, []
    shape = (kwargs.pop("input_length", None), kwargs.pop("input_dim"))
    return args, {**kwargs, "input_shape": shape}, ["input_dim"]


def _recurrent(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    found = []
    if "forget_bias_init" in kwargs:
        if kwargs.pop("forget_bias_init") == "one":
            kwargs["unit_forget_bias"] = True
            found.append("forget_bias_init")
        else:
            warnings.warn(
                "The `forget_bias_init` argument has been ignored. Use `unit_forget_bias=True` instead to "
                "initialize with ones.",
                UserWarning,
                stacklevel=4,
            )
    args, kwargs, more = _sequence_shape(args, kwargs)
    if more:
        warnings.warn(
            "The `input_dim` and `input_length` arguments in recurrent layers are deprecated. "
            "Use `input_shape` instead.",
            UserWarning,
            stacklevel=4,
        )
    return args, kwargs, found + more


def _embedding(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if kwargs.pop("dropout", None) is not None:
        warnings.warn(
            "The `dropout` argument is no longer supported in `Embedding`. Put a `SpatialDropout1D` layer "
            "right after it for the same behavior.",
            UserWarning,
            stacklevel=4,
        )
    return args, kwargs, []


def _batch_normalization(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if "mode" in kwargs:
        if kwargs["mode"] != 0:
            raise TypeError(
                "The `mode` argument of `BatchNormalization` no longer exists. `mode=1` and "
                "`mode=2` are no longer supported."
            )
        kwargs.pop("mode")
        return args, kwargs, ["mode"]
    return args, kwargs, []


def _zero_padding(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    sides = kwargs.get("padding", args[0] if args else None)
    names = (("top_pad", "bottom_pad"), ("left_pad", "right_pad"))
    if not isinstance(sides, Mapping) or not set(sides) <= {name for pair in names for name in pair}:
        return args, kwargs, []
    padding = tuple((sides.get(before, 0), sides.get(after, 0)) for before, after in names)
    warnings.warn(
        f"The `padding` of `ZeroPadding2D` is no longer a dictionary. Pass it as `padding={padding}`: "
        "((top, bottom), (left, right)).",
        UserWarning,
        stacklevel=4,
    )
    return args[1:], {**kwargs, "padding": padding}, []


def _generator_steps(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    found = []
    old = {"samples_per_epoch", "val_samples", "nb_epoch", "nb_val_samples", "nb_worker"} & set(kwargs)
    if old:
        warnings.warn(
            "The Keras 2 argument `steps_per_epoch` does not mean the same as Keras 1's "
            "`samples_per_epoch`: it is the number of batches to draw at each epoch, so "
            "samples_per_epoch / batch_size. Likewise `nb_val_samples` became `validation_steps` and "
            "`val_samples` became `steps`. Update your calls accordingly.",
            UserWarning,
            stacklevel=4,
        )
    if "samples_per_epoch" in kwargs and len(args) < 2:
        generator = args[0] if args else kwargs["generator"]
        samples = kwargs.pop("samples_per_epoch")
        size = getattr(generator, "batch_size", None)
        kwargs["steps_per_epoch"] = samples // size if size else samples
        found.append("samples_per_epoch")
    return args, kwargs, found


def _weight_shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`add_weight(shape, …)`: the shape came first."""
    if not args or not isinstance(args[0], tuple | list):
        return args, kwargs, []
    kwargs["shape"], args = args[0], args[1:]
    if args and isinstance(args[0], str):
        kwargs["name"], args = args[0], args[1:]
    return args, kwargs, []


def _loss_and_params(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`get_updates(params, constraints, loss)`: the weights came first."""
    if len(args) == 3:
        return (), {**kwargs, "params": args[0], "loss": args[2]}, []
    if len(args) == 2 and isinstance(args[0], list | tuple):
        return (), {**kwargs, "params": args[0]}, []
    return args, kwargs, []


def _deprecated(layer: str) -> Prepare:
    def prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        warnings.warn(
            f"The `{layer}` layer is deprecated: it is kept for models of Keras 1.", UserWarning, stacklevel=4
        )
        return args, kwargs, []

    return prepare


# The tables.

_ORDER = {"dim_ordering": {"tf": "channels_last", "th": "channels_first", "default": None}}
_FORMAT = {"dim_ordering": "data_format"}
_BIAS = {"b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint", "bias": "use_bias"}
_KERNEL = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_CONV_ND = {"nb_filter": "filters", "subsample": "strides", "border_mode": "padding", **_FORMAT}
_DROPOUTS = {"dropout_W": "dropout", "dropout_U": "recurrent_dropout"}
_POOL_ND = Spelling({"border_mode": "padding", **_FORMAT}, _ORDER)
_POOL_1D = Spelling({"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"})
_FORMAT_ONLY = Spelling(_FORMAT, _ORDER)
_RATE = Spelling({"p": "rate"})
_RATE_ND = Spelling({"p": "rate", **_FORMAT}, _ORDER)
_CONV_1D = Spelling(
    {
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "subsample_length": "strides",
        "border_mode": "padding",
        **_KERNEL,
    },
    prepare=_sequence_shape,
)
_CONV_2D = Spelling({**_CONV_ND, **_KERNEL}, _ORDER, _kernel("nb_row", "nb_col"))
_RNN = Spelling(
    {
        "output_dim": "units",
        "init": "kernel_initializer",
        "inner_init": "recurrent_initializer",
        "inner_activation": "recurrent_activation",
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
        "U_regularizer": "recurrent_regularizer",
        **_DROPOUTS,
        "consume_less": "implementation",
    },
    {"consume_less": {"cpu": 0, "mem": 1, "gpu": 2}},
    _recurrent,
)

#: By the name of the layer.
LAYERS: dict[str, Spelling] = {
    "Dense": Spelling({"output_dim": "units", **_KERNEL}),
    "Dropout": _RATE,
    "SpatialDropout1D": _RATE,
    "SpatialDropout2D": _RATE_ND,
    "SpatialDropout3D": _RATE_ND,
    "GaussianDropout": _RATE,
    "GaussianNoise": Spelling({"sigma": "stddev"}),
    "Embedding": Spelling(
        {
            "init": "embeddings_initializer",
            "W_regularizer": "embeddings_regularizer",
            "W_constraint": "embeddings_constraint",
        },
        prepare=_embedding,
    ),
    "PReLU": Spelling({"init": "alpha_initializer"}),
    "BatchNormalization": Spelling(
        {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"}, prepare=_batch_normalization
    ),
    "SimpleRNN": _RNN,
    "GRU": _RNN,
    "LSTM": _RNN,
    "ConvLSTM2D": Spelling(
        {
            **_CONV_ND,
            "init": "kernel_initializer",
            "inner_init": "recurrent_initializer",
            "W_regularizer": "kernel_regularizer",
            "U_regularizer": "recurrent_regularizer",
            "b_regularizer": "bias_regularizer",
            "inner_activation": "recurrent_activation",
            **_DROPOUTS,
            "bias": "use_bias",
        },
        _ORDER,
        _both(_recurrent, _kernel("nb_row", "nb_col")),
    ),
    "Conv1D": _CONV_1D,
    "LocallyConnected1D": _CONV_1D,
    "Conv2D": _CONV_2D,
    "LocallyConnected2D": _CONV_2D,
    "Conv3D": Spelling({**_CONV_ND, **_KERNEL}, _ORDER, _kernel("kernel_dim1", "kernel_dim2", "kernel_dim3")),
    "Conv2DTranspose": Spelling(
        {**_CONV_ND, **_KERNEL}, _ORDER, _both(_no_output_shape, _kernel("nb_row", "nb_col"))
    ),
    "SeparableConv2D": Spelling(
        {**_CONV_ND, **_BIAS}, _ORDER, _both(_separable_init, _kernel("nb_row", "nb_col"))
    ),
    "MaxPooling1D": _POOL_1D,
    "AveragePooling1D": _POOL_1D,
    "MaxPooling2D": _POOL_ND,
    "AveragePooling2D": _POOL_ND,
    "MaxPooling3D": _POOL_ND,
    "AveragePooling3D": _POOL_ND,
    "GlobalMaxPooling2D": _FORMAT_ONLY,
    "GlobalAveragePooling2D": _FORMAT_ONLY,
    "GlobalMaxPooling3D": _FORMAT_ONLY,
    "GlobalAveragePooling3D": _FORMAT_ONLY,
    "UpSampling1D": Spelling({"length": "size"}),
    "UpSampling2D": _FORMAT_ONLY,
    "UpSampling3D": _FORMAT_ONLY,
    "ZeroPadding2D": Spelling(_FORMAT, _ORDER, _zero_padding),
    "ZeroPadding3D": _FORMAT_ONLY,
    "Cropping2D": _FORMAT_ONLY,
    "Cropping3D": _FORMAT_ONLY,
    "InputLayer": Spelling({"input_dtype": "dtype"}),
    "Lambda": Spelling(),
    "Highway": Spelling(prepare=_deprecated("Highway")),
    "MaxoutDense": Spelling(prepare=_deprecated("MaxoutDense")),
}

_GENERATORS = Spelling(
    {
        "samples_per_epoch": "steps_per_epoch",
        "val_samples": "steps",
        "nb_epoch": "epochs",
        "nb_val_samples": "validation_steps",
        "nb_worker": "workers",
        "pickle_safe": "use_multiprocessing",
        "max_q_size": "max_queue_size",
    },
    prepare=_generator_steps,
)
_FIT = Spelling(
    {"nb_epoch": "epochs"},
    message="The `nb_epoch` argument in `fit` has been renamed `epochs`.",
    old_wins=True,
)

#: By module, class and method.
METHODS: dict[str, Spelling] = {
    "engine.model.Model.__init__": Spelling({"input": "inputs", "output": "outputs"}),
    "engine.model.Model.fit": _FIT,
    "engine.model.Model.fit_generator": _GENERATORS,
    "engine.model.Model.evaluate_generator": _GENERATORS,
    "engine.model.Model.predict_generator": _GENERATORS,
    "engine.layer.Layer.add_weight": Spelling(prepare=_weight_shape),
    "optimizers.optimizer.Optimizer.get_updates": Spelling(prepare=_loss_and_params),
}
