"""Every public name of Keras 2.2.4 is here, with its parameters, defaults, methods and properties."""

import ast
import importlib
import inspect
import json
from pathlib import Path

import pytest

from batchyard import models
from batchyard.models.backend.excepted import EXCEPTED
from batchyard.models.compat.keras_modules import KERAS_MODULES

API = json.loads((Path(__file__).parent / "data" / "keras_2_2_4_api.json").read_text())
NAMES = [(module, name) for module, names in API.items() for name in names]

#: Names that are not here, and why.
MISSING = {f"keras.backend.{name}": reason for name, reason in EXCEPTED.items()} | {
    "keras.optimizers.TFOptimizer": "wraps an optimizer of TensorFlow",
}
#: Names whose parameters differ, and why.
OTHER_PARAMETERS = {
    "keras.callbacks.ReduceLROnPlateau": "**kwargs holds epsilon only, which is spelled out",
    "keras.engine.network.Network": "*args and **kwargs are spelled out",
    "keras.engine.topology.Network": "*args and **kwargs are spelled out",
    "keras.optimizers.Optimizer": "**kwargs are spelled out: lr, clipnorm, clipvalue",
    "keras.preprocessing.image.ImageDataGenerator": "the library's later version has one parameter more",
}
#: The sources of the library.
SOURCES = sorted(Path(models.__file__).parent.rglob("*.py"))


def ours(module, name):
    """Returns what stands for a name of Keras, as its alias would find it."""
    if module == "keras.preprocessing.image":
        pytest.importorskip("keras_preprocessing")
    sources = KERAS_MODULES[module]
    for source in [sources] if isinstance(sources, str) else sources:
        found = getattr(importlib.import_module(source), name, None)
        if found is not None:
            return found
    raise AttributeError(f"{module} has no {name}")


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{module}.{name}" for module, name in NAMES])
def test_a_name_of_keras_is_here_with_its_parameters_and_members(module, name):
    path, described = f"{module}.{name}", API[module][name]
    if path in MISSING:
        with pytest.raises(AttributeError):
            ours(module, name)
        return
    found = ours(module, name)
    # Members that are set by `__init__` are annotated in the class.
    annotated = {key for kind in getattr(found, "__mro__", ()) for key in inspect.get_annotations(kind)}
    lacking = [
        one for one in described.get("members", ()) if one not in annotated and not hasattr(found, one)
    ]
    assert not lacking
    if "args" in described and path not in OTHER_PARAMETERS:
        check_parameters(path, found, described["args"])


def check_parameters(path, found, described):
    parameters = inspect.signature(getattr(found, "_keras_2", found)).parameters
    positional = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    wanted = [one.partition("=") for one in described if not one.startswith("*")]
    assert positional[: len(wanted)] == [name for name, _, _ in wanted]
    for name, has_default, default in wanted:
        if has_default:
            assert parameters[name].default == ast.literal_eval(default), f"{path}: {name}"
        else:
            assert parameters[name].default is inspect.Parameter.empty, f"{path}: {name}"
    kinds = {p.kind for p in parameters.values()}
    if any(one.startswith("*") and not one.startswith("**") for one in described):
        assert inspect.Parameter.VAR_POSITIONAL in kinds
    if any(one.startswith("**") for one in described):
        # What Keras takes as **kwargs and then checks by hand may be spelled out.
        assert inspect.Parameter.VAR_KEYWORD in kinds or len(parameters) > len(wanted)


def test_what_is_listed_as_missing_or_different_is_a_name_of_keras():
    known = {f"{module}.{name}" for module, name in NAMES}
    assert known >= MISSING.keys()
    assert known >= OTHER_PARAMETERS.keys()


def test_the_list_of_names_is_whole():
    assert len(NAMES) == sum(len(names) for names in API.values()) > 700
    assert len(API["keras.layers"]) > 120
    assert len(API["keras.backend"]) > 150


def test_the_backend_has_a_name_of_its_own():
    assert models.backend.backend() == "torch"


@pytest.mark.parametrize("path", SOURCES, ids=[str(p.relative_to(SOURCES[0].parent)) for p in SOURCES])
def test_nothing_says_that_it_is_not_implemented(path):
    raised = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise) and "NotImplemented" in ast.dump(node)
    ]
    assert not raised
