"""From the model section of a job to a compiled model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from batchyard.models import Model, load_model, model_from_json, model_from_yaml
from batchyard.models.backend import clear_session
from batchyard.models.errors import BatchyardModelsError
from batchyard.models.training import derive_seed, lane_scope
from batchyard.scheduler.jobs.spec import Compile, JobSpec, ModelOfJob
from batchyard.scheduler.store import Store
from batchyard.workers.errors import ModelSpecError, UserCodeError
from batchyard.workers.user_code import load_factory, names_code

__all__ = ["model_from_spec"]

#: Where a job's models lie in its folder.
MODEL_FILES = {"final": Path("model.h5"), "best": Path("checkpoints", "best.h5")}


def model_from_spec(spec: JobSpec, seed: int, store: Store | None = None) -> Model:
    """Build a job's model and compile it.

    Equal specifications and seeds give equal weights, names included, in every process.

    Args:
        spec: the job.
        seed: initial weights derive from it.
        store: tells where another job's model lies; needed for `model: {job: …}` only.

    Raises:
        ModelSpecError: It cannot be built.
        CodeNotAllowed: It is a `module:factory`, and this worker runs no users' Python.
    """
    clear_session()
    with _seeded(seed):
        try:
            model = _uncompiled(spec, store)
            if spec.compile is not None:
                model.compile(**_compile_arguments(spec.compile))
        except (BatchyardModelsError, TypeError, ValueError) as error:
            if isinstance(error, ModelSpecError | UserCodeError):
                raise
            raise ModelSpecError(f"the model {_describe(spec)} cannot be built: {error}") from error
    if spec.kind != "predict" and getattr(model, "optimizer", None) is None:
        raise ModelSpecError(
            f"the model {_describe(spec)} is not compiled; give the job a `compile` section (optimizer, loss)"
        )
    return model


def _uncompiled(spec: JobSpec, store: Store | None) -> Model:
    if isinstance(spec.model, ModelOfJob):
        if store is None:
            raise ModelSpecError(f"the model of job {spec.model.job} needs the store to be found")
        path = Path(store.job(spec.model.job).directory) / MODEL_FILES[spec.model.which]
        return _from_file(path, spec)
    if names_code(spec.model):
        model = load_factory(spec.model, spec.code_directory)()
        if not isinstance(model, Model):
            raise UserCodeError(f"{spec.model}: expected a batchyard Model, received {type(model).__name__}")
        return model
    return _from_file(Path(spec.model), spec)


def _from_file(path: Path, spec: JobSpec) -> Model:
    if not path.is_file():
        raise ModelSpecError(f"{path}: there is no such model file on this worker; is the folder shared?")
    if path.suffix == ".json":
        return model_from_json(path.read_text("utf-8"))
    if path.suffix in (".yaml", ".yml"):
        return model_from_yaml(path.read_text("utf-8"))
    # Without compile arguments of the job, those in the file count; predict needs none.
    return load_model(path, compile=spec.compile is None and spec.kind != "predict")


def _compile_arguments(section: Compile) -> dict[str, Any]:
    arguments = section.model_dump(mode="json")
    return {name: value for name, value in arguments.items() if value is not None}


def _describe(spec: JobSpec) -> str:
    if isinstance(spec.model, ModelOfJob):
        return f"of job {spec.model.job} ({spec.model.which})"
    return spec.model


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let all randomness of the block derive from the job's seed, whatever a factory draws from."""
    derived = derive_seed(seed, -1, 0, 0)
    numpy_state = np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), lane_scope(seed, -1, 0, 0):
        torch.manual_seed(derived)
        np.random.seed(derived % (1 << 32))
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
