"""Keras 3's archives (`.keras`): a zip file with a configuration, some metadata, and weights in HDF5.

Only members of the three expected names are read, and vocabularies of layers that the configuration has;
nothing is written to disk, and never more read than what the size in the archive makes plausible.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import h5py

from batchyard.models.errors import BatchyardModelsError, InvalidArgumentError, ModelFileError
from batchyard.models.saving.config import parse_json
from batchyard.models.saving.folders import refuse_folder
from batchyard.models.saving.foreign.vocabularies import fill_vocabularies
from batchyard.models.saving.guarded_reading import open_for_reading

__all__ = ["Archive", "is_archive", "open_archive"]

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
#: The largest configuration, and what all vocabularies have together, in bytes.
_TEXT_LIMIT = 16 * 2**20
#: Weights hardly compress: more than so many bytes, and so many times what is stored, are an attack.
_FREE_BYTES, _LARGEST_RATIO = 64 * 2**20, 16
#: The longest list of members, in bytes; what is looked at for its length: a comment may stand behind it.
_LIST_LIMIT, _LAST_BYTES = 2**20, 2**16 + 200
_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")


def is_archive(source: Any) -> bool:
    """Whether a source is a zip file: a path or stream that begins as one, or an open one."""
    if isinstance(source, zipfile.ZipFile):
        return True
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        refuse_folder(path)
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(4) in _SIGNATURES
    if hasattr(source, "read") and hasattr(source, "seek"):
        source.seek(0)
        begin = source.read(4)
        source.seek(0)
        return begin in _SIGNATURES
    return False


@contextmanager
def open_archive(source: Any) -> Iterator[Archive]:
    """Opens an archive by path, from a stream, or from an open zip file.

    Raises:
        ModelFileError: where it is damaged.
    """
    if isinstance(source, zipfile.ZipFile):
        yield Archive(source, source.filename or "the archive")
        return
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else "the stream"
    with _damage_refused(name):
        _expect_few_members(source, name)
        archive = zipfile.ZipFile(source)
    with archive:
        yield Archive(archive, name)


def _expect_few_members(source: Any, name: str) -> None:
    """Refuse an archive whose list of members is long: each takes memory, whether it is read or not."""
    with open(source, "rb") if isinstance(source, str | os.PathLike) else nullcontext(source) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LAST_BYTES))
        last = file.read(_LAST_BYTES)
        file.seek(0)
    at = last.rfind(b"PK\x05\x06")
    length = int.from_bytes(last[at + 12 : at + 16], "little") if at >= 0 else 0
    far = last.rfind(b"PK\x06\x06")  # of large archives
    if far >= 0:
        length = max(
            length if length != 2**32 - 1 else 0, int.from_bytes(last[far + 40 : far + 48], "little")
        )
    if length > _LIST_LIMIT:
        raise ModelFileError(
            f"{name} lists its members in {length} bytes, at most {_LIST_LIMIT} are read. Expected the "
            f"members {', '.join(_MEMBERS)}: it is a zip file, but no model of Keras."
        )


class Archive:
    """The members of an archive.

    Args:
        file: the zip file.
        name: of it, for messages.
    """

    def __init__(self, file: zipfile.ZipFile, name: str) -> None:
        self._file = file
        self.name = name

    def config(self) -> Any:
        """Returns class and configuration of the model, with the vocabularies that lie beside it."""
        config = self._json("config.json")
        members, left = set(self._file.namelist()), _TEXT_LIMIT

        def read(member: str) -> bytes | None:
            nonlocal left
            if member not in members:
                return None
            text = self._read(member, left)
            left -= len(text)
            return text

        fill_vocabularies(config, read)
        return config

    def version(self) -> str | None:
        """Returns the version of Keras that wrote it; None if that is not told."""
        metadata = self._json("metadata.json")
        version = metadata.get("keras_version") if isinstance(metadata, dict) else None
        return version if isinstance(version, str) else None

    @contextmanager
    def weights(self) -> Iterator[h5py.Group]:
        """Opens the weights, in memory."""
        data = self._read("model.weights.h5", None)
        with open_for_reading(io.BytesIO(data)) as file:
            yield file

    def size(self) -> int:
        """Returns the size of the whole archive, in bytes."""
        stream = self._file.fp
        if stream is None:
            raise ModelFileError(f"{self.name} is closed already. Open it again.")
        at = stream.tell()
        size = stream.seek(0, os.SEEK_END)
        stream.seek(at)
        return size

    def _json(self, member: str) -> Any:
        try:
            return parse_json(self._read(member, _TEXT_LIMIT), member)
        except InvalidArgumentError as error:
            raise ModelFileError(f"{self.name} is damaged: {error}") from error

    def _read(self, member: str, limit: int | None) -> bytes:
        found = [info for info in self._file.infolist() if info.filename == member]
        if len(found) != 1:
            raise ModelFileError(
                f"Expected the members {', '.join(_MEMBERS)} in {self.name}, each once; found {member} "
                f"{len(found)} times. It is a zip file, but no model of Keras."
            )
        info = found[0]
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ModelFileError(
                f"{member} in {self.name} is packed by method {info.compress_type} of zip. Expected one that "
                "is stored or deflated, as Keras does."
            )
        allowed = _FREE_BYTES + _LARGEST_RATIO * info.compress_size if limit is None else limit
        if info.file_size > allowed or info.compress_size > self.size():
            raise ModelFileError(
                f"{member} in {self.name} claims {info.file_size} bytes, of which {info.compress_size} are "
                f"stored; at most {allowed} are read. The file is damaged, or made to use up memory."
            )
        with _damage_refused(self.name), self._file.open(info) as stream:
            data = stream.read(info.file_size + 1)
        if len(data) != info.file_size:
            raise ModelFileError(
                f"{member} in {self.name} holds {len(data)} bytes or more, and claims {info.file_size}. The "
                "file is damaged: take another copy."
            )
        return data


@contextmanager
def _damage_refused(name: str) -> Iterator[None]:
    try:
        yield
    except BatchyardModelsError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        ArithmeticError,
        EOFError,
        LookupError,
        MemoryError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise ModelFileError(
            f"Expected {name} to be an HDF5 file (.h5) or an archive of Keras (.keras); it can't be read: "
            f"{error}. It is encrypted, damaged, or was not written to its end: take another copy."
        ) from error
