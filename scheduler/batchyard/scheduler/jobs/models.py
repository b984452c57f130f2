"""Whether a model file is one, told without torch: from its configuration alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import yaml

from batchyard.scheduler.jobs.problem import did_you_mean

__all__ = ["ModelFacts", "NoModel", "inspect_model"]

HDF5_SUFFIXES = (".h5", ".hdf5")
YAML_SUFFIXES = (".yaml", ".yml")

#: Bound on the size of a configuration; the largest of `applications` has 200 KB.
MAX_CONFIG_BYTES = 32 << 20


class NoModel(Exception):
    """Raised when a file is no model; the message says why, and `remedy` what to do."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True)
class ModelFacts:
    """What a model file tells without building the model."""

    has_weights: bool
    compiled: bool
    input_shape: tuple[int | None, ...] | None  #: of one row, when it is told and there is one input
    stateful: tuple[str, ...] = ()  #: names of the layers that keep states from batch to batch
    batch: int | None = None  #: rows of a batch, where the first layer fixes them


class _KerasLoader(yaml.SafeLoader):
    """The safe loader; Keras writes its tuples with a tag, which is read as a list."""


def _tuple_as_list(loader: _KerasLoader, node: yaml.Node) -> list[Any]:
    if not isinstance(node, yaml.SequenceNode):
        raise yaml.constructor.ConstructorError(None, None, "a tuple that is no list", node.start_mark)
    return loader.construct_sequence(node, deep=True)


_KerasLoader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple_as_list)


def inspect_model(path: Path) -> ModelFacts:
    """Read what a model file says of itself.

    Raises:
        NoModel: It is missing, damaged, or something else.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        names = (
            [entry.name for entry in path.parent.iterdir() if entry.is_file()] if path.parent.is_dir() else []
        )
        raise NoModel(
            what, did_you_mean(path.name, names, "check the path; relative ones start at the job file")
        )
    try:
        if path.suffix in HDF5_SUFFIXES:
            return _inspect_hdf5(path)
        if path.suffix not in (".json", *YAML_SUFFIXES):
            raise NoModel(
                f"has the suffix {path.suffix!r}",
                "give .h5 (model.save), .json or .yaml (model.to_json, to_yaml)",
            )
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise NoModel(
                f"is too long for a configuration ({path.stat().st_size} bytes)", "is it the right file?"
            )
        return _inspect_config(_parse(path), has_weights=False, compiled=False)
    except OSError as error:
        raise NoModel(f"cannot be read: {error.strerror or error}", "check its permissions") from None


def _inspect_hdf5(path: Path) -> ModelFacts:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        text = str(error)
        if "truncated" in text:
            raise NoModel("is truncated: it ends before its data do", "copy or save it again") from None
        raise NoModel("is no HDF5 file", "save the model with model.save(path)") from None
    with file:
        if "model_config" not in file.attrs:
            if "layer_names" in file.attrs:
                raise NoModel("holds weights only", "save the whole model with model.save(path)")
            raise NoModel("is HDF5, but holds no model", "save the model with model.save(path)")
        config = file.attrs["model_config"]
        compiled = "training_config" in file.attrs
    text = config.decode("utf-8", "replace") if isinstance(config, bytes) else str(config)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoModel(f"holds a configuration that is no JSON: {error}", "save the model again") from None
    return _inspect_config(parsed, has_weights=True, compiled=compiled)


def _parse(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_KerasLoader)
    except UnicodeDecodeError:
        raise NoModel(
            "is no text", "give the configuration that model.to_json() or to_yaml() returns"
        ) from None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise NoModel(f"is no YAML{line}: {error.problem}", "is it the right file?") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise NoModel(
            f"is no {path.suffix[1:].upper()}: {str(error).splitlines()[0]}", "is it the right file?"
        ) from None


def _inspect_config(config: Any, *, has_weights: bool, compiled: bool) -> ModelFacts:
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise NoModel(
            "is no model configuration: it has no class_name and config at its top",
            "give what model.to_json() or model.to_yaml() returns",
        )
    shape = _input_shape(config["config"])
    return ModelFacts(
        has_weights,
        compiled,
        shape[1:] if shape else None,
        tuple(_stateful(config)),
        shape[0] if shape else None,
    )


def _stateful(part: Any) -> Iterator[str]:
    """Yield the names of stateful layers anywhere in a configuration."""
    if isinstance(part, list):
        for one in part:
            yield from _stateful(one)
    elif isinstance(part, dict):
        if part.get("stateful") is True:
            yield str(part.get("name", "a layer without a name"))
        for one in part.values():
            yield from _stateful(one)


def _input_shape(config: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a batch that the only input takes, or None when that cannot be told."""
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        return None
    if isinstance(config, dict) and "input_layers" in config:
        layers = [layer for layer in layers if layer.get("class_name") == "InputLayer"]
        if len(layers) != 1:
            return None
    if not layers or not isinstance(layers[0].get("config"), dict):
        return None
    first = layers[0]["config"]
    shape = first.get("batch_input_shape") or first.get("batch_shape")
    if not isinstance(shape, list) or not all(n is None or isinstance(n, int) for n in shape):
        return None
    return tuple(shape)
