"""Loading models and weights from files: HDF5 of Keras 1 to 3 and of tf.keras, and Keras 3's archives."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py

from batchyard.models.errors import BatchyardModelsError, InvalidArgumentError, ModelFileError
from batchyard.models.initializers.replaced_values import replaced_values
from batchyard.models.saving.archive import Archive, is_archive, open_archive
from batchyard.models.saving.attributes import read_names, read_text
from batchyard.models.saving.checkpoint_weights import (
    count_numbers,
    is_checkpoint,
    optimizer_arrays,
    read_checkpoint,
)
from batchyard.models.saving.config import build_model, parse_json
from batchyard.models.saving.custom_objects import scope_of
from batchyard.models.saving.foreign.producer import KERAS_1, Producer, producer_of
from batchyard.models.saving.guarded_reading import (
    FileLike,
    damage_refused,
    find,
    find_dataset,
    find_group,
    open_for_reading,
)
from batchyard.models.saving.keras_1_optimizer_state import restore_keras_1_state
from batchyard.models.saving.keras_1_weights import warn_of_theano
from batchyard.models.saving.marshalled_code import safe_mode_scope
from batchyard.models.saving.model_file import expect_built
from batchyard.models.saving.optimizer_state import begin_as_written, read_optimizer_state, restore_from
from batchyard.models.saving.stored_sizes import expect_plausible
from batchyard.models.saving.training_config import compile_from_config
from batchyard.models.saving.weight_budget import weight_budget
from batchyard.models.saving.weights import read_weights, read_weights_by_name, saved_layers

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model


def load_model(
    filepath: FileLike | zipfile.ZipFile,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Load a model that `save_model` or any version of Keras saved; nothing that the file brings is run.

    Args:
        filepath: a path, an open `h5py` file or group, a binary stream, or an open zip file.
        custom_objects: classes and functions of the user that the file may name.
        compile: whether to compile the model as it was, and to restore the optimizer's state. If not, the
            model is for predictions: initializers that aren't known are left out.
        safe_mode: whether to refuse code that the file brings (of a Lambda layer without a named function).

    Raises:
        UnsafeCodeError: where it brings code, and `safe_mode` is on.
        ModelFileError: where the file is no model, is damaged, or reaches outside of itself.
        InvalidArgumentError: where a layer does what none of this library does; it is named.
        UnknownNameError: where it names a class or function that isn't known.
    """
    with safe_mode_scope(safe_mode):
        if is_archive(filepath):
            with open_archive(filepath) as archive:
                return _load_archive(archive, custom_objects, compile)
        with open_for_reading(filepath) as file:
            return _load_hdf5(file, custom_objects, compile)


def load_weights(
    model: Model,
    filepath: FileLike | zipfile.ZipFile,
    by_name: bool = False,
    skip_mismatch: bool = False,
    reshape: bool = False,
) -> None:
    """Load weights from a file of weights, or of a whole model, into a model.

    Args:
        model: a model that is built.
        filepath: a path, an open `h5py` file or group, a binary stream, or an open zip file.
        by_name: whether to load only the layers whose names are in the file, and leave the others alone;
            if not, all layers with weights are matched by their order.
        skip_mismatch: with `by_name`, whether layers whose weights have other shapes are left alone too.
        reshape: whether kernels of as many numbers are given the layers' shapes.

    Raises:
        ModelFileError: where the file is damaged, or belongs to another model; no weight has changed then.
    """
    if skip_mismatch and not by_name:
        raise InvalidArgumentError(
            "skip_mismatch=True works only with by_name=True: matched by order, one layer skipped would "
            "shift the rest."
        )
    expect_built(model, "loaded into")
    if is_archive(filepath):
        with open_archive(filepath) as archive, archive.weights() as file:
            read_checkpoint(file, model, archive.config(), by_name, skip_mismatch)
        return
    with open_for_reading(filepath) as file:
        if is_checkpoint(file):
            read_checkpoint(file, model, None, by_name, skip_mismatch)
            return
        group = file
        if read_names(file, "layer_names") is None and find(file, "model_weights") is not None:
            group = find_group(file, "model_weights")
        if by_name:
            read_weights_by_name(group, model.layers, skip_mismatch, reshape)
        else:
            read_weights(group, model.layers, reshape)
        if producer_of(read_text(group, "keras_version") or "1.0").family == KERAS_1:
            warn_of_theano(model.layers, file.file.filename)


def _load_hdf5(file: h5py.Group, custom_objects: Mapping[str, Any] | None, compile: bool) -> Model:
    config = _read_json(file, "model_config")
    if config is None:
        raise ModelFileError(_no_model(file))
    name = file.file.filename
    producer = producer_of(read_text(file, "keras_version"), config)
    weights = find_group(file, "model_weights")
    model = _build(config, custom_objects, producer, compile, _count_numbers(file, weights), name)
    if model.built:
        read_weights(weights, model.layers, own_names=True)
        if producer.family == KERAS_1:
            warn_of_theano(model.layers, name)
    if compile:
        training = _read_json(file, "training_config")
        if _compile(model, training, name, producer, custom_objects):
            _restore(file, model, producer)
    return model


def _build(
    config: Any,
    custom_objects: Mapping[str, Any] | None,
    producer: Producer,
    compile: bool,
    numbers: int,
    name: str,
) -> Model:
    """Build a model of no more numbers than its file has."""
    with _errors_of(name):
        with weight_budget(numbers, name), replaced_values():
            model = build_model(config, custom_objects, producer, for_inference=not compile)
        if not model.built:  # nothing will be read into it, so the first values of what it has count
            with weight_budget(numbers, name):
                model = build_model(config, custom_objects, producer, for_inference=not compile)
    return model


def _restore(file: h5py.Group, model: Model, producer: Producer) -> None:
    if producer.family == KERAS_1 and find(file, "optimizer_weights") is not None:
        if restore_keras_1_state(file, model):
            return
        warnings.warn(
            f"{file.file.filename} was written by Keras 1, and its optimizer's state doesn't fit this "
            f"model's {type(model.optimizer).__name__}. Training goes on from the weights, with a fresh "
            "optimizer.",
            UserWarning,
            stacklevel=5,
        )
        return
    read_optimizer_state(file, model, producer)


def _load_archive(archive: Archive, custom_objects: Mapping[str, Any] | None, compile: bool) -> Model:
    config = archive.config()
    producer = producer_of(archive.version(), config)
    with archive.weights() as file:
        numbers = count_numbers(file, archive.name, archive.size())
        model = _build(config, custom_objects, producer, compile, numbers, archive.name)
        if model.built:
            read_checkpoint(file, model, config)
        training = (config.get("compile_config") or None) if isinstance(config, Mapping) else None
        if compile and _compile(model, training, archive.name, producer, custom_objects):
            arrays = optimizer_arrays(file)
            if arrays:
                restore_from(arrays, _is_legacy(training), model, archive.name)
    return model


def _compile(
    model: Model, training: Any, name: str, producer: Producer, custom_objects: Mapping[str, Any] | None
) -> bool:
    """Compile a model as a file says; return whether that was done."""
    if training is None:
        warnings.warn(
            f"{name} holds no training configuration, so the model is not compiled. Compile it before "
            "training, or pass compile=False to load_model.",
            UserWarning,
            stacklevel=5,
        )
        return False
    with _errors_of(name), scope_of(custom_objects):
        compile_from_config(model, training, name, producer)
    if model.is_compiled:
        begin_as_written(model, training)
    return model.is_compiled


def _is_legacy(training: Any) -> bool:
    """Whether an archive's optimizer is one of tf.keras's before 2.11."""
    optimizer = training.get("optimizer") if isinstance(training, Mapping) else None
    config = optimizer.get("config") if isinstance(optimizer, Mapping) else None
    return isinstance(config, Mapping) and bool(config.get("is_legacy_optimizer", "decay" in config))


@contextmanager
def _errors_of(name: str) -> Iterator[None]:
    """Turn what a wrong configuration makes constructors raise into an error that names the file."""
    try:
        yield
    except BatchyardModelsError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"A configuration in {name} can't be understood: {type(error).__name__}: {error}. "
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
    if read_names(file, "layer_names") is not None or is_checkpoint(file):
        return (
            f"Expected a whole model in {name}, found weights only. Build the model, then load them by "
            f"model.load_weights({name!r})."
        )
    return f"Expected the attribute 'model_config' in {name}, found none. It is HDF5, but no Keras model."


def _count_numbers(file: h5py.Group, weights: h5py.Group) -> int:
    """Return how many numbers the weights and the optimizer's state have, going by their headers."""
    with damage_refused(file, ""):
        size = file.file.id.get_filesize()
    return expect_plausible(_arrays(file, weights), file.file.filename, size)


def _arrays(file: h5py.Group, weights: h5py.Group) -> Iterator[h5py.Dataset]:
    for layer, names in saved_layers(weights):
        for name in names:
            yield find_dataset(weights, f"{layer}/{name}")
    state = find(file, "optimizer_weights")
    if isinstance(state, h5py.Group):
        for name in read_names(state, "weight_names") or []:
            yield find_dataset(state, name)
