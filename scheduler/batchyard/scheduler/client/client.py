"""Submitting jobs from Python."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from batchyard.scheduler.client.artifacts import callback_entry, source_section, write_model
from batchyard.scheduler.client.job_handle import JobHandle
from batchyard.scheduler.embedded import EmbeddedSystem
from batchyard.scheduler.errors import InputError, JobFileError, UnknownJob
from batchyard.scheduler.jobs import JobSpec, check_spec, load_job_file, new_job_id, new_record, write_spec
from batchyard.scheduler.protocol import JobKind, JobRecord, JobState, WorkerRecord
from batchyard.scheduler.store import Store

__all__ = ["Client"]


class Client:
    """A connection to a Batchyard: submits jobs, and finds those that were submitted elsewhere.

    Args:
        redis_url: Address of its Redis. Default: the environment's BATCHYARD_REDIS_URL.
        output: Folder that jobs write to, on storage that all workers see under the same path.
            Default `runs`, in the current folder.
        timeout: Seconds until a Redis that does not answer counts as unreachable. Default 5.

    Raises:
        RedisUnreachable: Redis does not answer.

    Example:
        with Client.local(workers=2) as client:
            job = client.fit(model, x, y, epochs=10, validation_split=0.1)
            print(job.result().metrics)
    """

    def __init__(
        self, redis_url: str | None = None, *, output: str | Path = "runs", timeout: float = 5.0
    ) -> None:
        url = redis_url or os.environ.get("BATCHYARD_REDIS_URL", "")
        if not url:
            raise InputError(
                "no Redis was named",
                remedy="Pass redis_url, set BATCHYARD_REDIS_URL, or use Client.local().",
            )
        self._store = Store.connect(url, timeout)
        self._output = Path(output).absolute()
        self._system: EmbeddedSystem | None = None

    @classmethod
    def local(
        cls,
        workers: int = 2,
        *,
        devices: str | None = None,
        allow_code: bool = False,
        directory: str | Path | None = None,
        output: str | Path = "runs",
        threads: int = 1,
    ) -> Client:
        """Start a private Redis, a scheduler and workers on this machine, for as long as the client is open.

        Args:
            workers: Number of CPU workers. Default 2.
            devices: Devices instead, as `batchyard worker --devices` takes them. Default: `workers` decides.
            allow_code: Whether jobs may bring Python code (`module:factory`, callbacks of your own).
            directory: Folder of Redis's data and the logs. Default: a temporary one.
            output: Folder that jobs write to. Default `runs`.
            threads: Threads that each worker computes with. Default 1.

        Raises:
            EmbeddedError: Something cannot be started.
        """
        system = EmbeddedSystem(
            devices=devices or f"cpu:{workers}",
            threads=threads,
            allow_code=allow_code,
            directory=directory,
        ).start()
        try:
            client = cls(system.url, output=output)
        except BaseException:
            system.stop()
            raise
        client._system = system
        return client

    @property
    def store(self) -> Store:
        """The store that this client talks to."""
        return self._store

    def fit(
        self,
        model: Any,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        validation_split: float | None = None,
        validation_data: Any = None,
        callbacks: Iterable[Any] = (),
        name: str = "fit",
        **options: Any,
    ) -> JobHandle:
        """Submit a job that trains a model.

        Args:
            model: A model with `save(path)`, a path, a `module:factory`, or the handle of a fit job to go
                on from.
            x: Inputs: an array, an open HDF5 dataset, the path of an `.npy` file, or a section as in a job
                file (`{"file": "data.h5", "x": "x", "y": "y"}`).
            y: Targets, alike. Default: `x` is a section, which names them.
            sample_weight: Weight of each row, alike. Default: 1.
            validation_split: Fraction of the rows, from the end, to validate on.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or a section, to validate on.
            callbacks: Callbacks, or entries as in a job file.
            name: Name of the job.
            options: Further keys of a job file: `epochs`, `batch_size`, `lanes`, `workers`, `compile`, …

        Raises:
            JobFileError: Something does not fit together; lists all problems.
        """
        if validation_split is not None and validation_data is not None:
            raise InputError(
                "validation_split and validation_data are both given", remedy="Give one of them."
            )

        def write(inputs: Path) -> dict[str, Any]:
            keys: dict[str, Any] = {"data": source_section(_columns(x, y, sample_weight), inputs)}
            if validation_split is not None:
                keys["validation"] = {"split": validation_split}
            elif validation_data is not None:
                given = validation_data if isinstance(validation_data, tuple | list) else (validation_data,)
                keys["validation"] = source_section(_columns(*given), inputs, "validation_")
            entries = [callback_entry(callback) for callback in callbacks]
            return {**keys, "callbacks": entries} if entries else keys

        return self._submit_call(JobKind.FIT, model, name, write, options)

    def evaluate(
        self,
        model: Any,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        name: str = "evaluate",
        **options: Any,
    ) -> JobHandle:
        """Submit a job that computes a model's loss and metrics; arguments as in `fit`."""
        return self._submit_call(
            JobKind.EVALUATE,
            model,
            name,
            lambda inputs: {"data": source_section(_columns(x, y, sample_weight), inputs)},
            options,
        )

    def predict(self, model: Any, x: Any, *, name: str = "predict", **options: Any) -> JobHandle:
        """Submit a job that computes a model's outputs; arguments as in `fit`."""
        return self._submit_call(
            JobKind.PREDICT, model, name, lambda inputs: {"data": source_section({"x": x}, inputs)}, options
        )

    def submit(self, spec: JobSpec | Mapping[str, Any]) -> JobHandle:
        """Submit a job that is written as in a job file; relative paths start at the current folder.

        Raises:
            JobFileError: Something is wrong with it; lists all problems.
            UnknownJob: It waits for a job that does not exist.
        """
        return self.submit_all([check_spec(spec)])[0]

    def submit_file(self, path: str | Path) -> list[JobHandle]:
        """Submit the jobs of a job file.

        Raises:
            JobFileError: Something is wrong with it; lists all problems.
            UnknownJob: A job waits for one that does not exist.
        """
        return self.submit_all(load_job_file(path))

    def submit_all(self, specs: Sequence[JobSpec]) -> list[JobHandle]:
        """Submit checked jobs that may name each other, all or none."""
        ids = {spec.name: new_job_id(spec.name) for spec in specs}
        records = [
            new_record(spec, ids[spec.name], ids, lambda text: self._find(text, ids)) for spec in specs
        ]
        return [self._queue(record) for record in records]

    def job(self, text: str) -> JobHandle:
        """Return the handle of any job, by its id, the beginning of the id, or its name (the newest).

        Raises:
            UnknownJob: There is none.
            AmbiguousJob: Several ids begin so.
        """
        return JobHandle(self._store, self._store.resolve(text), self.check)

    def jobs(self, states: Iterable[JobState] | None = None) -> list[JobRecord]:
        """Return all jobs, or those in some states, oldest first."""
        return self._store.jobs(states)

    def workers(self) -> list[WorkerRecord]:
        """Return all workers that are registered."""
        return self._store.workers()

    def check(self) -> None:
        """Make sure that a local system has not broken down; without one there is nothing to check.

        Raises:
            EmbeddedError: It has.
        """
        if self._system is not None:
            self._system.check()

    def close(self) -> None:
        """Close the connection; a local system ends with it."""
        self._store.close()
        if self._system is not None:
            self._system.stop()
            self._system = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit_call(
        self,
        kind: JobKind,
        model: Any,
        name: str,
        write: Callable[[Path], dict[str, Any]],
        options: dict[str, Any],
    ) -> JobHandle:
        """Write the artifacts of a job, check it, and queue it; leave nothing behind when it is refused."""
        job_id = new_job_id(name)
        output = Path(options.pop("output", self._output)).absolute()
        directory = output / job_id
        try:
            if isinstance(model, JobHandle):
                model = {"job": model.id}
            keys = write(directory / "inputs")
            values = {"name": name, "kind": kind.value, "model": write_model(model, directory / "inputs")}
            spec = check_spec({**values, **keys, **options, "output": str(output)})
            return self._queue(new_record(spec, job_id, {}, self._store.resolve))
        except (InputError, JobFileError):
            shutil.rmtree(directory, ignore_errors=True)
            raise

    def _queue(self, record: JobRecord) -> JobHandle:
        """Make the job's folder with its specification in it, and hand the job to the scheduler."""
        directory = Path(record.directory)
        try:
            write_spec(record)
        except OSError as error:
            raise InputError(
                f"the job's folder {directory} cannot be written: {error.strerror}",
                remedy="Give another `output`, on storage that all workers see.",
            ) from error
        self._store.submit(record)
        return JobHandle(self._store, record.id, self.check)

    def _find(self, text: str, siblings: Mapping[str, str]) -> str:
        """Return the id of an earlier job; a wrong name may have been meant for a job of the same file."""
        try:
            return self._store.resolve(text)
        except UnknownJob as error:
            raise UnknownJob(text, error.near or tuple(siblings)) from None


def _columns(x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, Any]:
    return {"x": x, "y": y, "sample_weight": sample_weight}
