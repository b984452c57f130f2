"""What `keras.engine.training_generator` offers: a model's methods as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["evaluate_generator", "fit_generator", "predict_generator"]


def fit_generator(
    model: Any,
    generator: Any,
    steps_per_epoch: int | None = None,
    epochs: int = 1,
    verbose: int = 1,
    callbacks: Sequence[Any] | None = None,
    validation_data: Any = None,
    validation_steps: int | None = None,
    class_weight: Any = None,
    max_queue_size: int = 10,
    workers: int = 1,
    use_multiprocessing: bool = False,
    shuffle: bool = True,
    initial_epoch: int = 0,
) -> Any:
    """Is `model.fit_generator`; see there."""
    return model.fit_generator(
        generator,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        verbose=verbose,
        callbacks=callbacks,
        validation_data=validation_data,
        validation_steps=validation_steps,
        class_weight=class_weight,
        max_queue_size=max_queue_size,
        workers=workers,
        use_multiprocessing=use_multiprocessing,
        shuffle=shuffle,
        initial_epoch=initial_epoch,
    )


def evaluate_generator(
    model: Any,
    generator: Any,
    steps: int | None = None,
    max_queue_size: int = 10,
    workers: int = 1,
    use_multiprocessing: bool = False,
    verbose: int = 0,
) -> Any:
    """Is `model.evaluate_generator`; see there."""
    return model.evaluate_generator(generator, steps, max_queue_size, workers, use_multiprocessing, verbose)


def predict_generator(
    model: Any,
    generator: Any,
    steps: int | None = None,
    max_queue_size: int = 10,
    workers: int = 1,
    use_multiprocessing: bool = False,
    verbose: int = 0,
) -> Any:
    """Is `model.predict_generator`; see there."""
    return model.predict_generator(generator, steps, max_queue_size, workers, use_multiprocessing, verbose)
