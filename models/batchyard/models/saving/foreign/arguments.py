"""Arguments of layers that later versions added: dropped where they change nothing, else refused."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from batchyard.models.errors import InvalidArgumentError, UnknownNameError
from batchyard.models.saving.foreign.producer import KERAS_2, Producer

__all__ = ["check_arguments", "is_one_of", "without_neutral"]

#: Arguments of later versions, each with the values at which it changes nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "activity_regularizer": (None,),
    "autocast": (True, None),
    "build_config": (None,),
    "force_generator": (False,),
    "gptq_unpacked_column_size": (None,),
    "groups": (1,),
    "input_axes": (None,),
    "keepdims": (False,),
    "lora_alpha": (None,),
    "lora_rank": (None,),
    "optional": (False,),
    "output_axes": (None,),
    "quantization_config": (None,),
    "quantization_mode": (None,),
    "ragged": (False,),
    "renorm": (False,),
    "rms_scaling": (False,),
    "renorm_clipping": (None,),
    "renorm_momentum": (0.99,),
    "sparse": (False,),
    "synchronized": (False,),
    "time_major": (False,),
    "type_spec": (None,),
    "virtual_batch_size": (None,),
    "zero_output_for_mask": (False,),
}
#: Arguments that change nothing that a file's reader can notice, whatever they say.
_IRRELEVANT = {
    "flash_attention",
    "noise_shape_seed",
    "rng_type",
    "seed",
    "shared_object_id",
    "use_cudnn",
    "use_cudnn_on_gpu",
    "use_legacy_config",
}
#: The same for single classes.
_NEUTRAL_OF: dict[str, dict[str, tuple[Any, ...]]] = {
    "BatchNormalization": {"fused": (None, True, False), "adjustment": (None,)},
    "Conv3DTranspose": {"dilation_rate": (1, [1, 1, 1])},
    "Cropping1D": {"data_format": ("channels_last", None)},
    "Dot": {"dtype": ("float32",)},
    "LocallyConnected1D": {"implementation": (1,)},
    "LocallyConnected2D": {"implementation": (1,)},
    "MultiHeadAttention": {"softmax_robust_masking": (False,)},
    "UpSampling1D": {"data_format": ("channels_last", None)},
    "ZeroPadding1D": {"data_format": ("channels_last", None)},
}
#: Parameters that stand for any number of arguments.
_OPEN = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
#: Keys of a Lambda's configuration that are no arguments: they say how a function is written down.
_OF_LAMBDA = ("function_type", "output_shape_type")
#: Arguments that classes take in **kwargs.
_IN_KWARGS = {
    "BatchNormalization": ("statistics_of",),
    "RNN": ("zero_output_for_mask", "num_constants", "input_dim", "input_length"),
}
_STRINGS = "It takes strings, and models take numbers here: do its work before the model, and write the rest."
_FIXED = (
    "It changes its input in predictions too: do its work before the model, and write the model without it."
)
#: What helps, by class.
_HELP_FOR = {
    "AutoContrast": _FIXED,
    "ContrastLimitedAdaptiveHistogramEqualization": _FIXED,
    "DenseFeatures": "It belongs to TensorFlow's feature columns: write the model with an Input for each.",
    "HashedCrossing": _STRINGS,
    "Hashing": _STRINGS,
    "MaxNumBoundingBoxes": _FIXED,
    "MelSpectrogram": _FIXED,
    "Pipeline": "Write the model with its layers one behind the other.",
    "STFTSpectrogram": _FIXED,
    "StringLookup": _STRINGS,
    "TextVectorization": _STRINGS,
}
#: What helps, by argument.
_HELP = {
    "time_major": "Put Permute((2, 1, 3)) around the layer, and write the file with time_major=False.",
    "ragged": "Write the file with a padded input and a Masking layer.",
    "renorm": "Write the file with renorm=False; for predictions alone the layer is the same.",
    "implementation": "Write the file with implementation=1, whose weights have another shape.",
    "lora_rank": "Merge the LoRA weights into the kernel before saving (layer.quantize or _merge_lora).",
    "quantization_config": "Save the model before it is quantized.",
}


def without_neutral(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a layer's arguments without those of later versions that change nothing.

    Args:
        class_name: of the layer.
        config: its arguments.
    """
    accepted = _accepted(class_name)
    own = _NEUTRAL_OF.get(class_name, {})
    kept = {}
    for key, value in config.items():
        if key in own and is_one_of(value, own[key]):
            continue
        if (
            accepted is not None
            and key not in accepted
            and (key in _IRRELEVANT or is_one_of(value, _NEUTRAL.get(key, ())))
        ):
            continue
        kept[key] = value
    return kept


def expect_class(class_name: str, config: Mapping[str, Any], producer: Producer) -> None:
    """Refuses layers of classes that neither this library has nor the custom objects.

    Args:
        class_name: of the layer.
        config: its arguments, for its name.
        producer: who wrote it.

    Raises:
        UnknownNameError: naming layer and class, and what helps.
    """
    from batchyard.models.layers.registry import layers
    from batchyard.models.saving.custom_objects import find_custom_object

    if class_name in layers or find_custom_object(class_name) is not None:
        return
    near = difflib.get_close_matches(class_name, list(layers), n=2)
    raise UnknownNameError(
        f"Unknown layer {class_name!r}: layer {config.get('name')!r}, written by {producer}, is of a class "
        f"that isn't here. {_HELP_FOR.get(class_name) or (f'Did you mean {near[0]!r}?' if near else '')} "
        f"Pass a class of your own that computes the same: custom_objects={{{class_name!r}: YourLayer}}."
    )


def check_arguments(class_name: str, config: Mapping[str, Any], producer: Producer) -> None:
    """Refuses arguments that this library's layer does not have, or that another Keras took otherwise.

    Args:
        class_name: of the layer.
        config: its arguments, without the neutral ones.
        producer: who wrote them.

    Raises:
        InvalidArgumentError: naming layer, class, argument, and what helps.
    """
    accepted = _accepted(class_name)
    own = _NEUTRAL_OF.get(class_name, {})
    for key, value in config.items():
        if accepted is None or (key in accepted and (key not in own or producer.family == KERAS_2)):
            continue
        neutral = own.get(key) or _NEUTRAL.get(key)
        expected = f"only {key}={neutral[0]!r} is" if neutral else "that argument is not"
        helps = _HELP.get(key, "Write the file without it.")
        raise InvalidArgumentError(
            f"Layer {config.get('name')!r} of class {class_name} was written by {producer} with "
            f"{key}={value!r:.100}; {expected} known in Keras 2.2's {class_name}. {helps} Or pass a class of "
            f"your own that has it: custom_objects={{{class_name!r}: YourLayer}}."
        )


def is_one_of(value: Any, options: tuple[Any, ...]) -> bool:
    """Whether a value equals one of some, lists and tuples being alike, and 1 and True not."""
    return any(_same(value, option) for option in options)


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, list | tuple) and isinstance(other, list | tuple):
        return len(value) == len(other) and all(_same(a, b) for a, b in zip(value, other, strict=True))
    return value is other or (type(value) is type(other) and bool(value == other))


def _accepted(class_name: str) -> set[str] | None:
    """The arguments that a class of this library takes; None for other classes."""
    from batchyard.models.layers.registry import layers
    from batchyard.models.saving.custom_objects import find_custom_object

    if find_custom_object(class_name) is not None or class_name not in layers:
        return None
    if hasattr(layers.find(class_name), "given"):  # it keeps whatever it is given
        return None
    found: set[str] = set(_OF_LAMBDA if class_name == "Lambda" else ())
    for kind in layers.find(class_name).__mro__:
        if "__init__" not in vars(kind):
            continue
        parameters = inspect.signature(vars(kind)["__init__"]).parameters
        found |= {one.name for one in parameters.values() if one.kind not in _OPEN}
        found |= set(_IN_KWARGS.get(kind.__name__, ()))
        if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
            break
    return found - {"self"}
