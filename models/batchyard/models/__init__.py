"""Keras-style models on PyTorch: build, train, save."""

from typing import TYPE_CHECKING

from batchyard.models.collection import collection_paused
from batchyard.models.on_demand import on_demand

with collection_paused():
    from batchyard.models import (
        activations,
        backend,
        callbacks,
        constraints,
        errors,
        initializers,
        layers,
        losses,
        metrics,
        optimizers,
        regularizers,
        training,
        utils,
    )
    from batchyard.models.compat import as_keras
    from batchyard.models.engine.clone import clone_model
    from batchyard.models.engine.input_layer import Input
    from batchyard.models.engine.model import Model
    from batchyard.models.engine.sequential import Sequential

if TYPE_CHECKING:
    from batchyard.models import datasets, preprocessing, saving, wrappers
    from batchyard.models.saving.config import model_from_json, model_from_yaml
    from batchyard.models.saving.loading import load_model
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        "batchyard.models.datasets",
        "batchyard.models.preprocessing",
        "batchyard.models.saving",
        "batchyard.models.saving.config:model_from_json",
        "batchyard.models.saving.config:model_from_yaml",
        "batchyard.models.saving.loading:load_model",
        "batchyard.models.wrappers",
    )

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "activations",
    "as_keras",
    "backend",
    "callbacks",
    "clone_model",
    "constraints",
    "datasets",
    "errors",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "model_from_json",
    "model_from_yaml",
    "optimizers",
    "preprocessing",
    "regularizers",
    "saving",
    "training",
    "utils",
    "wrappers",
]
