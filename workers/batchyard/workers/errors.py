"""What can go wrong in a worker.

    WorkersError
    ├── DeviceError          (ValueError)    the --devices argument, or a device that is not there
    ├── CodeNotAllowed       (PermissionError) a job needs users' Python and this worker does not run it
    ├── UserCodeError        (ValueError)    `module:factory` cannot be imported or is not callable
    ├── ModelSpecError       (ValueError)    the job's model cannot be built
    ├── SourceError          (ValueError)    rows cannot be read
    │   └── SourceChanged                    the data is not what it was when the job was submitted
    ├── TrainingFailed                       a fit job's computation raised
    ├── CheckpointError                      a checkpoint cannot be written
    ├── LedgerGap                            the committed parts do not cover the dataset
    └── BatchFailed                          one batch of a range raised

Errors of the store (`StoreUnavailable` …) are the scheduler's, errors of the models are the models'.
"""

from __future__ import annotations

__all__ = [
    "BatchFailed",
    "CheckpointError",
    "CodeNotAllowed",
    "DeviceError",
    "LedgerGap",
    "ModelSpecError",
    "SourceChanged",
    "SourceError",
    "TrainingFailed",
    "UserCodeError",
    "WorkersError",
]


class WorkersError(Exception):
    """Root of all errors that `batchyard.workers` raises on purpose."""


class DeviceError(WorkersError, ValueError):
    """Raised when `--devices` cannot be understood or names a device that this machine lacks."""


class CodeNotAllowed(WorkersError, PermissionError):
    """Raised when a job names `module:factory` and the worker was started without `--allow-code`."""


class UserCodeError(WorkersError, ValueError):
    """Raised when `module:factory` cannot be imported, is not callable or returns the wrong thing."""


class ModelSpecError(WorkersError, ValueError):
    """Raised when the job's model cannot be built or compiled."""


class SourceError(WorkersError, ValueError):
    """Raised when a source cannot be opened or its rows cannot be read."""


class SourceChanged(SourceError):
    """Raised when a source has another number of rows than at the job's submission."""


class TrainingFailed(WorkersError):
    """Raised when a fit job's computation raised: every other worker would meet the same."""


class CheckpointError(WorkersError):
    """Raised when a checkpoint cannot be written."""


class LedgerGap(WorkersError):
    """Raised when the parts in the ledger do not cover every batch exactly once."""


class BatchFailed(WorkersError):
    """Raised when one batch of a range cannot be computed; the cause is chained.

    Args:
        message: one line with the batch, its rows and the cause.
        batch: number of the batch in the dataset.
    """

    def __init__(self, message: str, batch: int):
        super().__init__(message)
        self.batch = batch
