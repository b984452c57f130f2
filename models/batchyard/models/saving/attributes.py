"""Text in HDF5 attributes, as Keras 2.2.4 writes it, and as it and its successors may have written it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import h5py
import numpy as np

from batchyard.models.errors import ModelFileError
from batchyard.models.saving.guarded_reading import damage_refused

#: Bytes that fit into an object's header, where HDF5 keeps attributes; Keras's limit.
HEADER_LIMIT = 64512
#: The most texts in one attribute, and the longest list of names, in characters.
_LIST_LIMIT, _NAMES_LIMIT = 4200, 64 * 2**20
#: The most names in a list, of layers or weights.
_COUNT_LIMIT = 50_000
#: What attributes hold. Others aren't read: on damaged ones the HDF5 library crashes.
_TYPES = (h5py.h5t.TypeStringID, h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID)
#: The longest attribute that is read, in bytes; no configuration comes near it.
READ_LIMIT = 64 * 2**20


def write_text(target: h5py.Group, name: str, text: str) -> None:
    """Write a single text, of any length, as Keras 2.2.4 does: ASCII of variable length."""
    target.attrs.create(name, text.encode("ascii"), dtype=h5py.string_dtype("ascii"))


def write_names(target: h5py.Group, name: str, texts: Sequence[str]) -> None:
    """Write a list of texts, split over `name0`, `name1`, ... where it is too long for one attribute.

    Raises:
        ModelFileError: where a single text is too long.
    """
    encoded = [text.encode() for text in texts]
    longest = max(encoded, key=len, default=b"")
    if len(longest) > HEADER_LIMIT:
        raise ModelFileError(
            f"Expected names of at most {HEADER_LIMIT} bytes, which is what HDF5 can hold in {name!r}; "
            f"received {longest[:60].decode(errors='replace')!r}... of {len(longest)} bytes. Use shorter "
            f"names."
        )
    parts = [np.asarray(encoded)]
    while any(part.nbytes > HEADER_LIMIT for part in parts):
        parts = np.array_split(np.asarray(encoded), len(parts) + 1)
    if len(parts) == 1:
        target.attrs[name] = parts[0]
    else:
        for number, part in enumerate(parts):
            target.attrs[f"{name}{number}"] = part


def read_text(source: h5py.Group, name: str) -> str | None:
    """Return a single text; None where the attribute isn't there.

    Raises:
        ModelFileError: where it is something else than text.
    """
    value = _read(source, name)
    if value is None:
        return None
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(()).item()
    return _decode(value, source, name)


def read_names(source: h5py.Group, name: str) -> list[str] | None:
    """Return a list of texts, split or not; None where the attribute isn't there.

    Raises:
        ModelFileError: where it is something else than texts.
    """
    whole = _read(source, name)
    if whole is None and _read(source, f"{name}0") is None:
        return None
    names: list[str] = []
    for part in [whole] if whole is not None else _parts(source, name):
        array = np.atleast_1d(np.asarray(part))
        if array.size:  # an empty list is stored as numbers
            names += [_decode(item, source, name) for item in array.ravel().tolist()]
        if sum(map(len, names)) > _NAMES_LIMIT or len(names) > _COUNT_LIMIT:
            raise ModelFileError(
                f"Expected the names in {name!r} of {source.name!r} in {source.file.filename} to have at "
                f"most {_NAMES_LIMIT} characters, and to be at most {_COUNT_LIMIT}; found more. "
                "No Keras writes such a file."
            )
    return names


def _parts(source: h5py.Group, name: str) -> Iterator[object]:
    """Yield the parts of a list that is split over `name0`, `name1`, ..."""
    for number in itertools.count():
        part = _read(source, f"{name}{number}")
        if part is None:
            return
        yield part


def _read(source: h5py.Group, name: str) -> object | None:
    """Return an attribute's value; None where it isn't there."""
    with damage_refused(source, name):
        if name not in source.attrs:
            return None
        attribute = h5py.h5a.open(source.id, name.encode())
        if not isinstance(attribute.get_type(), _TYPES):
            raise ModelFileError(
                f"Expected text or numbers in the attribute {name!r} of {source.name!r} in "
                f"{source.file.filename}, found another type. The file is damaged: take another copy."
            )
        count = math.prod(attribute.shape or (0,))
        is_list = attribute.shape and isinstance(attribute.get_type(), h5py.h5t.TypeStringID)
        if is_list and attribute.get_type().is_variable_str() and count > _LIST_LIMIT:
            raise ModelFileError(
                f"Expected the attribute {name!r} of {source.name!r} in {source.file.filename} to list at "
                f"most {_LIST_LIMIT} texts, found {count}. No Keras writes such a file; refusing to read it."
            )
        size = math.prod(attribute.shape or (0,)) * attribute.get_type().get_size()
        if size > READ_LIMIT:
            raise ModelFileError(
                f"Expected the attribute {name!r} of {source.name!r} in {source.file.filename} to have at "
                f"most {READ_LIMIT} bytes, found {size}. No Keras writes such a file; refusing to read it."
            )
        value: object = source.attrs[name]
        return value


def _decode(value: object, source: h5py.Group, name: str) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    elif isinstance(value, str):
        return value
    raise ModelFileError(
        f"Expected text in the attribute {name!r} of {source.name!r} in {source.file.filename}, "
        f"found {type(value).__name__}. Is it a model file?"
    )
