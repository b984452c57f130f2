"""Names of checkpoint files."""

from __future__ import annotations

from pathlib import Path

from batchyard.scheduler.protocol import JobRecord

__all__ = ["best_path", "checkpoint_folder", "checkpoint_paths"]


def checkpoint_folder(job: JobRecord) -> Path:
    """Return the folder of a job's checkpoints."""
    return Path(job.directory) / "checkpoints"


def checkpoint_paths(job: JobRecord, epoch: int, step: int) -> tuple[Path, Path]:
    """Return where model and sidecar of a checkpoint lie.

    Args:
        job: the job.
        epoch: epochs finished.
        step: steps done of the epoch in progress; 0 at an epoch's end.
    """
    stem = f"epoch-{epoch:04d}" + (f"-step-{step:06d}" if step else "")
    folder = checkpoint_folder(job)
    return folder / f"{stem}.h5", folder / f"{stem}.state"


def best_path(job: JobRecord) -> Path:
    """Return where the best checkpoint's model lies, whichever epoch it is of."""
    return checkpoint_folder(job) / "best.h5"
