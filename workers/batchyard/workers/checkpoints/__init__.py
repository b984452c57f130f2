"""Checkpoints: written in the background, recorded with checksums, loaded only when whole."""

from batchyard.workers.checkpoints.files import best_path, checkpoint_folder, checkpoint_paths
from batchyard.workers.checkpoints.loader import LoadedCheckpoint, load_newest
from batchyard.workers.checkpoints.snapshot import Snapshot, monitored
from batchyard.workers.checkpoints.writer import CheckpointWriter

__all__ = [
    "CheckpointWriter",
    "LoadedCheckpoint",
    "Snapshot",
    "best_path",
    "checkpoint_folder",
    "checkpoint_paths",
    "load_newest",
    "monitored",
]
