"""Files of one format made of files of another."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchyard.models.errors import InvalidArgumentError, ModelFileError
from batchyard.models.initializers.replaced_values import replaced_values
from batchyard.models.saving.atomic_write import write_atomically
from batchyard.models.saving.config import (
    TEXT_LIMIT,
    build_from_text,
    build_model,
    configuration_errors,
    model_to_json,
    model_to_yaml,
    parse_json,
    parse_yaml,
)
from batchyard.models.saving.folders import refuse_folder
from batchyard.models.saving.loading import load_model, load_weights
from batchyard.models.saving.model_file import save_model, save_weights
from batchyard.models.saving.safetensors_file import model_config_in
from batchyard.models.saving.tensors import (
    TENSOR_ENDINGS,
    read_tensors,
    set_tensors,
    write_tensors,
)
from batchyard.models.saving.weight_budget import weight_budget

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["FORMATS", "convert_file", "load_tensors"]

#: What can be written, with what it is.
FORMATS = {
    "h5": "HDF5 that Keras 2 and tf.keras 2 open, with the optimizer's state",
    "keras3-h5": "HDF5 that Keras 3 opens, without the optimizer's state",
    "keras": "Keras 3's archive, with the optimizer's state",
    "weights": "weights alone in HDF5; in Keras 3's layout where the name ends with .weights.h5",
    "safetensors": "weights by name, with the configuration, for torch and others",
    "torch-state-dict": "weights by name, for torch.load(..., weights_only=True)",
    "json": "configuration alone, as JSON",
    "yaml": "configuration alone, as YAML",
}
_BY_ENDING = {
    ".weights.h5": "weights",
    ".h5": "h5",
    ".hdf5": "h5",
    ".keras": "keras",
    ".safetensors": "safetensors",
    ".pt": "torch-state-dict",
    ".pth": "torch-state-dict",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
}


def convert_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    to: str | None = None,
    model: str | os.PathLike[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> str:
    """Read a file of any kind that this library reads, and write it as another.

    Args:
        source: a model, or weights; weights alone need `model`, unless a `.safetensors` file of ours has
            the configuration too.
        destination: what is written, atomically.
        to: one of `FORMATS`; by default what the destination's ending says.
        model: a file with the model's configuration, for a source of weights alone.
        custom_objects: classes and functions of the user that the files may name.
        overwrite: whether a destination that exists may be replaced.

    Returns:
        The format that was written.

    Raises:
        InvalidArgumentError: where the format isn't known, or the model is missing.
        ModelFileError: where a file can't be read or written.
        NotSerializableError: where the destination's format can't hold the model.
    """
    chosen = choose_format(destination, to)
    for given in (source, *([] if model is None else [model])):
        refuse_folder(os.fspath(given))
    loaded = _read(os.fspath(source), model, custom_objects)
    if chosen in ("h5", "keras3-h5", "keras"):
        target = {"h5": "keras2", "keras3-h5": "keras3", "keras": "keras"}[chosen]
        save_model(loaded, destination, overwrite, target=target)
    elif chosen == "weights":
        later = os.fspath(destination).lower().endswith(".weights.h5")
        save_weights(loaded, destination, overwrite, target="keras3" if later else "keras2")
    elif chosen in ("safetensors", "torch-state-dict"):
        write_tensors(loaded, destination, overwrite)
    else:
        text = model_to_json(loaded, indent=2) if chosen == "json" else model_to_yaml(loaded)
        with (
            write_atomically(destination, overwrite) as temporary,
            open(temporary, "w", encoding="utf-8") as file,
        ):
            file.write(text)
    return chosen


def choose_format(destination: str | os.PathLike[str], to: str | None) -> str:
    """Return the format that is asked for, or that a name's ending says.

    Raises:
        InvalidArgumentError: where it isn't known, or doesn't fit the name.
    """
    name = os.fspath(destination).lower()
    by_ending = next((kind for ending, kind in _BY_ENDING.items() if name.endswith(ending)), None)
    if to is None:
        if by_ending is None:
            raise InvalidArgumentError(
                f"The name {os.fspath(destination)!r} doesn't tell the format. Let it end with one of "
                f"{', '.join(_BY_ENDING)}, or say it: --to {'|'.join(FORMATS)}."
            )
        return by_ending
    if to not in FORMATS:
        raise InvalidArgumentError(f"Unknown format {to!r}. Expected one of {', '.join(FORMATS)}.")
    needed = {
        "safetensors": (".safetensors",),
        "keras": (".keras",),
        "torch-state-dict": (".pt", ".pth"),
    }.get(to)
    if needed and not name.endswith(needed):
        raise InvalidArgumentError(
            f"A file of the format {to!r} needs a name that ends with {' or '.join(needed)}, or other "
            f"programs won't know it. Received: {os.fspath(destination)!r}."
        )
    if to in ("h5", "keras3-h5") and by_ending == "keras":
        raise InvalidArgumentError(
            f"The name {os.fspath(destination)!r} is that of an archive, and {to!r} is HDF5. Let it end "
            "with .h5."
        )
    return to


def _read(
    source: str, model: str | os.PathLike[str] | None, custom_objects: Mapping[str, Any] | None
) -> Model:
    if source.lower().endswith(TENSOR_ENDINGS):
        if model is None:
            return load_tensors(source, custom_objects)
        with replaced_values():
            built = _architecture(os.fspath(model), custom_objects)
        set_tensors(built, read_tensors(source), source)
        return built
    if model is not None:
        if source.lower().endswith((".json", ".yaml", ".yml")):
            return _architecture(os.fspath(model), custom_objects)
        with replaced_values():
            built = _architecture(os.fspath(model), custom_objects)
        load_weights(built, source)
        return built
    if source.lower().endswith((".json", ".yaml", ".yml")):
        return _architecture(source, custom_objects)
    with warnings.catch_warnings():
        # a model that was not compiled is converted as it is
        warnings.filterwarnings("ignore", message=".*holds no training configuration", category=UserWarning)
        try:
            return load_model(source, custom_objects)
        except ModelFileError as error:
            if "found weights only" in str(error):
                raise InvalidArgumentError(_needs_model(source)) from error
            raise


def load_tensors(path: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Load the model of a `.safetensors` file of ours, which has the configuration too; it isn't compiled.

    Args:
        path: of the file.
        custom_objects: classes and functions of the user that it may name.

    Raises:
        InvalidArgumentError: where the file has no configuration.
        ModelFileError: where it is damaged, or its weights are those of another model.
    """
    config = model_config_in(path)
    if config is None:
        raise InvalidArgumentError(_needs_model(path))
    tensors = read_tensors(path)
    numbers = sum(tensor.numel() for tensor in tensors.values())
    with weight_budget(numbers, path), replaced_values(), configuration_errors("the configuration"):
        model = build_model(config, custom_objects)
    set_tensors(model, tensors, path)
    return model


def _architecture(path: str, custom_objects: Mapping[str, Any] | None) -> Model:
    """Return a model with the architecture that a file describes."""
    if not path.lower().endswith((".json", ".yaml", ".yml")):
        return load_model(path, custom_objects, compile=False)
    try:
        with open(path, "rb") as file:
            text = file.read(TEXT_LIMIT + 1)  # parsing refuses more
    except OSError as error:
        raise ModelFileError(f"{path} can't be read: {error.strerror}. Check the path.") from error
    parse = parse_json if path.lower().endswith(".json") else parse_yaml
    config = parse(text, f"the content of {path}")
    return build_from_text(config, custom_objects, f"the configuration in {path}")


def _needs_model(source: str) -> str:
    return (
        f"{source} holds weights alone. Name a file with the model's configuration too (.json, .yaml, .h5 or "
        ".keras): convert_file(..., model=PATH), or --model PATH."
    )
