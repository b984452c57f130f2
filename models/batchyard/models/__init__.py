"""Keras-style models on PyTorch: build, train, save."""

from batchyard.models import (
    activations,
    backend,
    callbacks,
    constraints,
    datasets,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    preprocessing,
    regularizers,
    saving,
    training,
    utils,
    wrappers,
)
from batchyard.models.compat import as_keras
from batchyard.models.engine.clone import clone_model
from batchyard.models.engine.input_layer import Input
from batchyard.models.engine.model import Model
from batchyard.models.engine.sequential import Sequential
from batchyard.models.saving import load_model, model_from_json, model_from_yaml

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
