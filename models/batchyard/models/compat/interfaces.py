"""Stands for `keras.legacy.interfaces`, whose decorators code of its time puts on its own layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from batchyard.models.compat.keras_1 import LAYERS, METHODS, Spelling, translate, translating

__all__ = [
    "add_weight_args_preprocessing",
    "batchnorm_args_preprocessor",
    "conv1d_args_preprocessor",
    "conv2d_args_preprocessor",
    "conv3d_args_preprocessor",
    "convlstm2d_args_preprocessor",
    "deconv2d_args_preprocessor",
    "embedding_kwargs_preprocessor",
    "generate_legacy_interface",
    "generate_legacy_method_interface",
    "generator_methods_args_preprocessor",
    "get_updates_arg_preprocessing",
    "raise_duplicate_arg_error",
    "recurrent_args_preprocessor",
    "separable_conv2d_args_preprocessor",
    "zeropadding2d_args_preprocessor",
]


def generate_legacy_interface(
    allowed_positional_args: Sequence[str] | None = None,
    conversions: Sequence[tuple[str, str]] | None = None,
    preprocessor: Any = None,
    value_conversions: Mapping[str, Mapping[Any, Any]] | None = None,
    object_type: str = "class",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator for a method that may be called with old argument names too.

    Args:
        allowed_positional_args: the arguments that may be given by position; any by default.
        conversions: pairs of an old and a new name.
        preprocessor: takes (args, kwargs) with `self`, and returns them with a list of what it replaced.
        value_conversions: for old names, new values by old ones.
        object_type: "class" or "method"; for the message.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            shown = type(self).__name__ if object_type == "class" else function.__name__

            def prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                replaced: list[str] = []
                if preprocessor is not None:
                    found, kwargs, pairs = preprocessor((self, *args), kwargs)
                    args, replaced = tuple(found[1:]), [str(one) for one in pairs]
                return args, kwargs, replaced

            allowed = None if allowed_positional_args is None else tuple(allowed_positional_args)
            spelling = Spelling(dict(conversions or ()), value_conversions or {}, prepare, positional=allowed)
            args, kwargs = translate(spelling, shown, args, kwargs)
            return function(self, *args, **kwargs)

        wrapper._original_function = function  # type: ignore[attr-defined]
        return wrapper

    return decorate


generate_legacy_method_interface = functools.partial(generate_legacy_interface, object_type="method")


def raise_duplicate_arg_error(old_arg: str, new_arg: str) -> None:
    """Says that an argument was given in both spellings."""
    raise TypeError(f"The layer received both `{old_arg}`, which is Keras 1's name, and `{new_arg}`.")


#: What a preprocessor replaces by another name.
_REPLACED = {
    "nb_row/nb_col": "kernel_size",
    "kernel_dim1/kernel_dim2/kernel_dim3": "kernel_size",
    "forget_bias_init": "unit_forget_bias",
    "init": "depthwise_initializer/pointwise_initializer",
    "input_dim": "input_shape",
    "samples_per_epoch": "steps_per_epoch",
}


def _preprocessor(spelling: Spelling) -> Callable[[Any, Any], Any]:
    """Makes a function of (args, kwargs) with `self`, as Keras has them, of what renaming alone cannot do."""

    def preprocess(args: Any, kwargs: Any) -> Any:
        if spelling.prepare is None:
            return args, kwargs, []
        rest, kwargs, replaced = spelling.prepare(tuple(args[1:]), kwargs)
        return (*args[:1], *rest), kwargs, [(one, _REPLACED.get(one, one)) for one in replaced]

    return preprocess


add_weight_args_preprocessing = _preprocessor(METHODS["engine.layer.Layer.add_weight"])
batchnorm_args_preprocessor = _preprocessor(LAYERS["BatchNormalization"])
conv1d_args_preprocessor = _preprocessor(LAYERS["Conv1D"])
conv2d_args_preprocessor = _preprocessor(LAYERS["Conv2D"])
conv3d_args_preprocessor = _preprocessor(LAYERS["Conv3D"])
convlstm2d_args_preprocessor = _preprocessor(LAYERS["ConvLSTM2D"])
deconv2d_args_preprocessor = _preprocessor(LAYERS["Conv2DTranspose"])
embedding_kwargs_preprocessor = _preprocessor(LAYERS["Embedding"])
generator_methods_args_preprocessor = _preprocessor(METHODS["engine.model.Model.fit_generator"])
get_updates_arg_preprocessing = _preprocessor(METHODS["optimizers.optimizer.Optimizer.get_updates"])
recurrent_args_preprocessor = _preprocessor(LAYERS["LSTM"])
separable_conv2d_args_preprocessor = _preprocessor(LAYERS["SeparableConv2D"])
zeropadding2d_args_preprocessor = _preprocessor(LAYERS["ZeroPadding2D"])


#: Keras's decorators, by the layer whose spelling each one knows.
_DECORATORS = {
    "batchnorm": "BatchNormalization",
    "conv1d": "Conv1D",
    "conv2d": "Conv2D",
    "conv3d": "Conv3D",
    "convlstm2d": "ConvLSTM2D",
    "cropping2d": "Cropping2D",
    "cropping3d": "Cropping3D",
    "deconv2d": "Conv2DTranspose",
    "dense": "Dense",
    "dropout": "Dropout",
    "embedding": "Embedding",
    "gaussiandropout": "GaussianDropout",
    "gaussiannoise": "GaussianNoise",
    "global_pooling": "GlobalMaxPooling2D",
    "input": "InputLayer",
    "pooling1d": "MaxPooling1D",
    "pooling2d": "MaxPooling2D",
    "pooling3d": "MaxPooling3D",
    "prelu": "PReLU",
    "recurrent": "LSTM",
    "separable_conv2d": "SeparableConv2D",
    "spatialdropout1d": "SpatialDropout1D",
    "spatialdropoutNd": "SpatialDropout2D",
    "upsampling1d": "UpSampling1D",
    "upsampling2d": "UpSampling2D",
    "upsampling3d": "UpSampling3D",
    "zeropadding2d": "ZeroPadding2D",
    "zeropadding3d": "ZeroPadding3D",
}
_METHOD_DECORATORS = {
    "add_weight": "engine.layer.Layer.add_weight",
    "get_updates": "optimizers.optimizer.Optimizer.get_updates",
    "generator_methods": "engine.model.Model.fit_generator",
    "model_constructor": "engine.model.Model.__init__",
}


def __getattr__(name: str) -> Any:
    """Gives `legacy_dense_support` and its like."""
    kind = name.removeprefix("legacy_").removesuffix("_support")
    if name == f"legacy_{kind}_support":
        if kind == "lambda":
            return generate_legacy_interface(allowed_positional_args=["function", "output_shape"])
        if kind in _DECORATORS:
            return translating(LAYERS[_DECORATORS[kind]], _DECORATORS[kind])
        if kind in _METHOD_DECORATORS:
            return translating(METHODS[_METHOD_DECORATORS[kind]], kind)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
