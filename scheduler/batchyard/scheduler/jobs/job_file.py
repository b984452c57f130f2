"""Job files: one job, or `jobs:` with several that may use each other's models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batchyard.scheduler.errors import JobFileError
from batchyard.scheduler.jobs.check import check
from batchyard.scheduler.jobs.document import Document
from batchyard.scheduler.jobs.problem import KeyPath, Problem, did_you_mean
from batchyard.scheduler.jobs.rules import meaningless_keys
from batchyard.scheduler.jobs.spec import JobSpec, ModelOfJob

__all__ = ["check_spec", "load_job_file"]


def load_job_file(path: str | Path) -> list[JobSpec]:
    """Read and check a job file.

    Args:
        path: A YAML (or JSON) file.

    Returns:
        Its jobs, in an order in which each comes after those that it waits for. Paths are absolute and rows
        are counted; `model.job` and `after` hold the names that the file uses.

    Raises:
        JobFileError: Something is wrong with it; lists every problem with its line.
    """
    path = Path(path)
    document = Document.read(path)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-") or "job"
    problems: list[tuple[KeyPath, Problem]] = []
    specs: dict[int, JobSpec] = {}
    sections = _sections(document.value, problems)
    for prefix, values in sections:
        default = stem if len(sections) == 1 else f"{stem}-{len(specs) + 1}"
        checked = check(values, path.absolute().parent, default)
        problems += [(prefix, problem) for problem in checked.problems]
        if checked.spec is not None:
            specs[sections.index((prefix, values))] = checked.spec
    named = [(sections[i][0], spec) for i, spec in specs.items()]
    if len(named) == len(sections):
        problems += _link_problems(named)
    if problems:
        located = [((*prefix, *problem.path), problem) for prefix, problem in problems]
        located.sort(key=lambda entry: document.line(entry[0]))
        raise JobFileError(
            f"{document.place(path)}: {Problem(path, problem.what, problem.remedy)}"
            for path, problem in located
        )
    return _ordered([spec for _, spec in named])


def check_spec(values: Mapping[str, Any] | JobSpec, folder: Path | None = None) -> JobSpec:
    """Check one job that was written in Python.

    Args:
        values: Its keys, as in a job file.
        folder: What relative paths start at. Default: the current folder.

    Raises:
        JobFileError: Something is wrong with it; lists every problem with its key.
    """
    if isinstance(values, JobSpec):
        derived = {"samples", "validation_samples", *meaningless_keys(values.kind)}
        values = values.model_dump(mode="json", exclude=derived)
    plain = dict(values)
    code_directory = plain.pop("code_directory", None)
    checked = check(plain, folder or Path.cwd())
    if checked.spec is None:
        name = plain.get("name", "job")
        raise JobFileError(f"job {name!r}: {problem}" for problem in checked.problems)
    return (
        checked.spec.model_copy(update={"code_directory": code_directory}) if code_directory else checked.spec
    )


def _sections(value: Any, problems: list[tuple[KeyPath, Problem]]) -> list[tuple[KeyPath, Any]]:
    """Return the jobs of a file with their key paths."""
    if not isinstance(value, dict) or "jobs" not in value:
        return [((), value)]
    for key in value:
        if key != "jobs":
            problems.append(((), Problem((str(key),), "cannot stand beside jobs", "move it into each job")))
    if not isinstance(value["jobs"], list) or not value["jobs"]:
        problems.append(((), Problem(("jobs",), "must be a list of jobs", "begin each with - kind: …")))
        return []
    return [(("jobs", position), entry) for position, entry in enumerate(value["jobs"])]


def _waits_for(spec: JobSpec) -> dict[KeyPath, str]:
    """Return the jobs that a job names, by key path."""
    names: dict[KeyPath, str] = {("after", i): name for i, name in enumerate(spec.after)}
    if isinstance(spec.model, ModelOfJob):
        names["model", "job"] = spec.model.job
    return names


def _link_problems(named: Sequence[tuple[KeyPath, JobSpec]]) -> list[tuple[KeyPath, Problem]]:
    """Return what is wrong with the names of jobs, and with who waits for whom."""
    problems: list[tuple[KeyPath, Problem]] = []
    kinds: dict[str, str] = {}
    for prefix, spec in named:
        if spec.name in kinds:
            problems.append((prefix, Problem(("name",), f"two jobs are called {spec.name!r}", "rename one")))
        kinds.setdefault(spec.name, spec.kind)
    for prefix, spec in named:
        if isinstance(spec.model, ModelOfJob) and kinds.get(spec.model.job, "fit") != "fit":
            remedy = did_you_mean(spec.model.job, [n for n, kind in kinds.items() if kind == "fit"])
            what = f"{spec.model.job!r} is a {kinds[spec.model.job]} job, which makes no model"
            problems.append((prefix, Problem(("model", "job"), what, remedy)))
    blocked = {spec.name for spec in _unordered([spec for _, spec in named])}
    for prefix, spec in named:
        if spec.name in blocked:
            path = next(path for path, name in _waits_for(spec).items() if name in blocked)
            waits = _waits_for(spec)[path]
            what = "waits for itself" if waits == spec.name else f"and job {waits!r} wait for each other"
            problems.append((prefix, Problem(path, f"job {spec.name!r} {what}", "let one go first")))
    return problems


def _ordered(specs: Sequence[JobSpec]) -> list[JobSpec]:
    """Return the jobs so that each comes after those of the file that it waits for."""
    done: list[JobSpec] = []
    waiting = list(specs)
    while waiting:
        open_names = {spec.name for spec in waiting}
        ready = next((s for s in waiting if not open_names & (set(_waits_for(s).values()))), None)
        if ready is None:
            break
        done.append(ready)
        waiting.remove(ready)
    return done


def _unordered(specs: Sequence[JobSpec]) -> list[JobSpec]:
    """Return the jobs that can never start, because they wait in a circle."""
    done = _ordered(specs)
    return [spec for spec in specs if spec not in done]
