"""Whether the data that a job names are there and fit together; how many rows they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batchyard.scheduler.jobs.arrays import ArrayHeader, UnreadableFile, array_names, read_header
from batchyard.scheduler.jobs.problem import KeyPath, Problem, did_you_mean
from batchyard.scheduler.jobs.spec import DataSource, Validation, is_reference

__all__ = ["SourceFacts", "inspect_source"]

_COLUMNS = ("x", "y", "sample_weight")


@dataclass(frozen=True)
class SourceFacts:
    """What the headers of a source tell."""

    rows: int  #: of x; 0 when not known
    row_shape: tuple[int, ...] | None  #: of one row of x


def inspect_source(source: DataSource, path: KeyPath, *, needs_y: bool) -> SourceFacts | list[Problem]:
    """Look into the files of a source, without reading a row.

    Args:
        source: The source; its paths are absolute.
        path: Its key in the job.
        needs_y: Whether targets are wanted.

    Returns:
        What is known of it, or all that is wrong with it.
    """
    problems = list(_form_problems(source, path, needs_y=needs_y))
    if problems or source.sequence is not None:
        return problems or SourceFacts(0, None)
    headers: dict[str, ArrayHeader] = {}
    for column in _COLUMNS:
        given = getattr(source, column)
        if given is None:
            continue
        found = _header(source, column, given, path)
        if isinstance(found, Problem):
            problems.append(found)
            if found.path == (*path, "file"):
                break  # nothing else can be said of the columns of an unreadable file
        else:
            headers[column] = found
    problems.extend(_count_problems(headers, path))
    if problems:
        return problems
    shape = headers["x"].shape
    return SourceFacts(shape[0], shape[1:])


def _form_problems(source: DataSource, path: KeyPath, *, needs_y: bool) -> Iterator[Problem]:
    """Yield what is wrong with the keys of a source, whatever the files hold."""
    given = [column for column in (*_COLUMNS, "file") if getattr(source, column) is not None]
    if source.sequence is not None:
        if given:
            yield Problem(
                (*path, given[0]), "cannot stand beside sequence", "the sequence yields it; remove one"
            )
        if not is_reference(source.sequence):
            yield Problem(
                (*path, "sequence"),
                f"is no module:factory (value {source.sequence!r})",
                "for example mydata:training_batches",
            )
        return
    if source.batches is not None:
        yield Problem((*path, "batches"), "is for a sequence only", "remove it")
    if source.x is None:
        remedy = (
            "name the dataset of the inputs" if source.file else "give file and x, an .npy file, or sequence"
        )
        if source.file and Path(source.file).is_file():
            remedy += _names_in(Path(source.file))
        yield Problem((*path, "x"), "is missing", remedy)
    if needs_y and source.y is None:
        yield Problem((*path, "y"), "is missing", "fit and evaluate compare with targets: name their dataset")
    if isinstance(source, Validation) and source.split is not None:
        yield Problem((*path, "split"), "cannot stand beside a source", "give one of the two")


def _header(source: DataSource, column: str, given: str, path: KeyPath) -> ArrayHeader | Problem:
    """Read the header of a column, or say why it cannot be used."""
    inside = source.file is not None
    file = Path(source.file if source.file is not None else given)
    key: KeyPath = (*path, "file") if inside else (*path, column)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "there is no such file"
        return Problem(key, f"{what} (value {str(file)!r})", _files_like(file))
    if not inside and file.suffix != ".npy":
        return Problem(
            key,
            f"is no .npy file (value {str(file)!r})",
            "for a dataset in a file give `file:` and its name here",
        )
    try:
        header = read_header(file, given if inside else None)
    except KeyError:
        return Problem(
            (*path, column),
            f"{file} has no dataset {given!r}",
            did_you_mean(given, array_names(file)) or "the file holds no dataset at all",
        )
    except UnreadableFile as error:
        damaged = inside and _is_unreadable(file)
        return Problem(
            key if damaged else (*path, column), f"{file if damaged else given} {error}", error.remedy
        )
    except OSError as error:
        return Problem(key, f"{file} cannot be read: {error.strerror or error}", "check its permissions")
    if not header.shape:
        return Problem((*path, column), f"{given} is a single value, not rows", "give an array of rows")
    if header.shape[0] == 0:
        return Problem((*path, column), f"{given} has no rows (shape {header.shape})", "give at least one")
    return header


def _count_problems(headers: dict[str, ArrayHeader], path: KeyPath) -> Iterator[Problem]:
    """Yield the columns whose number of rows is not that of x."""
    if "x" not in headers:
        return
    rows = headers["x"].shape[0]
    for column in _COLUMNS[1:]:
        if column in headers and headers[column].shape[0] != rows:
            yield Problem(
                (*path, column),
                f"has {headers[column].shape[0]} rows, and x has {rows}",
                "each row of x needs exactly one",
            )


def _is_unreadable(file: Path) -> bool:
    """Return whether the file itself, and not a dataset in it, is the trouble."""
    try:
        array_names(file)
    except UnreadableFile:
        return True
    return False


def _names_in(file: Path) -> str:
    try:
        return f" (the file has {', '.join(array_names(file)) or 'none'})"
    except (UnreadableFile, OSError):
        return ""  # the file's own problem is reported where it is opened


def _files_like(file: Path) -> str:
    """Return a hint at what lies where a missing file should."""
    if not file.parent.is_dir():
        return f"there is no folder {file.parent} either; relative paths start at the job file"
    names = [entry.name for entry in file.parent.iterdir() if entry.is_file()]
    return did_you_mean(file.name, names, "check the path; relative ones start at the job file")
