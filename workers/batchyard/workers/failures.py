"""From an exception to what the job is told."""

from __future__ import annotations

import traceback

from batchyard.models.errors import BatchyardModelsError
from batchyard.scheduler.protocol import TaskFailure
from batchyard.workers.errors import (
    BatchFailed,
    CodeNotAllowed,
    LedgerGap,
    ModelSpecError,
    SourceChanged,
    TrainingFailed,
    UserCodeError,
)

__all__ = ["describe", "one_line"]

#: What fails on every worker alike.
HOPELESS = (CodeNotAllowed, LedgerGap, ModelSpecError, SourceChanged, TrainingFailed, UserCodeError)

#: Longest one-line message, in characters.
LONGEST = 500


def describe(error: BaseException) -> TaskFailure:
    """Return how an attempt failed: one line, the traceback, the batch, and whether trying again can help."""
    batch = error.batch if isinstance(error, BatchFailed) else None
    detail = "".join(traceback.format_exception(error))
    hopeless = isinstance(error, HOPELESS) or (isinstance(error, BatchyardModelsError) and batch is None)
    return TaskFailure(error=one_line(error), detail=detail, batch=batch, retry=not hopeless)


def one_line(error: BaseException) -> str:
    """Return an exception as one line; the type is named where the message alone would puzzle."""
    text = " ".join(str(error).split())
    own = type(error).__module__.startswith("batchyard.")
    line = text if own and text else f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
