"""Which arguments may be given by position: in Keras 1 the same places often meant something else.

`Dense(3, "uniform")` named an initializer there, and would name an activation here: Keras 2.2.4 refuses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["POSITIONAL", "check_positional"]

_DROPOUT = ("rate", "noise_shape", "seed")
_KERNEL = ("filters", "kernel_size")
_POOL = ("pool_size", "strides", "padding")
_GENERATOR = ("generator", "steps_per_epoch", "epochs")

#: By layer or method of models; others take as many as they have.
POSITIONAL: dict[str, tuple[str, ...]] = {
    "BatchNormalization": (),
    "Cropping2D": ("cropping",),
    "Cropping3D": ("cropping",),
    "Dense": ("units",),
    "Dropout": _DROPOUT,
    "Embedding": ("input_dim", "output_dim"),
    "GaussianDropout": ("rate",),
    "GaussianNoise": ("stddev",),
    "Lambda": ("function", "output_shape"),
    "PReLU": ("alpha_initializer",),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D", "ConvLSTM2D"), _KERNEL),
    **dict.fromkeys(("LocallyConnected1D", "LocallyConnected2D", "SeparableConv2D"), _KERNEL),
    **dict.fromkeys((f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)), _POOL),
    **dict.fromkeys((f"SpatialDropout{n}D" for n in (1, 2, 3)), ("rate",)),
    **dict.fromkeys((f"UpSampling{n}D" for n in (1, 2, 3)), ("size",)),
    **dict.fromkeys(("ZeroPadding2D", "ZeroPadding3D"), ("padding",)),
    **dict.fromkeys(("SimpleRNN", "GRU", "LSTM"), ("units",)),
    **dict.fromkeys(("fit_generator", "evaluate_generator", "predict_generator"), _GENERATOR),
}


def check_positional(shown: str, allowed: Sequence[str], args: Sequence[Any]) -> None:
    """Refuses more arguments by position than are allowed.

    Args:
        shown: what the message calls the function.
        allowed: the names of those that may come by position.
        args: those that did, without `self`.

    Raises:
        TypeError: if there are too many.
    """
    if len(args) <= len(allowed):
        return
    if not allowed:
        raise TypeError(f"`{shown}` does not accept positional arguments. Received: {list(args)}. Name them.")
    raise TypeError(
        f"`{shown}` can accept only {len(allowed)} positional arguments {tuple(allowed)}, but you passed the "
        f"following positional arguments: {list(args)}. Name the others."
    )
