"""Finding the newest checkpoint that is whole."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from batchyard.scheduler.protocol import Checkpoint, EventKind, JobRecord
from batchyard.scheduler.store import Store
from batchyard.workers.atomic_files import sha256_of

__all__ = ["LoadedCheckpoint", "load_newest"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint whose files are as they were written.

    Attributes:
        checkpoint: its record.
        state: for `batchyard.models.training.unpack`: weights, optimizer, cursor and callbacks.
    """

    checkpoint: Checkpoint
    state: bytes


def load_newest(store: Store, job: JobRecord) -> LoadedCheckpoint | None:
    """Return the newest checkpoint of a job whose files have the checksums on record; None: there is none.

    A damaged one is reported as a warning on the job, and the one before is taken.
    """
    unusable: set[Checkpoint] = set()
    while left := [c for c in store.checkpoints(job.id) if c not in unusable]:
        checkpoint = left[-1]
        try:
            state = Path(checkpoint.sidecar).read_bytes()
            found = (sha256_of(Path(checkpoint.path)), hashlib.sha256(state).hexdigest())
        except OSError as error:
            problem = str(error)
        else:
            if found == (checkpoint.sha256, checkpoint.sidecar_sha256):
                return LoadedCheckpoint(checkpoint, state)
            problem = "its files are not as they were written (SHA-256 differs)"
        unusable.add(checkpoint)
        if checkpoint not in store.checkpoints(job.id):
            continue  # a member that leaves has just written a newer one, and this one was let go
        message = f"the checkpoint {checkpoint.path} is unusable, going on from the one before: {problem}"
        log.warning(message, extra={"action": "load_checkpoint", "job": job.id})
        store.emit(job.id, EventKind.WARNING, {"message": message})
    return None
