"""From the data section of a job to the object that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from batchyard.models.backend.configuration import torch_dtype
from batchyard.models.training import EvaluationData, TrainingData
from batchyard.scheduler.jobs.spec import DataSource, JobSpec
from batchyard.workers.errors import SourceChanged, SourceError
from batchyard.workers.sources.base import Source, SourcePart
from batchyard.workers.sources.batch_reader import BatchReader
from batchyard.workers.sources.hdf5 import HDF5Source
from batchyard.workers.sources.lanes import LaneFormat
from batchyard.workers.sources.memory_map import MemoryMapSource, map_npy, map_npz
from batchyard.workers.sources.sequence import SequenceSource
from batchyard.workers.sources.training import (
    RowEvaluation,
    RowTraining,
    SequenceEvaluation,
    SequenceTraining,
)

if TYPE_CHECKING:
    from batchyard.models import Model

__all__ = ["lane_format", "open_batches", "open_source", "open_training"]


def open_source(
    data: DataSource, code_directory: str = "", *, targets: bool = True
) -> Source | SequenceSource:
    """Open a source.

    Args:
        data: files and names, all paths absolute; or a Sequence.
        code_directory: folder that `module:factory` is imported from.
        targets: whether `y` and `sample_weight` are read at all; predict does without.

    Raises:
        SourceError: It cannot be opened.
        CodeNotAllowed: It is a Sequence, and this worker runs no users' Python.
    """
    if data.sequence is not None:
        return SequenceSource(data.sequence, code_directory)
    if data.x is None:
        raise SourceError("the job's data names no x")
    y, weights = (data.y, data.sample_weight) if targets else (None, None)
    names = [name for name in (data.x, y, weights) if name is not None]
    if data.file is None:
        arrays = {name: map_npy(Path(name)) for name in names}
    elif Path(data.file).suffix == ".npz":
        arrays = map_npz(Path(data.file), names)
    else:
        return HDF5Source(data.file, [data.x], [y] if y else [], weights)
    return MemoryMapSource(
        {data.x: arrays[data.x]}, {y: arrays[y]} if y else {}, arrays[weights] if weights else None
    )


def open_training(
    spec: JobSpec, model: Model, device: torch.device | None = None
) -> tuple[TrainingData, EvaluationData | None]:
    """Open the data of a fit job.

    Args:
        spec: the job.
        model: compiled; it says which dtypes it takes.
        device: where the lanes' tensors go. Default: the CPU.

    Returns:
        What to train on, and what to validate on (None: nothing). A validation split is the last part of the
        rows, cut off before any shuffling.

    Raises:
        SourceError: A source cannot be opened, or has changed since the job was submitted.
    """
    weights = (
        {int(label): weight for label, weight in spec.class_weight.items()} if spec.class_weight else None
    )
    format = lane_format(model, device, weights)
    plain = lane_format(model, device)
    source = open_source(spec.data, spec.code_directory)
    validation: Source | SequenceSource | None = None
    if isinstance(source, Source):
        _check_unchanged(source, spec.samples, "data")
    if spec.validation is not None and spec.validation.split is not None:
        if not isinstance(source, Source):
            raise SourceError(
                "a Sequence cannot be split for validation; give a validation source of its own"
            )
        held_out = spec.validation_samples or source.samples - int(
            source.samples * (1 - spec.validation.split)
        )
        validation = SourcePart(source, source.samples - held_out, source.samples)
        source = SourcePart(source, 0, source.samples - held_out)
    elif spec.validation is not None:
        validation = open_source(spec.validation, spec.code_directory)
        if isinstance(validation, Source):
            _check_unchanged(validation, spec.validation_samples, "validation")
    training: TrainingData
    if isinstance(source, Source):
        training = RowTraining(source, spec.batch_size, spec.shuffle, format)
    else:
        training = SequenceTraining(source, spec.batch_size, spec.shuffle, format)
    return training, _evaluation(validation, spec.batch_size, plain)


def open_batches(spec: JobSpec) -> BatchReader:
    """Open the data of a predict or evaluate job.

    Raises:
        SourceError: The source cannot be opened, or has changed since the job was submitted.
    """
    source = open_source(spec.data, spec.code_directory, targets=spec.kind == "evaluate")
    if isinstance(source, Source):
        _check_unchanged(source, spec.samples, "data")
    return BatchReader(source, spec.batch_size)


def lane_format(
    model: Model, device: torch.device | None = None, class_weight: dict[int, float] | None = None
) -> LaneFormat:
    """Return how rows become the tensors that a model takes."""
    return LaneFormat(
        tuple(torch_dtype(tensor.dtype) for tensor in model.inputs),
        # As in Keras: a target has its output's dtype, class numbers included.
        tuple(torch_dtype(tensor.dtype) for tensor in model.outputs),
        device or torch.device("cpu"),
        class_weight,
    )


def _evaluation(
    source: Source | SequenceSource | None, batch_size: int, format: LaneFormat
) -> EvaluationData | None:
    if source is None:
        return None
    if isinstance(source, Source):
        return RowEvaluation(source, batch_size, format)
    return SequenceEvaluation(source, batch_size, format)


def _check_unchanged(source: Source, expected: int, key: str) -> None:
    if expected and source.samples != expected:
        raise SourceChanged(
            f"{key}: expected {expected} rows, as when the job was submitted, found {source.samples}; "
            "do not change data while a job uses it, and submit it anew"
        )
