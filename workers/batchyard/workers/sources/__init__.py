"""Where rows come from: HDF5 files, memory maps and Sequences, in memory that does not grow with them."""

from batchyard.workers.sources.base import Rows, Source, SourcePart
from batchyard.workers.sources.batch_reader import BatchReader
from batchyard.workers.sources.hdf5 import HDF5Source
from batchyard.workers.sources.memory_map import MemoryMapSource
from batchyard.workers.sources.opening import open_batches, open_source, open_training
from batchyard.workers.sources.order import EpochOrder
from batchyard.workers.sources.prefetch import Prefetcher
from batchyard.workers.sources.sequence import SequenceSource
from batchyard.workers.sources.training import (
    RowEvaluation,
    RowTraining,
    SequenceEvaluation,
    SequenceTraining,
)
from batchyard.workers.sources.windows import Windows

__all__ = [
    "BatchReader",
    "EpochOrder",
    "HDF5Source",
    "MemoryMapSource",
    "Prefetcher",
    "RowEvaluation",
    "RowTraining",
    "Rows",
    "SequenceEvaluation",
    "SequenceSource",
    "SequenceTraining",
    "Source",
    "SourcePart",
    "Windows",
    "open_batches",
    "open_source",
    "open_training",
]
