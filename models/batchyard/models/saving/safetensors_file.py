"""`.safetensors` files: what their heads say, and the package that reads and writes them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from batchyard.models.errors import BatchyardModelsError, MissingPackageError, ModelFileError
from batchyard.models.saving.config import parse_json
from batchyard.models.saving.file_report import ArrayReport

__all__ = [
    "CONFIG",
    "is_safetensors",
    "model_config_in",
    "safetensors_package",
    "tensors_in_head",
    "text_metadata",
    "unreadable",
]

#: The names of numbers in `.safetensors` files.
_DTYPES = {
    "BF16": "bfloat16",
    "BOOL": "bool",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
}
#: The most tensors in a file.
_COUNT_LIMIT = 50_000
#: The key under which a `.safetensors` file of ours keeps the model's configuration.
CONFIG = "batchyard"


def is_safetensors(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of these, by its name."""
    return os.fspath(path).lower().endswith(".safetensors")


def tensors_in_head(path: str) -> list[ArrayReport]:
    """Return names, shapes and dtypes of the tensors in a file; they themselves are not read.

    Raises:
        ModelFileError: where it is damaged.
    """
    with _opened(path) as file:
        if len(file.keys()) > _COUNT_LIMIT:
            raise ModelFileError(f"{path} has {len(file.keys())} tensors, at most {_COUNT_LIMIT} are read.")
        slices = [(name, file.get_slice(name)) for name in file.keys()]  # noqa: SIM118  # no dictionary
        return [
            ArrayReport(name, tuple(one.get_shape()), _DTYPES.get(one.get_dtype(), one.get_dtype()))
            for name, one in slices
        ]


def model_config_in(path: str | os.PathLike[str]) -> Any:
    """Return class and configuration of the model from a `.safetensors` file of ours; None if it has none.

    Raises:
        ModelFileError: where the file is damaged.
    """
    name = os.fspath(path)
    if not is_safetensors(name):
        return None
    with _opened(name) as file:
        text = (file.metadata() or {}).get(CONFIG)
    return None if text is None else parse_json(text, f"the configuration in {name}")


def text_metadata(path: str) -> dict[str, str]:
    """Return what a `.safetensors` file says of itself, but for the configuration of a model of ours.

    Raises:
        ModelFileError: where the file is damaged.
    """
    if not is_safetensors(path):
        return {}
    with _opened(path) as file:
        return {key: text for key, text in sorted((file.metadata() or {}).items()) if key != CONFIG}


@contextmanager
def _opened(name: str) -> Iterator[Any]:
    """Open a `.safetensors` file, whose head is checked by the library: ranges that overlap are refused."""
    library = safetensors_package("safetensors")
    try:
        with library.safe_open(name, "pt") as file:
            yield file
    except (OSError, ValueError, library.SafetensorError) as error:
        if isinstance(error, BatchyardModelsError):
            raise
        raise ModelFileError(unreadable(name, error)) from error


def unreadable(name: str, error: Exception) -> str:
    """Return the message for a file that is no file of tensors."""
    return (
        f"{name} can't be read as tensors: {str(error)[:300]}. It is another kind of file, is damaged, or "
        "holds more than plain tensors, which is refused as loading it could run code."
    )


def safetensors_package(package: str = "safetensors.torch") -> Any:
    """Return the package, or a part of it.

    Raises:
        MissingPackageError: where it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackageError(
            "Files of the kind .safetensors need the package safetensors. Install it: pip install safetensors"
        ) from error
