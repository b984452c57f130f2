"""Weights by name, for users of torch: `.safetensors` files and state_dicts.

Names are those of Keras with dots, `dense_1.kernel`; numbers lie as in Keras: a Dense kernel is (inputs,
units), so `torch.nn.Linear` takes it transposed.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.atomic_write import write_atomically
from batchyard.models.saving.config import describe_model
from batchyard.models.saving.file_report import ArrayReport
from batchyard.models.saving.safetensors_file import (
    CONFIG,
    is_safetensors,
    safetensors_package,
    tensors_in_head,
    unreadable,
)
from batchyard.models.saving.versions import KERAS_VERSION

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = [
    "TENSOR_ENDINGS",
    "named_tensors",
    "read_tensors",
    "set_tensors",
    "tensor_reports",
    "write_tensors",
]

TENSOR_ENDINGS = (".safetensors", ".pt", ".pth")


def named_tensors(model: Model) -> dict[str, Tensor]:
    """Return all weights of a model by name, in the order of `model.get_weights()`."""
    tensors: dict[str, Tensor] = {}
    for layer in model.layers:
        for weight in layer.weights:
            path, own = weight.keras_name.removesuffix(":0").split("/"), str(layer.name)
            path = path if path[0] == own else [own, *path]
            name, number = ".".join(path), 0
            while name in tensors:
                number += 1
                name = f"{'.'.join(path)}_{number}"
            tensors[name] = weight.detach().cpu().contiguous().clone()
    return tensors


def set_tensors(model: Model, tensors: Mapping[str, Tensor], file: str) -> None:
    """Set all weights of a model by name; no weight has changed unless all fit.

    Args:
        model: built.
        tensors: by name, as `named_tensors` gives them.
        file: where they come from, for messages.

    Raises:
        ModelFileError: where names or shapes differ.
    """
    own = named_tensors(model)
    if own.keys() != tensors.keys():
        missing, more = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
        raise ModelFileError(
            f"The weights in {file} are not those of the model {model.name!r}. It has, and they have not: "
            f"{', '.join(missing[:6]) or 'nothing'}; they have, and it has not: "
            f"{', '.join(more[:6]) or 'nothing'}."
        )
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise ModelFileError(
                f"Expected plain numbers for {name} in {file}, found a tensor that is sparse, quantized or "
                "without values. Save it as tensor.dequantize() or tensor.to_dense()."
            )
        if tensor.is_complex():
            raise ModelFileError(f"Expected real numbers for {name} in {file}, found {tensor.dtype}.")
        if tensor.shape != own[name].shape:
            raise ModelFileError(
                f"Expected {name} in {file} to have the shape {tuple(own[name].shape)}, found "
                f"{tuple(tensor.shape)}. It is the weight of another model."
            )
    with torch.no_grad():
        weights = [weight for layer in model.layers for weight in layer.weights]
        for weight, name in zip(weights, own, strict=True):
            weight.copy_(tensors[name])


def write_tensors(model: Model, path: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model by name; atomically, and equal models give equal bytes.

    Args:
        model: built.
        path: that ends with `.safetensors` (which holds the model's configuration too), or with `.pt`.
        overwrite: whether a file that exists may be replaced.

    Raises:
        MissingPackageError: where the package safetensors is not installed.
        ModelFileError: where the file can't be written.
    """
    tensors = named_tensors(model)
    with write_atomically(path, overwrite) as temporary:
        if is_safetensors(path):
            config = {**describe_model(model), "keras_version": KERAS_VERSION}
            metadata = {CONFIG: json.dumps(config)}
            library = safetensors_package("safetensors")
            try:
                safetensors_package().save_file(tensors, temporary, metadata)
            except library.SafetensorError as error:
                raise OSError(str(error)) from error
        else:
            with open(temporary, "wb") as file:  # by a stream: torch would write the name into the file
                torch.save(tensors, file)


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a `.safetensors` or `.pt` file by name; nothing in it is run.

    Raises:
        MissingPackageError: where the package safetensors is not installed.
        ModelFileError: where it is damaged, or holds something else than tensors by name.
    """
    name = os.fspath(path)
    if is_safetensors(name):
        tensors_in_head(name)  # refuses too many
        try:
            return dict(safetensors_package().load_file(name))
        except (OSError, ValueError, safetensors_package("safetensors").SafetensorError) as error:
            raise ModelFileError(unreadable(name, error)) from error
    _expect_plain(name)
    try:
        found = torch.load(name, map_location="cpu", weights_only=True)
    except (
        ArithmeticError,
        AssertionError,  # torch asserts what a file of its own holds
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise ModelFileError(unreadable(name, error)) from error
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) and not value.is_nested
        for key, value in found.items()
    ):
        raise ModelFileError(
            f"Expected {name} to hold tensors by name (torch.save(model.state_dict(), ...)), found "
            f"{type(found).__name__} of other things."
        )
    return dict(found)


def tensor_reports(path: str) -> list[ArrayReport]:
    """Return names, shapes and dtypes of the tensors in a file; of `.safetensors` only the head is read.

    Raises:
        ModelFileError: where it is damaged.
    """
    if is_safetensors(path):
        return tensors_in_head(path)
    return [
        ArrayReport(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in read_tensors(path).items()
    ]


def _expect_plain(name: str) -> None:
    """Refuse what torch never writes, and what would take up more memory than the file has bytes.

    Raises:
        ModelFileError: where members are compressed, or share their bytes.
    """
    try:
        with open(name, "rb") as file:
            if file.read(4) != b"PK\x03\x04":
                return  # torch's format of before 1.6, or none
        with zipfile.ZipFile(name) as archive:
            members = archive.infolist()
    except (
        ArithmeticError,
        LookupError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        raise ModelFileError(unreadable(name, error)) from error
    claimed = sum(member.file_size for member in members)
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if packed or claimed > os.path.getsize(name):
        raise ModelFileError(
            f"{name} claims {claimed} bytes of tensors{', compressed' if packed else ''}; it has "
            f"{os.path.getsize(name)}. No torch writes such a file: it is damaged, or made to use up memory."
        )
