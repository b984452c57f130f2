"""What the keys of a job must have in common, whatever its files hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from batchyard.scheduler.jobs.problem import Problem, shown
from batchyard.scheduler.jobs.spec import JobSpec, ModelOfJob, Validation, is_reference

__all__ = ["meaningless_keys", "rule_problems"]

#: Keys that mean something for some kinds of job only.
ONLY_FOR: dict[str, tuple[str, ...]] = {
    "epochs": ("fit",),
    "lanes": ("fit",),
    "shuffle": ("fit",),
    "validation": ("fit",),
    "class_weight": ("fit",),
    "callbacks": ("fit",),
    "checkpoint": ("fit",),
    "check_finite": ("fit",),
    "compile": ("fit", "evaluate"),
    "on_error": ("predict", "evaluate"),
    "retries": ("predict", "evaluate"),
    "join": ("predict",),
}


#: Callbacks that watch a quantity: `val_loss`, when they are not told otherwise.
WATCHING_CALLBACKS = ("EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau")


def rule_problems(spec: JobSpec, given: Collection[str]) -> Iterator[Problem]:
    """Yield all that is wrong with how the keys of a job fit together.

    Args:
        spec: The job.
        given: The keys that the user wrote, as opposed to defaults.
    """
    for key in meaningless_keys(spec.kind):
        if key in given:
            yield Problem((key,), f"has no meaning for a {spec.kind} job", "remove it")
    if spec.kind == "fit":
        yield from _lane_problems(spec, given)
    if spec.workers.min > spec.workers.max:
        yield Problem(
            ("workers", "min"),
            f"is more than workers.max (values {spec.workers.min} and {spec.workers.max})",
            "lower it",
        )
    if spec.validation is not None:
        yield from _validation_problems(spec.validation)
    if spec.data.sequence is not None and spec.kind != "fit" and spec.data.batches is None:
        yield Problem(
            ("data", "batches"), "is missing", f"a {spec.kind} job has to know the length of a sequence"
        )
    yield from _compile_problems(spec)
    if spec.kind == "fit" and spec.validation is None:
        yield from _monitor_problems(spec)
    for position, callback in enumerate(spec.callbacks):
        if ":" in callback.class_name and not is_reference(callback.class_name):
            yield Problem(
                ("callbacks", position),
                f"is neither a callback's name nor a module:Class (value {shown(callback.class_name)})",
                "for example EarlyStopping",
            )


def meaningless_keys(kind: str) -> list[str]:
    """Return the keys that mean nothing for a kind of job."""
    return [key for key, kinds in ONLY_FOR.items() if kind not in kinds]


def _lane_problems(spec: JobSpec, given: Collection[str]) -> Iterator[Problem]:
    lanes = spec.lanes
    if lanes & (lanes - 1):
        lower = 1 << (lanes.bit_length() - 1)
        yield Problem(("lanes",), f"is no power of two (value {lanes})", f"use {lower} or {2 * lower}")
    elif lanes > spec.batch_size:
        key = "lanes" if "lanes" in given else "batch_size"
        most = 1 << (spec.batch_size.bit_length() - 1)
        yield Problem(
            (key,),
            f"batch_size is smaller than lanes (values {spec.batch_size} and {lanes})",
            f"each lane needs a row: use lanes: {most}, or a batch_size of at least {lanes}",
        )
    if spec.workers.max > lanes:
        yield Problem(
            ("workers", "max"),
            f"is more than lanes (values {spec.workers.max} and {lanes})",
            f"each worker needs a lane: use at most {lanes}, or more lanes",
        )


def _validation_problems(validation: Validation) -> Iterator[Problem]:
    source = (validation.file, validation.x, validation.y, validation.sequence)
    if validation.split is None and not any(source):
        yield Problem(("validation",), "names no rows", "give split: 0.1, or file, x and y")
    if validation.split is not None and any((*source, validation.sample_weight)):
        yield Problem(("validation", "split"), "cannot stand beside a source", "give one of the two")


def _monitor_problems(spec: JobSpec) -> Iterator[Problem]:
    """Yield what watches a validation's quantity in a job without one."""
    remedy = "add validation: {split: 0.1}, or monitor: loss"
    if (spec.checkpoint.monitor or "").startswith("val_"):
        what = f"needs validation (value {spec.checkpoint.monitor!r})"
        yield Problem(("checkpoint", "monitor"), what, remedy)
    for position, callback in enumerate(spec.callbacks):
        if callback.class_name in WATCHING_CALLBACKS:
            monitor = str(callback.config.get("monitor", "val_loss"))
            if monitor.startswith("val_"):
                path = ("callbacks", position, callback.class_name, "monitor")
                yield Problem(path, f"needs validation (value {monitor!r})", remedy)


def _compile_problems(spec: JobSpec) -> Iterator[Problem]:
    """Yield what is missing of `compile` for a configuration, which is never compiled."""
    if spec.compile is not None or spec.kind == "predict" or isinstance(spec.model, ModelOfJob):
        return
    if spec.model.endswith((".json", ".yaml", ".yml")):
        yield Problem(
            ("compile",),
            "is missing",
            f"a {spec.kind} job needs it, as a configuration holds no optimizer and loss",
        )
