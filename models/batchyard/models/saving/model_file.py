"""A whole model in one HDF5 file: configuration, weights, training configuration, optimizer state."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py

from batchyard.models.errors import BatchyardModelsError, InvalidArgumentError, ModelFileError, NotBuiltError
from batchyard.models.saving.atomic_write import write_atomically
from batchyard.models.saving.attributes import read_names, read_text, write_text
from batchyard.models.saving.config import describe_model, model_from_config, parse_json
from batchyard.models.saving.custom_objects import scope_of
from batchyard.models.saving.guarded_reading import FileLike, find, find_dataset, find_group, open_for_reading
from batchyard.models.saving.marshalled_code import safe_mode_scope
from batchyard.models.saving.optimizer_state import read_optimizer_state, write_optimizer_state
from batchyard.models.saving.targets import choose_target
from batchyard.models.saving.training_config import compile_from_config, describe_training
from batchyard.models.saving.versions import BACKEND, KERAS_VERSION
from batchyard.models.saving.weight_budget import weight_budget
from batchyard.models.saving.weights import read_weights, read_weights_by_name, write_weights

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
        target: who shall open it. "keras2": HDF5 as Keras 2.2.4 and tf.keras 2 open it; "keras3": HDF5 as
            Keras 3 opens it, without the optimizer's state; "keras": Keras 3's archive. By default "keras"
            for a path that ends with `.keras`, and "keras2" for all else. This library opens them all.

    Raises:
        ModelFileError: where the file can't be written.
        NotSerializableError: where the model has what the file can't hold, or what its target lacks.
    """
    _expect_built(model, "saved")
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
    config = json.dumps(describe_model(model))
    training = describe_training(model) if include_optimizer else None
    with _open_for_writing(filepath, overwrite) as file:
        write_text(file, "keras_version", KERAS_VERSION)
        write_text(file, "backend", BACKEND)
        write_text(file, "model_config", config)
        write_weights(file.create_group("model_weights"), model.layers)
        if training is not None:
            write_text(file, "training_config", json.dumps(training))
            write_optimizer_state(file, model)


def load_model(
    filepath: FileLike,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Load a model that `save_model` or Keras saved; nothing that the file brings is run.

    Args:
        filepath: a path, an open `h5py` file or group, or a binary stream.
        custom_objects: classes and functions of the user that the file may name.
        compile: whether to compile the model as it was, and to restore the optimizer's state.
        safe_mode: whether to refuse code that the file brings (of a Lambda layer without a named function).

    Raises:
        UnsafeCodeError: where it brings code, and `safe_mode` is on.
        ModelFileError: where the file is no model, is damaged, or reaches outside of itself.
        UnknownNameError: where it names a class or function that isn't known.
    """
    with open_for_reading(filepath) as file:
        config = _read_json(file, "model_config")
        if config is None:
            raise ModelFileError(_no_model(file))
        weights = find_group(file, "model_weights")
        budget = weight_budget(_count_numbers(weights), file.file.filename)
        with _errors_of(file), budget, safe_mode_scope(safe_mode):
            model = model_from_config(config, custom_objects)
        if model.built:
            read_weights(weights, model.layers)
        if compile:
            _compile(file, model, custom_objects)
    return model


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
    _expect_built(model, "saved")
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


def load_weights(
    model: Model, filepath: FileLike, by_name: bool = False, skip_mismatch: bool = False
) -> None:
    """Load weights from a file of weights, or of a whole model, into a model.

    Args:
        model: a model that is built.
        filepath: a path, an open `h5py` file or group, or a binary stream.
        by_name: whether to load only the layers whose names are in the file, and leave the others alone;
            if not, all layers with weights are matched by their order.
        skip_mismatch: with `by_name`, whether layers whose weights have other shapes are left alone too.

    Raises:
        ModelFileError: where the file is damaged, or belongs to another model; no weight has changed then.
    """
    if skip_mismatch and not by_name:
        raise InvalidArgumentError(
            "skip_mismatch=True works only with by_name=True: matched by order, one layer skipped would "
            "shift the rest."
        )
    _expect_built(model, "loaded into")
    with open_for_reading(filepath) as file:
        group = file
        if read_names(file, "layer_names") is None and find(file, "model_weights") is not None:
            group = find_group(file, "model_weights")
        if by_name:
            read_weights_by_name(group, model.layers, skip_mismatch)
        else:
            read_weights(group, model.layers)


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


def _compile(file: h5py.Group, model: Model, custom_objects: Mapping[str, Any] | None) -> None:
    config = _read_json(file, "training_config")
    if config is None:
        warnings.warn(
            f"{file.file.filename} holds no training configuration, so the model is not compiled. Compile "
            f"it before "
            "training, or pass compile=False to load_model.",
            UserWarning,
            stacklevel=3,
        )
        return
    with _errors_of(file), scope_of(custom_objects):
        compile_from_config(model, config, file.file.filename)
    read_optimizer_state(file, model)


@contextmanager
def _errors_of(file: h5py.Group) -> Iterator[None]:
    """Turn what a wrong configuration makes constructors raise into an error that names the file."""
    try:
        yield
    except BatchyardModelsError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"A configuration in {file.file.filename} can't be understood: {type(error).__name__}: {error}. "
            "Expected one as Keras writes it; was it edited, or written by a much newer version?"
        ) from error


def _read_json(file: h5py.Group, name: str) -> Any:
    text = read_text(file, name)
    if text is None:
        return None
    try:
        return parse_json(text, name)
    except InvalidArgumentError as error:
        raise ModelFileError(f"{file.file.filename} is damaged: {error}") from error


def _no_model(file: h5py.Group) -> str:
    name = file.file.filename
    if read_names(file, "layer_names") is not None:
        return (
            f"Expected a whole model in {name}, found weights only. Build the model, then load them by "
            f"model.load_weights({name!r})."
        )
    return f"Expected the attribute 'model_config' in {name}, found none. It is HDF5, but no Keras model."


def _count_numbers(weights: h5py.Group) -> int:
    """Return how many numbers the weights in a file have, going by their headers."""
    total = 0
    for layer in read_names(weights, "layer_names") or []:
        for name in read_names(find_group(weights, layer), "weight_names") or []:
            total += math.prod(find_dataset(weights, f"{layer}/{name}").shape)
    return total


def _expect_built(model: Model, what: str) -> None:
    if not model.built:
        raise NotBuiltError(
            f"The model {model.name!r} has no weights yet, so none can be {what}. Give its first layer an "
            f"input_shape, "
            "or call model.build(input_shape) or fit first."
        )
