"""From the callbacks section of a job to callbacks."""

from __future__ import annotations

from pathlib import Path

from batchyard.models.callbacks import Callback, get
from batchyard.scheduler.jobs.spec import JobSpec
from batchyard.workers.errors import UserCodeError
from batchyard.workers.user_code import load_factory, names_code

__all__ = ["callbacks_from_spec"]

#: Arguments of callbacks that name a file.
FILE_ARGUMENTS = ("filepath", "filename")


def callbacks_from_spec(spec: JobSpec, directory: Path) -> list[Callback]:
    """Build a job's callbacks.

    Args:
        spec: the job.
        directory: the job's folder; relative file names of callbacks are meant to be in it.

    Raises:
        UserCodeError: A `module:factory` gives something else than a callback.
        CodeNotAllowed: It is a `module:factory`, and this worker runs no users' Python.
        BatchyardModelsError: There is no such callback, or its arguments are wrong.
    """
    return [_build(c.class_name, dict(c.config), spec, directory) for c in spec.callbacks]


def _build(name: str, config: dict[str, object], spec: JobSpec, directory: Path) -> Callback:
    if names_code(name):
        callback = load_factory(name, spec.code_directory)(**config)
        if not isinstance(callback, Callback):
            raise UserCodeError(f"{name}: expected a batchyard Callback, received {type(callback).__name__}")
        return callback
    for argument in FILE_ARGUMENTS:
        value = config.get(argument)
        if isinstance(value, str):
            config[argument] = str(directory / value)
    return get({"class_name": name, "config": config})
