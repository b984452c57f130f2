"""The files that Keras 3 opens."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
import zipfile
from typing import IO, TYPE_CHECKING, Any

import h5py

from batchyard.models.saving.attributes import write_text
from batchyard.models.saving.for_keras_3.hard_sigmoid import is_folded, warn_of_hard_sigmoid
from batchyard.models.saving.for_keras_3.meanings import warn_of_counted_steps, warn_of_upsampling
from batchyard.models.saving.for_keras_3.names import warn_of_names, with_usable_name
from batchyard.models.saving.for_keras_3.networks import called_in_a_mode, describe
from batchyard.models.saving.for_keras_3.training import compile_config, optimizer_arrays, training_config
from batchyard.models.saving.for_keras_3.versions import KERAS_3_VERSION
from batchyard.models.saving.for_keras_3.weights import (
    inner_layers,
    is_cudnn,
    write_layer_groups,
    write_tree,
    write_variables,
)
from batchyard.models.saving.own_arguments import KEY, set_aside
from batchyard.models.saving.versions import BACKEND

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["write_archive", "write_model", "write_weights_file"]

#: The time of all members of an archive, so that equal models give equal bytes; the earliest that zip knows.
_TIME = (1980, 1, 1, 0, 0, 0)


def write_model(file: h5py.Group, model: Model, include_optimizer: bool) -> None:
    """Write a model into an empty HDF5 file as Keras 3 does, without the optimizer's state.

    Keras 3 fails on that state in HDF5, in files of its own too.

    Raises:
        NotSerializableError: where Keras 3 has nothing like what the model has.
    """
    described = set_aside(with_usable_name(describe(model), model), implied="keras 3")
    training = training_config(model) if include_optimizer else None
    warn_of_names(model)
    _warn(model)
    if include_optimizer:
        warn_of_counted_steps(model, list(inner_layers(model)))
    if training is not None and model.optimizer.iterations:
        warnings.warn(
            "Keras 3 can't load an optimizer's state from HDF5, so it is left out: training goes on there "
            "with a fresh optimizer. Save to a path that ends with .keras to keep it.",
            UserWarning,
            stacklevel=4,
        )
    write_text(file, "keras_version", KERAS_3_VERSION)
    write_text(file, "backend", BACKEND)
    config = {key: described[key] for key in ("class_name", "config", KEY) if key in described}
    write_text(file, "model_config", json.dumps(config))
    write_layer_groups(file.create_group("model_weights"), model)
    if training is not None:
        write_text(file, "training_config", json.dumps(training))


def write_archive(target: Any, model: Model, include_optimizer: bool) -> None:
    """Write a model as a `.keras` archive; equal models give equal bytes.

    Args:
        target: a path, or a binary stream.
        model: built.
        include_optimizer: whether how the model was compiled, and the optimizer's state, are written.

    Raises:
        NotSerializableError: where Keras 3 has nothing like what the model has.
    """
    config = set_aside(with_usable_name(describe(model), model), implied="keras 3")
    compiled = compile_config(model) if include_optimizer else None
    warn_of_names(model)
    _warn(model)
    if include_optimizer:
        warn_of_counted_steps(model, list(inner_layers(model)))
    if compiled is not None:
        config["compile_config"] = compiled
    metadata = {"keras_version": KERAS_3_VERSION, "date_saved": "1980-01-01@00:00:00"}
    with tempfile.TemporaryFile() as weights:
        with h5py.File(weights, "w", libver=("earliest", "v110")) as file:
            _write_parts(file, model, compiled is not None)
        weights.seek(0)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            _add(archive, "metadata.json", json.dumps(metadata).encode())
            _add(archive, "config.json", json.dumps(config).encode())
            _add(archive, "model.weights.h5", weights)


def write_weights_file(file: h5py.Group, model: Model) -> None:
    """Write weights alone into an empty HDF5 file, as Keras 3's `.weights.h5`."""
    describe(model)  # refuses what Keras 3 has no layer for
    _warn(model)
    _write_parts(file, model, include_optimizer=False)


def _write_parts(file: h5py.Group, model: Model, include_optimizer: bool) -> None:
    write_tree(file, model)
    if not include_optimizer:
        return
    if any(is_folded(layer) or is_cudnn(layer) for layer in inner_layers(model)):
        return  # the slots belong to weights of another size or order; said by _warn
    write_variables(
        file.create_group("optimizer"),
        type(model.optimizer).__name__.lower().removeprefix("later"),
        optimizer_arrays(model),
    )


def _warn(model: Model) -> None:
    layers = list(inner_layers(model))
    warn_of_hard_sigmoid(layers)
    warn_of_upsampling(layers)
    modes = list(called_in_a_mode(model))
    if modes:
        warnings.warn(
            f"{', '.join(modes[:6])}{', ...' if len(modes) > 6 else ''} is called with an argument "
            "'training', which Keras 3 does not take from a file: it predicts the same numbers, and trains "
            "these layers as all others. Set trainable=False there for BatchNormalization that shall rest.",
            UserWarning,
            stacklevel=4,
        )
    cudnn = [layer.name for layer in layers if is_cudnn(layer)]
    if cudnn:
        warnings.warn(
            f"Keras 3 has no CuDNN layers: {', '.join(cudnn)} are written as the plain layers that compute "
            "the same. Training goes on there with a fresh optimizer.",
            UserWarning,
            stacklevel=4,
        )


def _add(archive: zipfile.ZipFile, name: str, content: bytes | IO[bytes]) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.external_attr = 0o600 << 16
    if isinstance(content, bytes):
        archive.writestr(entry, content)
        return
    with archive.open(entry, "w", force_zip64=True) as member:
        shutil.copyfileobj(content, member, 2**20)
