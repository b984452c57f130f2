"""Every public name of Keras 2.2.4 in utils, preprocessing, datasets, callbacks and wrappers is here."""

import ast
import importlib
import inspect
import json
from pathlib import Path

import pytest

from batchyard.models.compat.keras_modules import KERAS_MODULES

API = json.loads((Path(__file__).parent / "data" / "keras_2_2_4_api_utils.json").read_text())

#: What is not here yet.
MISSING = {
    "keras.utils.multi_gpu_model",
    "keras.utils.generic_utils.func_dump",
    "keras.utils.generic_utils.func_load",
    "keras.utils.multi_gpu_utils.multi_gpu_model",
    "keras.utils.test_utils.layer_test",
}
#: Halves of Keras's decorators for old spellings; ours are in `compat.keras_1`, in a form of their own.
MISSING |= {
    f"keras.legacy.interfaces.{name}"
    for name in API["keras.legacy.interfaces"]
    if name.endswith(("_preprocessor", "_preprocessing"))
}
#: Whose parameters differ, and why.
OTHER_PARAMETERS = {
    "keras.callbacks.CallbackList": "no queue_length: batches are not timed",
    "keras.callbacks.ReduceLROnPlateau": "epsilon, the old name of min_delta, is not in **kwargs",
    "keras.preprocessing.image.ImageDataGenerator": "the library's own, behind *args and **kwargs",
    "keras.preprocessing.image.DirectoryIterator": "the library's own, behind *args and **kwargs",
    "keras.preprocessing.image.NumpyArrayIterator": "the library's own, behind *args and **kwargs",
    "keras.utils.CustomObjectScope": "*objects, and not *args",
    "keras.utils.custom_object_scope": "*objects, and not *args",
    "keras.utils.generic_utils.CustomObjectScope": "*objects, and not *args",
    "keras.utils.generic_utils.custom_object_scope": "*objects, and not *args",
}

NAMES = [(module, name) for module, names in API.items() for name in names]


def ours(module, name):
    source = KERAS_MODULES[module]
    assert isinstance(source, str)
    if module.startswith("keras.preprocessing.image"):
        pytest.importorskip("keras_preprocessing")
    return getattr(importlib.import_module(source), name)


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{module}.{name}" for module, name in NAMES])
def test_a_name_of_keras_is_here_with_the_same_parameters(module, name):
    path, described = f"{module}.{name}", API[module][name]
    if path in MISSING:
        with pytest.raises((AttributeError, KeyError)):
            ours(module, name)
        return
    found = ours(module, name)
    for member in (*described.get("methods", ()), *described.get("properties", ())):
        assert hasattr(found, member), member
    if "args" not in described or path in OTHER_PARAMETERS or not callable(found):
        return
    parameters = inspect.signature(found).parameters
    for wanted in described["args"]:
        name, _, default = wanted.lstrip("*").partition("=")
        assert name in parameters, f"{path} lacks the parameter {name}"
        if default:
            assert parameters[name].default == ast.literal_eval(default), name
    positional = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    wanted = [w.partition("=")[0] for w in described["args"] if not w.startswith("*")]
    assert positional[: len(wanted)] == wanted


def test_what_is_listed_as_missing_or_different_is_a_name_of_keras():
    known = {f"{module}.{name}" for module, name in NAMES}
    assert known >= MISSING
    assert known >= OTHER_PARAMETERS.keys()
