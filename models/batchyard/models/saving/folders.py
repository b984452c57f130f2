"""Folders that are given where a model's file is expected."""

from __future__ import annotations

import os
from itertools import islice

from batchyard.models.errors import ModelFileError

__all__ = ["MODEL_ENDINGS", "refuse_folder"]

#: What the names of files that hold models or weights end with.
MODEL_ENDINGS = (".h5", ".hdf5", ".keras", ".json", ".yaml", ".yml", ".safetensors", ".pt", ".pth")
#: How many files are named in a message, and how many entries of a folder are looked at.
_NAMED, _LOOKED_AT = 12, 10_000


def refuse_folder(path: str) -> None:
    """Do nothing for what is no folder.

    Args:
        path: that should be a file's.

    Raises:
        ModelFileError: where it is a folder; the files of models in it are named.
    """
    if not os.path.isdir(path):
        return
    message = f"Expected {path!r} to be a file, found a folder. "
    try:
        with os.scandir(path) as entries:
            found = {entry.name: entry.is_file() for entry in islice(entries, _LOOKED_AT)}
    except OSError as error:
        raise ModelFileError(f"{message}It can't be looked into: {error.strerror}.") from error
    if "saved_model.pb" in found:
        raise ModelFileError(
            f"{message}It is a SavedModel of TensorFlow, which can't be read: load it there, and save it "
            "with model.save('model.h5') or 'model.keras'."
        )
    models = sorted(name for name, is_file in found.items() if is_file and name.endswith(MODEL_ENDINGS))
    if not models:
        raise ModelFileError(f"{message}It holds no file of a model ({', '.join(MODEL_ENDINGS)}).")
    more = f", and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
    raise ModelFileError(f"{message}Name one of the files in it: {', '.join(models[:_NAMED])}{more}.")
