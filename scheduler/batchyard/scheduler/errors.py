"""Everything that `batchyard.scheduler` raises on purpose.

    BatchyardError                      exit code 70: a fault of Batchyard itself
    ├── InputError                      2: something the user wrote cannot be used
    │   ├── JobFileError                   a job file or specification with its problems
    │   ├── UnknownJob                     no job has this id, prefix or name
    │   ├── AmbiguousJob                   several jobs have this prefix
    │   ├── WrongJobState                  the job cannot do this (any more)
    │   └── MissingExtra                   a part of the package is not installed
    ├── JobFailed                       1: the job ended without a result
    │   └── JobCancelled                   because somebody asked for it
    ├── SystemUnavailable               3: what Batchyard needs is not there
    │   ├── StoreUnavailable               Redis does not answer (any more)
    │   │   └── RedisUnreachable              nor did it ever: wrong URL, not running, refused
    │   ├── EmbeddedError                  the private Redis, scheduler or workers do not start
    │   └── ResultTimeout                  the job did not end in the time given
    ├── NotLeader                       70: another scheduler leads now; never reaches a user
    └── CorruptRecord                   70: Redis holds something that this version cannot read

Each message says what happened and where, and ends with the next step. `EXIT_CODES` is the table that
`batchyard --help` prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "EXIT_BAD_INPUT",
    "EXIT_CODES",
    "EXIT_INTERNAL",
    "EXIT_INTERRUPTED",
    "EXIT_JOB_FAILED",
    "EXIT_OK",
    "EXIT_UNAVAILABLE",
    "AmbiguousJob",
    "BatchyardError",
    "CorruptRecord",
    "EmbeddedError",
    "InputError",
    "JobCancelled",
    "JobFailed",
    "JobFileError",
    "MissingExtra",
    "NotLeader",
    "RedisUnreachable",
    "ResultTimeout",
    "StoreUnavailable",
    "SystemUnavailable",
    "UnknownJob",
    "WrongJobState",
]

EXIT_OK = 0
EXIT_JOB_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_UNAVAILABLE = 3
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130

#: What the exit codes of `batchyard` mean.
EXIT_CODES: dict[int, str] = {
    EXIT_OK: "done",
    EXIT_JOB_FAILED: "a job failed or was cancelled, or a check of doctor failed",
    EXIT_BAD_INPUT: "bad input: job file, option, or a job that does not exist",
    EXIT_UNAVAILABLE: "Redis, the scheduler or the workers cannot be reached or started",
    EXIT_INTERNAL: "a fault of Batchyard itself: please report it",
    EXIT_INTERRUPTED: "interrupted by Ctrl-C",
}


class BatchyardError(Exception):
    """Root of all errors of the scheduler's package.

    Args:
        what: What happened, with the value that was met and the one that was expected.
        where: File, key path, job or address that it happened at. Default: it is part of `what`.
        remedy: The next step for the reader. Default: none.
    """

    exit_code: int = EXIT_INTERNAL

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if not self.remedy:
            return text
        return f"{text.rstrip('.')}. {self.remedy}"


class InputError(BatchyardError):
    """Raised when something that the user wrote cannot be used."""

    exit_code = EXIT_BAD_INPUT


class JobFileError(InputError):
    """Raised for a job file or specification with problems; lists all that were found.

    Args:
        problems: One line each: `file:line: key.path: what was wrong (value); remedy`.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


class UnknownJob(InputError):
    """Raised when no job has the given id, prefix or name.

    Args:
        text: What was looked for.
        near: Names or ids that look like it.
    """

    def __init__(self, text: str, near: Sequence[str] = ()) -> None:
        self.text = text
        self.near = tuple(near)
        remedy = f"Did you mean {_listed(self.near)}?" if near else "`batchyard list` shows the jobs."
        super().__init__(f"there is no job {text!r}", remedy=remedy)


class AmbiguousJob(InputError):
    """Raised when several jobs begin with the given text.

    Args:
        text: What was looked for.
        candidates: The ids that begin with it.
    """

    def __init__(self, text: str, candidates: Sequence[str]) -> None:
        self.text = text
        self.candidates = tuple(candidates)
        super().__init__(
            f"{text!r} is the beginning of {len(candidates)} jobs: {_listed(self.candidates)}",
            remedy="Give more of the id.",
        )


class WrongJobState(InputError):
    """Raised when a job is asked for something that its state rules out."""


class MissingExtra(InputError):
    """Raised when an optional part of the package is needed and not installed.

    Args:
        extra: Name of the extra that brings it.
        need: What it is needed for.
    """

    def __init__(self, extra: str, need: str) -> None:
        self.extra = extra
        super().__init__(
            f"{need} needs the extra {extra!r}, which is not installed here",
            remedy=f"Run: pip install 'batchyard[{extra}]'",
        )


class JobFailed(BatchyardError):
    """Raised by whoever waits for the result of a job that failed.

    Args:
        job_id: The job.
        reason: Why, in one line.
        detail: The traceback from the worker, when there is one.
    """

    exit_code = EXIT_JOB_FAILED

    def __init__(self, job_id: str, reason: str, detail: str = "") -> None:
        self.job_id = job_id
        self.reason = reason
        self.detail = detail
        super().__init__(
            f"job {job_id} {self._verb}: {reason or 'no reason was recorded'}",
            remedy=f"`batchyard logs {job_id}` tells it in full.",
        )

    _verb = "failed"


class JobCancelled(JobFailed):
    """Raised by whoever waits for the result of a job that was cancelled."""

    _verb = "was cancelled"


class SystemUnavailable(BatchyardError):
    """Raised when something that Batchyard needs is not there."""

    exit_code = EXIT_UNAVAILABLE


class StoreUnavailable(SystemUnavailable):
    """Raised when Redis does not answer within the socket's timeout; trying again can help."""


class RedisUnreachable(StoreUnavailable):
    """Raised when no connection to Redis can be made in the first place.

    Args:
        url: Address without its password (`redis://host:6379/0`).
        reason: What the attempt ended with.
        remedy: The next step. Default: how to check the address and how to do without a Redis.
    """

    def __init__(self, url: str, reason: str, remedy: str = "") -> None:
        self.url = url
        self.reason = reason
        super().__init__(
            f"Redis at {url} cannot be reached: {reason}",
            remedy=remedy
            or (
                "Check that it runs and that --redis or BATCHYARD_REDIS_URL names it, or leave both out: "
                "`batchyard run` and `batchyard up` then start a private one."
            ),
        )


class EmbeddedError(SystemUnavailable):
    """Raised when the private Redis, scheduler or workers cannot be started or kept running."""


class ResultTimeout(SystemUnavailable, TimeoutError):
    """Raised when a job has not ended in the time that the caller was ready to wait.

    Args:
        job_id: The job.
        seconds: The time waited.
        state: What the job is doing.
    """

    def __init__(self, job_id: str, seconds: float, state: str) -> None:
        self.job_id = job_id
        super().__init__(
            f"job {job_id} has not ended after {seconds:g} s; it is {state}",
            remedy="It goes on: wait longer, or call cancel().",
        )


class NotLeader(BatchyardError):
    """Raised by the store when a scheduler writes whose leadership has passed to another one."""


class CorruptRecord(BatchyardError):
    """Raised when a record in Redis cannot be read: another version wrote it, or something else did."""


def _listed(names: Sequence[str]) -> str:
    """Return `'a', 'b' or 'c'`, at most five names."""
    quoted = [repr(name) for name in names[:5]]
    if len(names) > 5:
        return ", ".join(quoted) + ", …"
    if len(quoted) < 2:
        return "".join(quoted)
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]
