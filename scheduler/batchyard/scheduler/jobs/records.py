"""From a checked specification to the record that the store keeps, and to the job's folder."""

from __future__ import annotations

import getpass
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from batchyard.scheduler.jobs.spec import JobSpec, ModelOfJob
from batchyard.scheduler.protocol import JobRecord

__all__ = ["new_job_id", "new_record", "write_spec"]


def new_job_id(name: str) -> str:
    """Return an id that begins with the job's name, so that a folder's name tells what is in it."""
    return f"{name}-{secrets.token_hex(3)}"


def new_record(
    spec: JobSpec, job_id: str, siblings: Mapping[str, str], find: Callable[[str], str]
) -> JobRecord:
    """Return the record of a new job.

    Args:
        spec: Its checked specification.
        job_id: Its id.
        siblings: Ids of the jobs submitted with it, by name.
        find: Returns the id of an earlier job by id, prefix or name.

    Raises:
        UnknownJob: It waits for a job that does not exist.
    """
    waits = [siblings.get(name) or find(name) for name in spec.after]
    model = spec.model
    if isinstance(model, ModelOfJob):
        model = model.model_copy(update={"job": siblings.get(model.job) or find(model.job)})
        waits.append(model.job)
    spec = spec.model_copy(update={"model": model, "after": list(dict.fromkeys(waits))})
    return JobRecord(
        id=job_id,
        kind=spec.kind,
        spec=spec.stored(),
        owner=_login_name(),
        priority=spec.priority,
        directory=str(Path(spec.output) / job_id),
        batches=0 if spec.kind == "fit" else spec.batches,
    )


def write_spec(record: JobRecord) -> None:
    """Make the job's folder with `job.json` in it, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    directory = Path(record.directory)
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f".job.json.{secrets.token_hex(4)}"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(record.spec, file, indent=2, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / "job.json")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no entry
        return "unknown"
