"""Batches from generators and `Sequence`s, for the one loop: `fit_generator` and its like."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from batchyard.models.engine.symbolic import unpack_singleton
from batchyard.models.errors import DataError, InvalidArgumentError
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.data import (
    ArrayEvaluation,
    EvaluationData,
    GlobalBatch,
    TensorBatch,
    TrainingData,
)
from batchyard.models.training.evaluate import evaluation_logs
from batchyard.models.training.fit import train
from batchyard.models.training.predict import predict_batch
from batchyard.models.training.progress import shown_progress
from batchyard.models.training.strategy import LocalStrategy
from batchyard.models.training.validation_epochs import (
    ValidationFrequency,
    check_frequency,
    is_validated,
)
from batchyard.models.utils.generator_enqueuer import GeneratorEnqueuer
from batchyard.models.utils.ordered_enqueuer import OrderedEnqueuer
from batchyard.models.utils.sequence import Sequence as BatchSequence

if TYPE_CHECKING:
    from batchyard.models.callbacks.base import Callback
    from batchyard.models.callbacks.history import History
    from batchyard.models.engine.model import Model
    from batchyard.models.utils.sequence_enqueuer import SequenceEnqueuer

__all__ = ["evaluate_generator", "fit_generator", "predict_generator"]

#: max_queue_size, workers, use_multiprocessing.
Reading = tuple[int, int, bool]


class _Batches:
    """The batches of a stream, checked against a model one after the other.

    Args:
        model: compiled.
        begin: returns what gives (x, y) or (x, y, sample_weight); called when the first batch is asked for.
        class_weight: as in `fit`.

    Attributes:
        tell_size: called with the number of rows of the first batch.
    """

    def __init__(self, model: Model, begin: Callable[[], Iterator[Any]], class_weight: Any = None) -> None:
        self._model = model
        self._begin = begin
        self._stream: Iterator[Any] | None = None
        self._class_weight = class_weight
        self._waiting: list[GlobalBatch] = []
        self.tell_size: Callable[[int], None] | None = None

    def look_ahead(self) -> None:
        """Reads the first batch, which also builds a model that waits for its input's shape."""
        self._waiting.append(self._read())

    def next(self) -> GlobalBatch:
        """Returns the next batch."""
        return self._waiting.pop() if self._waiting else self._read()

    def _read(self) -> GlobalBatch:
        if self._stream is None:
            self._stream = self._begin()
        given = _next(self._stream)
        if not isinstance(given, tuple) or len(given) not in (2, 3):
            raise DataError(
                "The generator must give tuples (x, y) or (x, y, sample_weight). Received: "
                f"{type(given).__name__}{f' of length {len(given)}' if hasattr(given, '__len__') else ''}."
            )
        x, y, *weight = given
        columns = columns_of(self._model, x, y, weight[0] if weight else None, self._class_weight)
        if self.tell_size is not None:
            self.tell_size(columns.rows)
            self.tell_size = None
        return TensorBatch(columns)


class _GeneratedTraining(TrainingData):
    """Training batches in the order in which they come: `batch` may be asked for each step once.

    The number of rows is not known before they have come.
    """

    def __init__(self, batches: _Batches, steps: int) -> None:
        self._batches = batches
        self.steps_per_epoch = steps

    def begin_epoch(self, epoch: int, seed: int) -> None:
        """Goes on where the last epoch ended: who makes the batches decides on their order."""

    def batch(self, step: int) -> GlobalBatch:
        """Returns the next batch."""
        return self._batches.next()


class _GeneratedEvaluation(EvaluationData):
    """Evaluation batches in the order in which they come, `steps` of them each time."""

    def __init__(self, batches: _Batches, steps: int) -> None:
        self._batches = batches
        self.steps = steps

    def batch(self, step: int) -> GlobalBatch:
        """Returns the next batch."""
        return self._batches.next()


def fit_generator(
    model: Model,
    generator: Any,
    *,
    steps_per_epoch: int | None,
    epochs: int,
    verbose: int,
    callbacks: Sequence[Callback] | None,
    validation_data: Any,
    validation_steps: int | None,
    class_weight: Any,
    reading: Reading,
    shuffle: bool,
    initial_epoch: int,
    validation_freq: ValidationFrequency = 1,
) -> History:
    """Is `Model.fit_generator`; see there for the arguments."""
    if not model.is_compiled:
        model.compiled  # noqa: B018 - raises NotCompiledError
    check_frequency(validation_freq)
    steps = _steps(generator, steps_per_epoch, "steps_per_epoch")
    rounds = max(epochs - initial_epoch, 0)
    with ExitStack() as opened:
        # Nothing is read before `on_train_begin`: there a callback may prepare what the generator gives.
        batches = _Batches(
            model,
            lambda: opened.enter_context(_stream(generator, reading, steps * rounds, shuffle)),
            class_weight,
        )
        times = sum(is_validated(validation_freq, epoch) for epoch in range(initial_epoch, epochs))
        validation = _validation(model, batches, validation_data, validation_steps, reading, times, opened)
        if not model.built:
            batches.look_ahead()
        return train(
            model,
            _GeneratedTraining(batches, steps),
            validation,
            callbacks,
            epochs=epochs,
            initial_epoch=initial_epoch,
            verbose=verbose,
            lanes=1,
            facts={},
            validation_freq=validation_freq,
        )


def evaluate_generator(
    model: Model, generator: Any, steps: int | None, reading: Reading, verbose: int
) -> float | list[float]:
    """Is `Model.evaluate_generator`."""
    if not model.is_compiled:
        model.compiled  # noqa: B018 - raises NotCompiledError
    count = _steps(generator, steps, "steps")
    with _stream(generator, reading, count) as stream, _steps_shown(count, verbose) as progress:
        data = _GeneratedEvaluation(_Batches(model, lambda: stream), count)
        values = list(evaluation_logs(model, data, LocalStrategy(), progress=progress).values())
    return np.float64(values[0]) if len(values) == 1 else values  # a number with a shape, as Keras gives


def predict_generator(model: Model, generator: Any, steps: int | None, reading: Reading, verbose: int) -> Any:
    """Is `Model.predict_generator`."""
    count = _steps(generator, steps, "steps")
    parts: list[list[Any]] = []
    with _stream(generator, reading, count) as stream, _steps_shown(count, verbose) as progress:
        for _ in range(count):
            given = _next(stream)
            if isinstance(given, tuple):
                if not 1 <= len(given) <= 3:
                    raise DataError(
                        "The generator must give x, (x, y) or (x, y, sample_weight). Received: a tuple of "
                        f"{len(given)}."
                    )
                given = given[0]
            parts.append(predict_batch(model, given, 0))
            progress(1)
    return unpack_singleton([np.concatenate(outputs) for outputs in zip(*parts, strict=True)])


def _steps(generator: Any, given: int | None, name: str) -> int:
    """Returns the number of batches, which a `Sequence` knows itself."""
    if given is None:
        if not _is_sequence(generator):
            raise InvalidArgumentError(
                f"A generator does not say how many batches to take: give {name}, or pass a utils.Sequence."
            )
        given = len(generator)
    if given < 1:
        raise InvalidArgumentError(f"{name} must be at least 1. Received: {name}={given}.")
    return int(given)


def _is_sequence(generator: Any) -> bool:
    """Whether it can be indexed: ours, or one that another package wrote for Keras."""
    if isinstance(generator, BatchSequence):
        return True
    return all(hasattr(generator, name) for name in ("__getitem__", "__len__", "on_epoch_end"))


def _is_generator(value: Any) -> bool:
    return _is_sequence(value) or hasattr(value, "__next__")


def _next(stream: Iterator[Any]) -> Any:
    try:
        return next(stream)
    except StopIteration:
        raise DataError(
            "The generator came to its end. It must go on for ever (`while True:` around its loop), or "
            "give at least steps_per_epoch * epochs batches; of validation data, validation_steps each time."
        ) from None


@contextmanager
def _stream(generator: Any, reading: Reading, limit: int, shuffle: bool = False) -> Iterator[Iterator[Any]]:
    """Gives the batches one after the other, again and again those of a `Sequence`.

    Args:
        generator: makes them.
        reading: how.
        limit: how many are wanted: no more are made.
        shuffle: a new order of the batches of a `Sequence` in each round.
    """
    max_queue_size, workers, processes = reading
    if workers <= 0:
        yield _rounds(generator, shuffle) if _is_sequence(generator) else iter(generator)
        return
    enqueuer: SequenceEnqueuer
    if _is_sequence(generator):
        enqueuer = OrderedEnqueuer(generator, processes, shuffle)
    else:
        if processes and workers > 1:
            warnings.warn(
                "A generator with use_multiprocessing=True and several workers gives each batch once per "
                "worker. Use a utils.Sequence instead.",
                UserWarning,
                stacklevel=5,
            )
        enqueuer = GeneratorEnqueuer(generator, processes)
    enqueuer.limit = limit
    enqueuer.start(workers, max_queue_size)
    try:
        yield enqueuer.get()
    finally:
        enqueuer.stop()


def _rounds(sequence: Any, shuffle: bool) -> Iterator[Any]:
    """Reads a `Sequence` over and over in this thread."""
    import random

    order_of = random.Random(random.getrandbits(64)) if shuffle else None
    while True:
        order = list(range(len(sequence)))
        if order_of is not None:
            order_of.shuffle(order)
        for index in order:
            yield sequence[index]
        sequence.on_epoch_end()


def _validation(
    model: Model,
    batches: _Batches,
    given: Any,
    steps: int | None,
    reading: Reading,
    rounds: int,
    opened: ExitStack,
) -> EvaluationData | None:
    """Returns what to evaluate on at each epoch's end; arrays in batches as large as those trained on."""
    if given is None:
        return None
    if _is_generator(given):
        count = _steps(given, steps, "validation_steps")
        own = _Batches(model, lambda: opened.enter_context(_stream(given, reading, count * rounds)))
        return _GeneratedEvaluation(own, count)
    if isinstance(given, tuple | list) and len(given) in (2, 3):
        evaluation = ArrayEvaluation(columns_of(model, *given), 32)
        batches.tell_size = evaluation.set_batch_size
        return evaluation
    raise DataError(
        "validation_data must be (x, y), (x, y, sample_weight), a generator or a utils.Sequence. "
        f"Received: {type(given).__name__}."
    )


@contextmanager
def _steps_shown(steps: int, verbose: int) -> Iterator[Callable[[int], None]]:
    with shown_progress(steps, verbose, "step") as progress:
        yield lambda rows: progress(1)
