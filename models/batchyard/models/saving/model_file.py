"""A whole model in one HDF5 file: configuration, weights, training configuration, optimizer state."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py

from batchyard.models.errors import InvalidArgumentError, ModelFileError, NotBuiltError
from batchyard.models.saving.atomic_write import write_atomically
from batchyard.models.saving.attributes import write_text
from batchyard.models.saving.config import describe_model
from batchyard.models.saving.guarded_reading import FileLike
from batchyard.models.saving.optimizer_state import write_optimizer_state
from batchyard.models.saving.targets import choose_target
from batchyard.models.saving.training_config import describe_training
from batchyard.models.saving.versions import BACKEND, KERAS_VERSION
from batchyard.models.saving.weights import write_weights

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model


def save_model(
    model: Model,
    filepath: FileLike,
    overwrite: bool = True,
    include_optimizer: bool = True,
    target: str | None = None,
) -> None:
    """Save a model; equal models give files of equal bytes.

    Args:
        model: a model that is built.
        filepath: a path, which is written atomically, an open `h5py` file or group, or a binary stream.
        overwrite: whether a file that exists may be replaced.
        include_optimizer: whether to save how the model was compiled, and the optimizer's state.
        target: who shall open it. "keras2": HDF5 of layers of Keras 2.2.4 alone, which it and tf.keras 2
            open; "keras3": HDF5 as Keras 3 opens it, without the optimizer's state; "keras": Keras 3's
            archive. By default "keras" for a path that ends with `.keras`, and for all else HDF5 in Keras
            2.2.4's layout with the model exactly as it is; a warning tells where Keras 2.2.4 can't open it.
            This library opens them all.

    Raises:
        ModelFileError: where the file can't be written.
        NotSerializableError: where the model has what the file can't hold, or what its target lacks.
    """
    expect_built(model, "saved")
    chosen = choose_target(filepath, target)
    # Not at the module's head: importing this loads no layers.
    from batchyard.models.saving import for_keras_3

    if chosen == "keras":
        with _open_archive(filepath, overwrite) as archive:
            for_keras_3.write_archive(archive, model, include_optimizer)
        return
    if chosen == "keras3":
        with _open_for_writing(filepath, overwrite) as file:
            for_keras_3.write_model(file, model, include_optimizer)
        return
    _save_for_keras_2(model, filepath, overwrite, include_optimizer, strictly=target == "keras2")


def _save_for_keras_2(
    model: Model, filepath: FileLike, overwrite: bool, include_optimizer: bool, strictly: bool
) -> None:
    """Save a model in Keras 2.2.4's layout: of its classes alone if `strictly`, else as the model is."""
    from batchyard.models.saving import for_keras_2

    training = describe_training(model) if include_optimizer else None
    written, keeps_state = model, True
    if strictly:
        written, keeps_state = for_keras_2.convert_for_keras_2(model)
        training = None if training is None else for_keras_2.training_for_keras_2(training)
    config = describe_model(written)
    different = for_keras_2.differences(config, training)
    if strictly:
        for_keras_2.refuse_differences(model, different)
    with _open_for_writing(filepath, overwrite) as file:
        write_text(file, "keras_version", KERAS_VERSION)
        write_text(file, "backend", BACKEND)
        write_text(file, "model_config", json.dumps(config))
        write_weights(file.create_group("model_weights"), written.layers)
        if training is not None:
            write_text(file, "training_config", json.dumps(training))
            if keeps_state:
                write_optimizer_state(file, model, training["optimizer_config"]["class_name"])
    for_keras_2.warn_of_differences(model, different)
    for_keras_2.warn_of_clipping(training)


def save_weights(model: Model, filepath: FileLike, overwrite: bool = True, target: str | None = None) -> None:
    """Save the weights of a model alone.

    Args:
        model: a model that is built.
        filepath: a path, which is written atomically, an open `h5py` file or group, or a binary stream.
        overwrite: whether a file that exists may be replaced.
        target: "keras2" (the default) for the layout of Keras 2, whatever the path; "keras3" for that of
            Keras 3, which wants the path to end with `.weights.h5`.

    Raises:
        InvalidArgumentError: where Keras 3 would not open a file of this name.
        ModelFileError: where the file can't be written.
        NotSerializableError: where the model has a layer that the target lacks.
    """
    expect_built(model, "saved")
    if choose_target(filepath, target, ("keras2", "keras3")) == "keras2":
        with _open_for_writing(filepath, overwrite) as file:
            write_weights(file, model.layers)
        return
    if isinstance(filepath, str | os.PathLike) and not os.fspath(filepath).endswith(".weights.h5"):
        raise InvalidArgumentError(
            f"Keras 3 opens files of weights only if their names end with '.weights.h5'. Received: "
            f"{os.fspath(filepath)!r}."
        )
    from batchyard.models.saving import for_keras_3

    with _open_for_writing(filepath, overwrite) as file:
        for_keras_3.write_weights_file(file, model)


@contextmanager
def _open_for_writing(target: FileLike, overwrite: bool) -> Iterator[h5py.Group]:
    """Open what will be written to, empty; a path becomes the new file only when all is written."""
    if isinstance(target, h5py.Group):
        if len(target) or len(target.attrs):
            if not overwrite:
                raise ModelFileError(
                    f"{target.name!r} in {target.file.filename} isn't empty, and overwrite=False was given."
                )
            target.clear()
            for name in list(target.attrs):
                del target.attrs[name]
        yield target
    elif isinstance(target, str | os.PathLike):
        with write_atomically(target, overwrite) as temporary, _create(temporary) as file:
            yield file
    else:
        with _create(target) as file:
            yield file


@contextmanager
def _open_archive(target: Any, overwrite: bool) -> Iterator[Any]:
    """Give what an archive is written to; a path becomes the new file only when all is written."""
    if isinstance(target, str | os.PathLike):
        with write_atomically(target, overwrite) as temporary:
            yield temporary
    else:
        yield target


def _create(target: Any) -> h5py.File:
    """Make an HDF5 file whose bytes depend on nothing but its content."""
    return h5py.File(target, "w", libver=("earliest", "v110"), track_order=False)


def expect_built(model: Model, what: str) -> None:
    """Refuse a model without weights.

    Args:
        model: to be saved or loaded into.
        what: is to be done with the weights, for the message.

    Raises:
        NotBuiltError: where it has none yet.
    """
    if not model.built:
        raise NotBuiltError(
            f"The model {model.name!r} has no weights yet, so none can be {what}. Give its first layer an "
            f"input_shape, "
            "or call model.build(input_shape) or fit first."
        )
