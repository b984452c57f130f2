"""What is in a file, without running anything of it."""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import h5py

from batchyard.models.errors import BatchyardModelsError, ModelFileError, NotCompiledError
from batchyard.models.initializers.replaced_values import replaced_values
from batchyard.models.saving.archive import is_archive, open_archive
from batchyard.models.saving.attributes import read_text
from batchyard.models.saving.checkpoint_weights import is_checkpoint
from batchyard.models.saving.config import (
    TEXT_LIMIT,
    configuration_errors,
    expect_few_layers,
    parse_json,
    parse_yaml,
)
from batchyard.models.saving.configured_objects import configured_layers, names_needed
from batchyard.models.saving.conversion import load_tensors
from batchyard.models.saving.custom_objects import scope_of
from batchyard.models.saving.file_report import ArrayReport, FileReport, LayerReport
from batchyard.models.saving.folders import refuse_folder
from batchyard.models.saving.foreign.producer import Producer, producer_of
from batchyard.models.saving.foreign_config import to_keras_2
from batchyard.models.saving.guarded_reading import damage_refused, find, find_dataset, open_for_reading
from batchyard.models.saving.loading import load_model
from batchyard.models.saving.safetensors_file import model_config_in, text_metadata
from batchyard.models.saving.tensors import TENSOR_ENDINGS, tensor_reports

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["inspect_file"]

_DEPTH_LIMIT = 64
_ENTRY_LIMIT = 100_000


def inspect_file(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None, try_to_load: bool = True
) -> FileReport:
    """Tell what is in a file of a model or of weights, and what loading it would refuse.

    Nothing that the file brings is run, whatever it is.

    Args:
        path: of a `.h5`, `.keras`, `.weights.h5`, `.json`, `.yaml`, `.safetensors` or `.pt` file.
        custom_objects: classes and functions of the user that count as known.
        try_to_load: whether a model is loaded too, to tell its shapes and what would be refused.

    Raises:
        ModelFileError: where there is no such file, or where it is damaged or none of these kinds.
    """
    name = os.fspath(path)
    refuse_folder(name)
    if not os.path.isfile(name):
        raise ModelFileError(f"There is no file {name!r}. Check the path (relative to {os.getcwd()}).")
    ending = os.path.splitext(name)[1].lower()
    known = dict(custom_objects or {})
    if ending in TENSOR_ENDINGS:
        found = _tensors(name, ending)
    elif is_archive(name):
        found = _archive(name)
    elif ending in (".json", ".yaml", ".yml"):
        found = _text(name, ending)
    else:
        found = _hdf5(name)
    return _complete(found, name, known, try_to_load)


_TENSORS = {
    ".safetensors": "safetensors",
    ".pt": "state_dict of torch",
    ".pth": "state_dict of torch",
}


def _tensors(name: str, ending: str) -> dict[str, Any]:
    config = model_config_in(name)
    version = config.get("keras_version") if isinstance(config, Mapping) else None
    return {
        "format": _TENSORS[ending],
        "config": config,
        "version": version if isinstance(version, str) else None,
        "arrays": tensor_reports(name),
        "metadata": text_metadata(name),
    }


def _archive(name: str) -> dict[str, Any]:
    with open_archive(name) as archive:
        config, version = archive.config(), archive.version()
        with archive.weights() as file:
            arrays = list(_arrays(file))
    training = config.get("compile_config") if isinstance(config, Mapping) else None
    state = [array for array in arrays if array.name.startswith("optimizer/")]
    return {
        "format": "archive of Keras 3 (.keras)",
        "config": config,
        "version": version,
        "training": training,
        "arrays": [array for array in arrays if not array.name.startswith("optimizer/")],
        "optimizer_state": state,
    }


def _text(name: str, ending: str) -> dict[str, Any]:
    with open(name, "rb") as file:
        text = file.read(TEXT_LIMIT + 1)  # parsing refuses more
    parse = parse_json if ending == ".json" else parse_yaml
    config = parse(text, f"the content of {name}")
    version = config.get("keras_version") if isinstance(config, Mapping) else None
    return {
        "format": "configuration as JSON" if ending == ".json" else "configuration as YAML",
        "config": config,
        "version": version if isinstance(version, str) else None,
    }


def _hdf5(name: str) -> dict[str, Any]:
    with open_for_reading(name) as file:
        config, training = (_json(file, key) for key in ("model_config", "training_config"))
        arrays = list(_arrays(file))
        holder = file if config is None else find(file, "model_weights")
        version, backend = (
            read_text(file, key) or (read_text(holder, key) if isinstance(holder, h5py.Group) else None)
            for key in ("keras_version", "backend")
        )
        checkpoint = config is None and is_checkpoint(file)
    beginnings = ("optimizer_weights/", "optimizer/")
    state = [array for array in arrays if array.name.startswith(beginnings)]
    return {
        "format": "HDF5 weights of Keras 3 (.weights.h5)" if checkpoint else "HDF5",
        "config": config,
        "version": version,
        "backend": backend,
        "training": training,
        "arrays": [array for array in arrays if not array.name.startswith(beginnings)],
        "optimizer_state": state,
    }


def _complete(
    found: dict[str, Any], name: str, custom_objects: Mapping[str, Any], try_to_load: bool
) -> FileReport:
    """Put together what a file says with what loading it tells."""
    config, arrays = found["config"], found.get("arrays", [])
    training = found.get("training") if isinstance(found.get("training"), Mapping) else None
    kind = "weights" if config is None and arrays else "unknown" if config is None else "model"
    if kind == "model" and not arrays and found["format"].startswith("configuration"):
        kind = "configuration"
    producer = producer_of(found.get("version"), config)
    custom, _ = names_needed(_spelled(config, producer, custom_objects), training, custom_objects)
    _, code = names_needed(config, training, custom_objects)
    layers, problem = configured_layers(config), ""
    told: list[str] = []
    if kind in ("model", "configuration") and try_to_load:
        model, problem, told = _load(name, kind, config, custom_objects)
        if model is not None:
            layers = list(_layers(model))
            custom, _ = names_needed(None, training, custom_objects)  # no layer needs any: it was built
    elif kind == "weights" and found["format"] not in _TENSORS.values():
        layers = [LayerReport(group, parameters=count) for group, count in _by_group(arrays).items()]
    described = config if isinstance(config, Mapping) else {}
    inner = described.get("config")
    optimizer = _optimizer(training)
    return FileReport(
        path=name,
        size=os.path.getsize(name),
        format=found["format"],
        kind=kind,
        producer=str(producer) if config is not None or found.get("version") else "",
        backend=found.get("backend") or "",
        model=" ".join(
            str(part)
            for part in (
                described.get("class_name"),
                inner.get("name") if isinstance(inner, Mapping) else None,
            )
            if part
        ),
        layers=layers,
        arrays=arrays,
        parameters=_count(arrays) or sum(layer.parameters or 0 for layer in layers if layer.depth == 0),
        optimizer=optimizer,
        optimizer_state=found.get("optimizer_state", []),
        training={key: value for key, value in (training or {}).items() if not key.startswith("optimizer")}
        or None,
        custom=custom,
        code=code,
        problem=problem,
        warnings=told,
        metadata=found.get("metadata", {}),
    )


def _load(
    name: str, kind: str, config: Any, custom_objects: Mapping[str, Any]
) -> tuple[Model | None, str, list[str]]:
    """Load a model as a user would; return it, or why that is refused, and what is warned of."""
    from batchyard.models.saving.config import build_from_text

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if name.lower().endswith(TENSOR_ENDINGS):
                model = load_tensors(name, custom_objects)
            elif kind == "configuration":
                with replaced_values():  # nobody computes with this model
                    model = build_from_text(config, custom_objects)
            else:
                model = load_model(name, custom_objects)
        except BatchyardModelsError as error:
            return None, str(error), []
    return model, "", [str(one.message) for one in caught if issubclass(one.category, UserWarning)]


def _spelled(config: Any, producer: Producer, custom_objects: Mapping[str, Any]) -> Any:
    """Return a configuration in the spelling of Keras 2.2.4; as it is where it says what can't be spelled."""
    with warnings.catch_warnings(), contextlib.suppress(BatchyardModelsError), scope_of(custom_objects):
        warnings.simplefilter("ignore", UserWarning)  # loading tells them
        with configuration_errors("the configuration"):
            expect_few_layers(config)
            return to_keras_2(config, producer, for_inference=True)
    return config


def _layers(model: Any, depth: int = 0) -> Iterator[LayerReport]:
    for layer in model.layers:
        try:
            shape = layer.output_shape
        except (BatchyardModelsError, NotCompiledError, AttributeError):
            shape = None  # called several times, on different shapes
        yield LayerReport(
            layer.name, type(layer).__name__, depth, shape, layer.count_params() if layer.built else None
        )
        if hasattr(layer, "layers"):
            yield from _layers(layer, depth + 1)


def _arrays(file: h5py.Group) -> Iterator[ArrayReport]:
    """Yield all arrays of a file, by their headers.

    Raises:
        ModelFileError: where it is damaged, or reaches outside of itself.
    """
    count = 0
    waiting: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    while waiting:
        path, group, depth = waiting.pop()
        with damage_refused(group, ""):
            names = sorted(group)
        deeper = []
        for name in names:
            count += 1
            if count > _ENTRY_LIMIT or depth > _DEPTH_LIMIT:
                raise ModelFileError(
                    f"{file.file.filename} has more than {_ENTRY_LIMIT} entries, or groups nested deeper "
                    f"than {_DEPTH_LIMIT}. No Keras writes such a file."
                )
            entry = find(group, name)
            if isinstance(entry, h5py.Group):
                deeper.append((f"{path}{name}/", entry, depth + 1))
            elif isinstance(entry, h5py.Dataset):
                dataset = find_dataset(group, name)
                yield ArrayReport(f"{path}{name}", tuple(dataset.shape), str(dataset.dtype))
        waiting += reversed(deeper)


def _json(file: h5py.Group, key: str) -> Any:
    text = read_text(file, key)
    return None if text is None else parse_json(text, f"the attribute {key!r} of {file.file.filename}")


def _optimizer(training: Mapping[str, Any] | None) -> dict[str, Any] | None:
    found = (training or {}).get("optimizer_config") or (training or {}).get("optimizer")
    if isinstance(found, str):
        return {"class_name": found}
    if not isinstance(found, Mapping):
        return None
    config = found.get("config")
    return {
        "class_name": str(found.get("class_name")),
        "config": dict(config) if isinstance(config, Mapping) else {},
    }


def _by_group(arrays: list[ArrayReport]) -> dict[str, int]:
    """Return the numbers in each group of a layer."""
    found: dict[str, int] = {}
    for array in arrays:
        parts = array.name.split("/")
        layer = "/".join(parts[: parts.index("vars")]) if "vars" in parts else parts[0]
        found[layer] = found.get(layer, 0) + math.prod(array.shape)
    return found


def _count(arrays: list[ArrayReport]) -> int:
    return sum(math.prod(array.shape) for array in arrays)
