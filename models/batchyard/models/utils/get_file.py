"""Files from the network, kept in a cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batchyard.models.callbacks.progress_bar import Progbar
from batchyard.models.errors import DownloadError, InvalidArgumentError

__all__ = ["get_file", "validate_file"]


def get_file(
    fname: str,
    origin: str,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | None = None,
) -> str:
    """Downloads a file unless the cache has it, and returns its path.

    A download is complete before it gets its name, so a broken one leaves nothing behind. Archives are
    extracted beside the file, and members that would land elsewhere are refused.

    Args:
        fname: name in the cache; an absolute path is used as it is.
        origin: URL.
        untar: extract `fname + ".tar.gz"`, and return the path without that ending; `extract` is better.
        md5_hash: of the file; `file_hash` is better.
        file_hash: of the file: a cached file that does not match is downloaded again.
        cache_subdir: folder under the cache.
        hash_algorithm: "auto", "md5" or "sha256"; "auto" goes by the length of the hash.
        extract: unpack the file if it is an archive.
        archive_format: "auto", "tar", "zip", a list of such, or None for none.
        cache_dir: the cache; `~/.keras` by default, `/tmp/.keras` if that cannot be written to.

    Returns:
        The path of the file.

    Raises:
        DownloadError: if there is no network, the server refuses, or the hash does not match.

    Source: Keras 2.2.4, `utils.get_file`.
    """
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = _cache_folder(cache_dir) / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / fname
    target = path.with_name(f"{path.name}.tar.gz") if untar else path
    present = target.exists()
    if present and file_hash is not None and not validate_file(str(target), file_hash, hash_algorithm):
        print(f"{target} does not match its hash, so it is downloaded again.")
        present = False
    if not present:
        _download(origin, target, file_hash, hash_algorithm)
    if untar:
        if not path.exists():
            _extract(target, folder, "tar")
        return str(path)
    if extract:
        _extract(target, folder, archive_format)
    return str(target)


def validate_file(fpath: str, file_hash: str, algorithm: str = "auto", chunk_size: int = 65535) -> bool:
    """Returns whether a file has a hash.

    Args:
        fpath: path of the file.
        file_hash: as hexadecimal digits.
        algorithm: "auto", "md5" or "sha256"; "auto" goes by the length of the hash.
        chunk_size: bytes read at a time.
    """
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    return hash_file(fpath, algorithm, chunk_size) == file_hash.lower()


def hash_file(fpath: str, algorithm: str = "sha256", chunk_size: int = 65535) -> str:
    """Returns the hash of a file, as hexadecimal digits.

    Args:
        fpath: path of the file.
        algorithm: "auto", "md5" or "sha256"; "auto" means the latter.
        chunk_size: bytes read at a time.
    """
    if algorithm not in ("auto", "md5", "sha256"):
        raise InvalidArgumentError(f"The hash must be 'auto', 'md5' or 'sha256'. Received: {algorithm!r}.")
    found = hashlib.new("sha256" if algorithm == "auto" else algorithm, usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            found.update(chunk)
    return found.hexdigest()


def _cache_folder(given: str | None) -> Path:
    folder = Path(given).expanduser() if given is not None else Path.home() / ".keras"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    return folder if writable else Path("/tmp/.keras")


def _download(origin: str, target: Path, file_hash: str | None, algorithm: str) -> None:
    print(f"Downloading data from {origin}")
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(origin) as answer, part.open("wb") as file:
            length = answer.headers.get("Content-Length")
            _copy(answer.read, file.write, int(length) if length else None)
        if file_hash is not None and not validate_file(str(part), file_hash, algorithm):
            raise DownloadError(
                f"The file from {origin} does not have the hash {file_hash}: it is damaged or another one. "
                f"Get it by hand, and put it at {target}."
            )
        part.replace(target)
    except (urllib.error.URLError, OSError) as error:
        raise DownloadError(
            f"Could not download {origin}: {error}. Without a network, put the file at {target} by hand."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], Any], length: int | None) -> None:
    bar, done = Progbar(length, unit_name="byte"), 0
    while chunk := read(1 << 16):
        write(chunk)
        done += len(chunk)
        if bar.is_due:
            bar.update(done)
    if bar.draws and (length is None or done < length):
        bar.close(done)
    if length is not None and done != length:
        raise OSError(f"the connection ended after {done} of {length} bytes")


def _extract(archive: Path, folder: Path, formats: Any) -> bool:
    """Unpacks an archive of one of the formats; returns whether it was one."""
    if formats is None:
        return False
    wanted = ["tar", "zip"] if formats == "auto" else [formats] if isinstance(formats, str) else formats
    for name in wanted:
        if name == "tar" and tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                try:
                    tar.extractall(folder, filter="data")
                except tarfile.FilterError as error:
                    raise DownloadError(f"{archive} is not safe to extract: {error}.") from error
            return True
        if name == "zip" and zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                _extract_zip(file, folder)
            return True
    return False


def _extract_zip(file: zipfile.ZipFile, folder: Path) -> None:
    root = folder.resolve()
    for member in file.infolist():
        path = (root / member.filename).resolve()
        if not path.is_relative_to(root):
            raise DownloadError(f"{file.filename} is not safe to extract: {member.filename!r} leaves {root}.")
        if member.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with file.open(member) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
