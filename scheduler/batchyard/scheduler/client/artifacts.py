"""Models and arrays of the caller as files that workers can read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from batchyard.scheduler.errors import InputError
from batchyard.scheduler.jobs import DataSource, is_reference

__all__ = ["callback_entry", "source_section", "write_model"]


def write_model(model: Any, inputs: Path) -> Any:
    """Return the `model` of a job for what a caller passed; a model object is saved into `inputs`.

    Args:
        model: A model with `save(path)`, a path, a `module:factory`, or `{job: …}`.
        inputs: The job's folder of artifacts.

    Raises:
        InputError: It is none of these.
    """
    if isinstance(model, Path):
        return str(model.absolute())
    if isinstance(model, str):
        return model if is_reference(model) else str(Path(model).expanduser().absolute())
    if isinstance(model, Mapping):
        return dict(model)
    save = getattr(model, "save", None)
    if not callable(save):
        raise InputError(
            f"a {type(model).__name__} is no model",
            remedy="Pass a model with save(path), the path of a .h5, .json or .yaml file, or a JobHandle.",
        )
    inputs.mkdir(parents=True, exist_ok=True)
    path = inputs / "model.h5"
    save(str(path))
    return str(path)


def source_section(columns: Mapping[str, Any], inputs: Path, prefix: str = "") -> dict[str, Any]:
    """Return the `data` section of a job for arrays that a caller passed.

    Open HDF5 datasets are named where they lie, whatever their size; arrays are written into `inputs`.

    Args:
        columns: `x`, and perhaps `y` and `sample_weight`. `x` alone may also be a section as in a job file.
        inputs: The job's folder of artifacts.
        prefix: Begins the names of the files. Default: none.

    Raises:
        InputError: A column is nothing that rows can be taken from.
    """
    given = {name: value for name, value in columns.items() if value is not None}
    x = given.get("x")
    if isinstance(x, DataSource):
        return x.model_dump(exclude_none=True)
    if isinstance(x, Mapping):
        if len(given) > 1:
            raise InputError(
                f"x is a data section, and {', '.join(sorted(set(given) - {'x'}))} stands beside it",
                remedy="Name all columns in the section: {'file': 'data.h5', 'x': 'x', 'y': 'y'}.",
            )
        return dict(x)
    if given and all(isinstance(value, h5py.Dataset) for value in given.values()):
        files = {str(Path(value.file.filename).absolute()) for value in given.values()}
        if len(files) == 1:
            return {
                "file": files.pop(),
                **{name: str(value.name).lstrip("/") for name, value in given.items()},
            }
    return {name: _array_file(name, value, inputs, prefix) for name, value in given.items()}


def callback_entry(callback: Any) -> Any:
    """Return the entry of `callbacks` for a callback: an object with `get_config()`, or an entry already.

    Raises:
        InputError: It is neither, or a class that no worker could import.
    """
    if isinstance(callback, str | Mapping):
        return callback
    get_config = getattr(callback, "get_config", None)
    if not callable(get_config):
        raise InputError(
            f"a {type(callback).__name__} is no callback",
            remedy="Pass a callback with get_config(), or an entry as in a job file.",
        )
    kind = type(callback)
    if kind.__module__.startswith("batchyard.models"):
        return {"class_name": kind.__name__, "config": get_config()}
    if kind.__module__ == "__main__" or "<" in kind.__qualname__:
        raise InputError(
            f"workers cannot import the callback {kind.__name__} from {kind.__module__}",
            remedy="Move the class into a module beside your program.",
        )
    return {"class_name": f"{kind.__module__}:{kind.__qualname__}", "config": get_config()}


def _array_file(name: str, value: Any, inputs: Path, prefix: str) -> str:
    """Write a column as `.npy`, or return the path of the one that the caller has."""
    if isinstance(value, str | Path):
        return str(Path(value).expanduser().absolute())
    if isinstance(value, list | tuple | dict) and any(hasattr(part, "shape") for part in value):
        raise InputError(
            f"{name} holds several arrays, and a job reads one",
            remedy="Join them along an axis, or use a Sequence.",
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name} is no array: {error}", remedy="Give rows of equal shape.") from error
    if array.dtype.kind not in "fiub" or array.ndim == 0:
        raise InputError(
            f"{name} is no array of numbers (a {type(value).__name__} of {array.dtype}, shape {array.shape})",
            remedy="Give one row of numbers for each sample.",
        )
    inputs.mkdir(parents=True, exist_ok=True)
    path = inputs / f"{prefix}{name}.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
    return str(path)
