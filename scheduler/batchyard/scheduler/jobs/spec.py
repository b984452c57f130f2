"""The specification of a job: one typed class for each section of a job file.

The classes check types and ranges only. What two keys must have in common is in `rules`, what the files must
hold is in `sources` and `models`; `check` runs all three. In the *stored* form of a specification (a
`JobRecord.spec`) every path is absolute, every job is named by its id, and all defaults are filled in, so
`JobSpec.model_validate(record.spec)` reads it back.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator

__all__ = [
    "SECTIONS",
    "Callback",
    "CheckpointPolicy",
    "Compile",
    "DataSource",
    "JobSpec",
    "ModelOfJob",
    "NamedObject",
    "Timeouts",
    "Validation",
    "Workers",
    "is_reference",
]

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MODEL_SUFFIXES = (".h5", ".hdf5", ".keras", ".json", ".yaml", ".yml")

#: Most workers of a predict or evaluate job that does not say.
DEFAULT_MAX_WORKERS = 8
DEFAULT_LANES = 4


def is_reference(text: str) -> bool:
    """Return whether a text is a `module:name` reference to users' Python, and no path."""
    return bool(_REFERENCE.fullmatch(text)) and PurePath(text).suffix not in _MODEL_SUFFIXES


def _form(value: Any) -> str:
    """Return the tag of a value's form, by which pydantic chooses between the forms that a key may take.

    Tags begin with `=`, so that they can be told from keys in the place of an error.
    """
    if isinstance(value, dict | BaseModel):
        return "=dict"
    return "=list" if isinstance(value, list) else "=str"


class Section(BaseModel):
    """A part of a job file: unknown keys refused, no silent conversions, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelOfJob(Section):
    """The model that another job made.

    Args:
        job: Name of a job in the same file, or name or id of an earlier one; in the stored form its id.
        which: The last weights, or those of the best checkpoint.
    """

    job: str
    which: Literal["final", "best"] = "final"


class NamedObject(Section):
    """An optimizer with its arguments, as Keras serializes one."""

    class_name: str
    config: dict[str, Any] = Field(default_factory=dict)


class Callback(NamedObject):
    """A callback with its arguments.

    A job file may also write `EarlyStopping` alone or `EarlyStopping: {patience: 5}`.
    """


class Compile(Section):
    """Arguments of `model.compile`.

    Args:
        optimizer: Name, or class name and configuration.
        loss: Name; with several outputs a list, or a dictionary by output name.
        metrics: Names; likewise.
        loss_weights: List, or dictionary by output name. Default: 1 each.
        mixed_precision: Compute outputs and their gradients in this precision, and all else in float32.
        jit_compile: Whether workers compute through torch's compiler; on CPUs they need a C++ compiler.
    """

    optimizer: Annotated[
        Annotated[NamedObject, Tag("=dict")] | Annotated[str, Tag("=str")], Discriminator(_form)
    ]
    loss: Annotated[
        Annotated[dict[str, Any], Tag("=dict")]
        | Annotated[list[Any], Tag("=list")]
        | Annotated[str, Tag("=str")],
        Discriminator(_form),
    ]
    metrics: Annotated[
        Annotated[dict[str, Any], Tag("=dict")] | Annotated[list[Any], Tag("=list")],
        Discriminator(lambda value: "=dict" if isinstance(value, dict) else "=list"),
    ] = Field(default_factory=list)
    loss_weights: (
        Annotated[
            Annotated[dict[str, float], Tag("=dict")] | Annotated[list[float], Tag("=list")],
            Discriminator(lambda value: "=dict" if isinstance(value, dict) else "=list"),
        ]
        | None
    ) = None
    mixed_precision: Literal["bfloat16", "float16"] | None = None
    jit_compile: bool = False


class DataSource(Section):
    """Where rows come from.

    Args:
        file: HDF5 (`.h5`, `.hdf5`) or `.npz` file; `x`, `y` and `sample_weight` then name datasets in it.
        x: Dataset in `file`, or an `.npy` file of its own.
        y: Likewise; predict does without.
        sample_weight: Likewise; optional.
        sequence: `module:factory` of a `Sequence`-like object, instead of all the above.
        batches: Number of batches of `sequence`; predict and evaluate have to know it before they start.
    """

    file: str | None = None
    x: str | None = None
    y: str | None = None
    sample_weight: str | None = None
    sequence: str | None = None
    batches: int | None = Field(default=None, ge=1)


class Validation(DataSource):
    """What to validate on after each epoch: the last part of the training rows, or a source.

    Args:
        split: Fraction of the rows, taken from the end, before any shuffling.
    """

    split: float | None = Field(default=None, gt=0, lt=1)


class Workers(Section):
    """How many workers a job takes; it starts with `min` and grows to `max`."""

    min: int = Field(default=1, ge=1)
    max: int = Field(default=DEFAULT_MAX_WORKERS, ge=1)


class CheckpointPolicy(Section):
    """When checkpoints are written and which are kept.

    Args:
        every_epochs: After each so many epochs. None: never by epochs.
        every_steps: After each so many steps. None: never by steps.
        keep: Number of latest checkpoints that are kept beside the best one.
        monitor: Quantity that says which is best. Default: `val_loss` with validation, else `loss`.
        mode: Whether less or more of it is better; `auto` tells by its name.
    """

    every_epochs: int | None = Field(default=1, ge=1)
    every_steps: int | None = Field(default=None, ge=1)
    keep: int = Field(default=2, ge=1)
    monitor: str | None = None
    mode: Literal["auto", "min", "max"] = "auto"


class Timeouts(Section):
    """Times after which a silent partner counts as lost, in seconds."""

    peer: float = Field(default=30.0, gt=0)


class JobSpec(Section):
    """What a user asks for.

    Args:
        name: Letters, digits, `-` and `_`. Default: the job file's name.
        kind: What to do.
        model: Path of a `.h5` model or of a `.json`/`.yaml` configuration, a `module:factory`, or the model
            of another job.
        compile: Arguments of `model.compile`. A fit or evaluate job needs it unless its model is compiled.
        data: Where rows come from.
        epochs: Epochs to train.
        batch_size: Rows of a step, or of a predict or evaluate batch.
        lanes: Shards of every global batch, fixed for the life of the job; a power of two, at most
            `batch_size`. The result's bits depend on it, and not on the number of workers.
        shuffle: Whether training rows are shuffled anew in each epoch; `batch` in batch-sized chunks.
        workers: How many workers the job takes.
        validation: What to validate on after each epoch. Default: nothing.
        class_weight: Weight of each class in the training loss. Default: 1 each.
        callbacks: Callbacks, by class name and arguments.
        checkpoint: When checkpoints are written and which are kept.
        seed: Everything random derives from it.
        priority: Jobs of higher priority start first.
        retries: How often a failing batch is tried again before it is quarantined.
        on_error: Whether a quarantined batch fails the job or is reported and left out.
        join: Whether `predictions.h5` holds the rows or refers to the part files.
        claim_timeout: Seconds until a dispatched task that nobody claims goes elsewhere. None: the
            scheduler's own.
        threads: Threads that a worker computes with; only workers that were started so are used.
        mixed_fingerprints: Whether workers of different device types or versions may take part: bits are
            promised within one fingerprint only.
        check_finite: Whether a loss that is not finite fails the job.
        timeouts: Times after which a silent partner counts as lost.
        output: Folder in which the job gets a folder of its own.
        after: Jobs that must have succeeded before this one starts.
        code_directory: Folder that workers import `module:factory` from (stored form).
        samples: Rows of `data`, those of a validation split included (stored form; 0: not known).
        validation_samples: Rows validated on (stored form; 0: none, or not known).
    """

    name: str = Field(default="job", pattern=r"^[A-Za-z0-9_-]{1,100}$")
    kind: Literal["fit", "evaluate", "predict"]
    model: Annotated[Annotated[ModelOfJob, Tag("=dict")] | Annotated[str, Tag("=str")], Discriminator(_form)]
    compile: Compile | None = None
    data: DataSource
    epochs: int = Field(default=1, ge=1)
    batch_size: int = Field(default=32, ge=1)
    lanes: int = Field(default_factory=lambda data: default_lanes(data.get("batch_size", 32)), ge=1)
    shuffle: Literal[True, False, "batch"] = True
    workers: Workers = Field(default_factory=lambda data: Workers(max=_default_max_workers(data)))
    validation: Validation | None = None
    class_weight: dict[int, float] | None = None
    callbacks: list[Callback] = Field(default_factory=list)
    checkpoint: CheckpointPolicy = Field(default_factory=CheckpointPolicy)
    seed: int = Field(default=1, ge=0, lt=2**63)
    priority: int = Field(default=0, ge=-1000, le=1000)
    retries: int = Field(default=2, ge=0)
    on_error: Literal["fail", "continue"] = "fail"
    join: Literal["copy", "virtual"] = "copy"
    claim_timeout: float | None = Field(default=None, gt=0)
    threads: int = Field(default=1, ge=1)
    mixed_fingerprints: Literal["refuse", "warn"] = "refuse"
    check_finite: bool = True
    timeouts: Timeouts = Field(default_factory=Timeouts)
    output: str = "runs"
    after: list[str] = Field(default_factory=list)
    code_directory: str = ""
    samples: int = Field(default=0, ge=0)
    validation_samples: int = Field(default=0, ge=0)

    @field_validator("workers", mode="before")
    @classmethod
    def _fill_workers(cls, value: Any, info: ValidationInfo) -> Any:
        """Read `workers: 2` as at most 2, and take the missing maximum from the lanes."""
        if isinstance(value, int) and not isinstance(value, bool):
            return {"min": 1, "max": value}
        if isinstance(value, dict) and "max" not in value:
            least = value.get("min")
            most = _default_max_workers(info.data)
            return {**value, "max": max(most, least) if isinstance(least, int) else most}
        return value

    @field_validator("class_weight", mode="before")
    @classmethod
    def _number_keys(cls, value: Any) -> Any:
        """Read JSON's text keys as the class numbers they are."""
        if isinstance(value, dict):
            return {int(k) if isinstance(k, str) and k.isdecimal() else k: v for k, v in value.items()}
        return value

    @field_validator("callbacks", mode="before")
    @classmethod
    def _short_callbacks(cls, value: Any) -> Any:
        """Read the two short forms of a callback."""
        return [_long_callback(entry) for entry in value] if isinstance(value, list) else value

    @property
    def batches(self) -> int:
        """Number of batches of a predict or evaluate job; 0 when the rows are not known."""
        if self.data.sequence is not None:
            return self.data.batches or 0
        return -(-self.samples // self.batch_size)

    @property
    def training_samples(self) -> int:
        """Rows trained on: those of the data less those split off for validation."""
        if self.validation is not None and self.validation.split is not None:
            return self.samples - self.validation_samples
        return self.samples

    @property
    def needs_code(self) -> bool:
        """Whether only workers that run users' Python can do this job."""
        references = [
            self.model if isinstance(self.model, str) and is_reference(self.model) else None,
            self.data.sequence,
            self.validation.sequence if self.validation else None,
        ]
        return any(references) or any(is_reference(callback.class_name) for callback in self.callbacks)

    @property
    def monitor(self) -> str:
        """The quantity that says which checkpoint is the best."""
        return self.checkpoint.monitor or ("val_loss" if self.validation else "loss")

    def stored(self) -> dict[str, Any]:
        """Return the specification as plain JSON values, for a `JobRecord`."""
        return self.model_dump(mode="json")


#: The class of each section of a job, for messages about its keys.
SECTIONS: dict[str, type[Section]] = {
    "": JobSpec,
    "model": ModelOfJob,
    "compile": Compile,
    "compile.optimizer": NamedObject,
    "data": DataSource,
    "workers": Workers,
    "validation": Validation,
    "callbacks": Callback,
    "checkpoint": CheckpointPolicy,
    "timeouts": Timeouts,
}


def default_lanes(batch_size: int) -> int:
    """Return the number of lanes of a job that does not say: 4, or 1 when a batch has fewer rows."""
    return DEFAULT_LANES if batch_size >= DEFAULT_LANES else 1


def _default_max_workers(data: dict[str, Any]) -> int:
    """Return the largest number of workers of a job that does not say, given its fields before `workers`."""
    if data.get("kind") == "fit":
        return int(data.get("lanes", DEFAULT_LANES))
    return DEFAULT_MAX_WORKERS


def _long_callback(entry: Any) -> Any:
    """Return `{class_name, config}` for a callback in one of its short forms."""
    if isinstance(entry, str):
        return {"class_name": entry}
    if isinstance(entry, dict) and len(entry) == 1:
        (name, config), *_ = entry.items()
        if name not in Callback.model_fields:
            return {"class_name": name, "config": {} if config is None else config}
    return entry
