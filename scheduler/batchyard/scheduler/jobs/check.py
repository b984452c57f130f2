"""Everything that is checked of a job before it starts, and its stored form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pydantic

from batchyard.scheduler.jobs.models import ModelFacts, NoModel, inspect_model
from batchyard.scheduler.jobs.problem import KeyPath, Problem, did_you_mean, shown
from batchyard.scheduler.jobs.rules import rule_problems
from batchyard.scheduler.jobs.sources import SourceFacts, inspect_source
from batchyard.scheduler.jobs.spec import SECTIONS, DataSource, JobSpec, is_reference

__all__ = ["Checked", "check", "resolve"]

_Source = TypeVar("_Source", bound=DataSource)

#: Keys of the stored form that a user does not write.
_DERIVED = ("code_directory", "samples", "validation_samples")

#: pydantic's kinds of errors in our words: what was wrong, and what to write. Braces take its context.
_WORDS: dict[str, tuple[str, str]] = {
    "int_type": ("must be a whole number", ""),
    "int_from_float": ("must be a whole number", ""),
    "float_type": ("must be a number", ""),
    "finite_number": ("must be a finite number", ""),
    "string_type": ("must be a text", ""),
    "bool_type": ("must be true or false", ""),
    "list_type": ("must be a list", "write - before each entry, or put it in [ ]"),
    "union_tag_invalid": ("has the wrong form", ""),
    "dict_type": ("must hold keys with values", ""),
    "model_type": ("must hold keys with values", ""),
    "model_attributes_type": ("must hold keys with values", ""),
    "literal_error": ("is not one of the choices", "use {expected}"),
    "greater_than_equal": ("is too small", "use at least {ge}"),
    "greater_than": ("is too small", "use more than {gt}"),
    "less_than_equal": ("is too large", "use at most {le}"),
    "less_than": ("is too large", "use less than {lt}"),
    "string_pattern_mismatch": ("is no name", "use letters, digits, - and _ only, at most 100"),
}

#: Remedies that know more than the type's.
_REMEDIES: dict[str, str] = {
    "kind": "use fit, evaluate or predict",
    "model": "give a .h5, .json or .yaml file, a module:factory, or {job: NAME}",
    "data": "for example {file: data.h5, x: x, y: y}",
    "workers": "for example {min: 1, max: 2}",
    "validation": "for example {split: 0.1}",
    "callbacks": "for example - EarlyStopping: {patience: 5}",
    "compile": "for example {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}",
}


class Checked:
    """A job that was checked: its resolved specification, or what is wrong with it."""

    def __init__(self, spec: JobSpec | None, problems: list[Problem]) -> None:
        self.spec = spec
        self.problems = problems


def check(values: Any, folder: Path, default_name: str = "job") -> Checked:
    """Check one job as a user wrote it, and find all that is wrong with it at once.

    Args:
        values: The keys of the job.
        folder: What relative paths start at.
        default_name: Its name when it has none.
    """
    if not isinstance(values, Mapping):
        return Checked(None, [Problem((), f"a job must hold keys with values (value {shown(values)})")])
    named = {"name": default_name, **{str(key): value for key, value in values.items()}}
    problems = [
        Problem((key,), "unknown key", did_you_mean(key, _user_keys("")))
        for key in _DERIVED
        if named.pop(key, None) is not None
    ]
    spec, type_problems = _typed(named)
    problems += type_problems
    if spec is None:
        return Checked(None, problems)
    wrong = {problem.path[0] for problem in problems}
    spec, found = resolve(spec, folder, given=set(named))
    problems += [problem for problem in found if problem.path[0] not in wrong]
    return Checked(None if problems else spec, problems)


def resolve(spec: JobSpec, folder: Path, given: set[str] | None = None) -> tuple[JobSpec, list[Problem]]:
    """Return the stored form of a specification, and all that is wrong with it.

    Paths become absolute, rows are counted. `model.job` and `after` keep the names that the user gave: their
    ids are known when the jobs are submitted.

    Args:
        spec: The specification as written.
        folder: What relative paths start at.
        given: The keys that the user wrote. Default: those set in `spec`.
    """
    folder = folder.absolute()
    given = set(spec.model_fields_set) if given is None else given
    update: dict[str, Any] = {
        "output": _absolute(spec.output, folder),
        "code_directory": spec.code_directory or str(folder),
        "data": _absolute_source(spec.data, folder),
    }
    if isinstance(spec.model, str) and not is_reference(spec.model):
        update["model"] = _absolute(spec.model, folder)
    if spec.validation is not None:
        update["validation"] = _absolute_source(spec.validation, folder)
    spec = spec.model_copy(update=update)
    problems = list(rule_problems(spec, given))
    facts = _check_model(spec, problems)
    rows = _check_source(spec.data, ("data",), problems, needs_y=spec.kind != "predict")
    validation_rows = _check_validation(spec, rows.rows, problems)
    _check_row_shape(facts, rows, problems)
    problems += _state_problems(spec, facts, rows.rows, validation_rows)
    counts = {"samples": rows.rows, "validation_samples": validation_rows}
    return spec.model_copy(update=counts), problems


def _typed(values: dict[str, Any]) -> tuple[JobSpec | None, list[Problem]]:
    """Check types and ranges; return a specification also when only keys that can be left out are wrong."""
    try:
        return JobSpec.model_validate(values), []
    except pydantic.ValidationError as error:
        entries = error.errors(include_url=False)
        # A default that follows from a wrong key is not wrong itself.
        problems = [_translated(entry) for entry in entries if entry["type"] != "default_factory_not_called"]
    wrong = {problem.path[0] for problem in problems}
    try:
        return JobSpec.model_validate(
            {key: value for key, value in values.items() if key not in wrong}
        ), problems
    except pydantic.ValidationError:
        return None, problems  # a key that must be there is wrong: nothing more can be told


def _translated(error: Any) -> Problem:
    """Return one of pydantic's errors in our words."""
    path: KeyPath = tuple(part for part in error["loc"] if not str(part).startswith("="))
    kind, value = error["type"], error["input"]
    top = str(path[0]) if path else ""
    if path and path[-1] == "[key]":
        return Problem(
            path[:-2], f"has a key of the wrong type (value {shown(path[-2])})", "use whole numbers"
        )
    if kind == "missing":
        return Problem(path, "is missing", _REMEDIES.get(top, "") if len(path) == 1 else "")
    if kind == "extra_forbidden":
        section = ".".join(part for part in path[:-1] if isinstance(part, str))
        return Problem(path, "unknown key", did_you_mean(str(path[-1]), _user_keys(section)))
    what, remedy = _WORDS.get(kind, (str(error["msg"]), ""))
    remedy = remedy.format(**error.get("ctx", {}))
    if len(path) == 1 and not remedy:
        remedy = _REMEDIES.get(top, "")
    return Problem(path, f"{what} (value {shown(value)})", remedy)


def _user_keys(section: str) -> list[str]:
    """Return the keys that a user may write in a section."""
    model = SECTIONS.get(section)
    return [key for key in model.model_fields if key not in _DERIVED] if model else []


def _absolute(path: str, folder: Path) -> str:
    return str(folder / Path(path).expanduser())


def _absolute_source(source: _Source, folder: Path) -> _Source:
    """Return a source with absolute paths: that of the file, or those of the `.npy` files."""
    if source.file is not None:
        return source.model_copy(update={"file": _absolute(source.file, folder)})
    columns = {c: getattr(source, c) for c in ("x", "y", "sample_weight")}
    return source.model_copy(
        update={c: _absolute(path, folder) for c, path in columns.items() if path is not None}
    )


def _check_model(spec: JobSpec, problems: list[Problem]) -> ModelFacts | None:
    if not isinstance(spec.model, str) or is_reference(spec.model):
        return None
    try:
        facts = inspect_model(Path(spec.model))
    except NoModel as error:
        problems.append(Problem(("model",), f"{spec.model} {error}", error.remedy))
        return None
    if not facts.has_weights and spec.kind != "fit":
        problems.append(
            Problem(
                ("model",),
                f"{spec.model} is a configuration without weights",
                f"to {spec.kind} give a .h5 file, or {{job: NAME}} of a fit job",
            )
        )
    elif facts.has_weights and not facts.compiled and spec.compile is None and spec.kind != "predict":
        problems.append(
            Problem(
                ("compile",),
                "is missing",
                f"a {spec.kind} job needs it, as {spec.model} was saved uncompiled",
            )
        )
    return facts


def _state_problems(
    spec: JobSpec, facts: ModelFacts | None, rows: int, validation_rows: int
) -> Iterator[Problem]:
    """Yield what stateful layers cannot work with."""
    if facts is None or not facts.stateful:
        return
    names = ", ".join(facts.stateful)
    if spec.kind != "fit":
        yield Problem(
            ("model",),
            f"{spec.model} keeps states from batch to batch (layers: {names}), and a {spec.kind} job "
            "computes its batches independently of each other",
            f"make these layers with stateful=False and load the weights, or call model.{spec.kind} yourself",
        )
        return
    if facts.batch is not None and spec.batch_size != facts.batch:
        yield Problem(
            ("batch_size",),
            f"is {spec.batch_size}, and {spec.model} keeps the states of {facts.batch} rows "
            f"(layers: {names})",
            f"use {facts.batch}",
        )
        return
    if spec.validation is not None and spec.validation.split is not None:
        rows -= validation_rows
    for path, count in ((("data",), rows), (("validation",), validation_rows)):
        if count % spec.batch_size:
            yield Problem(
                path,
                f"gives {count} rows, which do not fill batches of {spec.batch_size}; stateful layers "
                f"({names}) need whole ones",
                "use a number of rows that batch_size divides",
            )


def _check_source(
    source: DataSource, path: KeyPath, problems: list[Problem], *, needs_y: bool
) -> SourceFacts:
    found = inspect_source(source, path, needs_y=needs_y)
    if isinstance(found, SourceFacts):
        return found
    problems += found
    return SourceFacts(0, None)


def _check_validation(spec: JobSpec, rows: int, problems: list[Problem]) -> int:
    """Return the number of rows that are validated on."""
    if spec.validation is None:
        return 0
    if spec.validation.split is None:
        if not any((spec.validation.file, spec.validation.x, spec.validation.sequence)):
            return 0  # the rules have complained
        return _check_source(spec.validation, ("validation",), problems, needs_y=True).rows
    if spec.data.sequence is not None:
        problems.append(
            Problem(("validation", "split"), "cannot split a sequence", "give a validation source of its own")
        )
    validated = rows - int(rows * (1.0 - spec.validation.split))
    if rows and not 0 < validated < rows:
        problems.append(
            Problem(
                ("validation", "split"),
                f"leaves {rows - validated} of {rows} rows to train on and {validated} to validate on",
                "choose it so that both have some",
            )
        )
    return validated


def _check_row_shape(facts: ModelFacts | None, rows: SourceFacts, problems: list[Problem]) -> None:
    """Compare the rows with what the model takes, when both are known."""
    if facts is None or facts.input_shape is None or rows.row_shape is None:
        return
    wanted, got = facts.input_shape, rows.row_shape
    if len(wanted) != len(got) or any(w not in (None, g) for w, g in zip(wanted, got, strict=True)):
        problems.append(
            Problem(
                ("data", "x"),
                f"has rows of shape {got}, and the model takes {wanted}",
                "reshape the rows, or change the model's batch_input_shape",
            )
        )
