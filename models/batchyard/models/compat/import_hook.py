"""`import keras` gives this library."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from batchyard.models.compat.keras_1 import accept_keras_1
from batchyard.models.compat.keras_modules import KERAS_MODULES
from batchyard.models.compat.numpy_seed import seed_torch_with_numpy
from batchyard.models.compat.offered_names import offer_names
from batchyard.models.compat.time_distributed import offer_input_map
from batchyard.models.errors import BatchyardModelsError

__all__ = ["as_keras"]

#: The version whose API this is.
KERAS_VERSION = "2.2.4"


def as_keras() -> None:
    """Makes `import keras` and all that begins with `keras.` mean this library, in this process.

    Keras 1's spellings of arguments are accepted from then on too, with Keras's warnings, and
    `numpy.random.seed` fixes weights and dropout as well. May be called again.

    Raises:
        BatchyardModelsError: if another keras was imported already.

    Example:
        >>> import batchyard.models
        >>> batchyard.models.as_keras()  # doctest: +SKIP
        >>> from keras.layers import Dense  # doctest: +SKIP
    """
    if any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        return
    if "keras" in sys.modules:
        raise BatchyardModelsError(
            f"Another keras was imported before, from {getattr(sys.modules['keras'], '__file__', None)}. "
            "Call batchyard.models.as_keras() before the first `import keras`."
        )
    sys.meta_path.insert(0, _KerasFinder())
    accept_keras_1()
    offer_input_map()
    offer_names()
    seed_torch_with_numpy()


class _KerasFinder(MetaPathFinder):
    """Finds modules of the name keras, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras" and not fullname.startswith("keras."):
            return None
        if fullname not in KERAS_MODULES:
            # Not None: the search would go on in our own folders, and load a module twice.
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: batchyard.models has no counterpart of it.", name=fullname
            )
        return ModuleSpec(fullname, _KerasLoader(), is_package=True)


class _KerasLoader(Loader):
    """Loads our module under Keras's name, or a stand-in for several of ours."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        source = KERAS_MODULES[spec.name]
        return None if isinstance(source, str) else _StandIn(spec.name, source)

    def exec_module(self, module: ModuleType) -> None:
        source = KERAS_MODULES[module.__name__]
        if isinstance(source, str):
            ours = sys.modules[module.__name__] = import_module(source)
            _offer_children(module.__name__, ours)


def _offer_children(name: str, module: ModuleType) -> None:
    """Lets `keras.utils.np_utils` be found after `import keras`, where `keras.utils` is a module of ours."""
    children = {one.removeprefix(f"{name}.") for one in KERAS_MODULES if one.startswith(f"{name}.")}
    own = module.__dict__.get("__getattr__")

    def find(attribute: str) -> Any:
        if attribute in children:
            return import_module(f"{name}.{attribute}")
        if own is not None:
            return own(attribute)
        raise AttributeError(f"module {module.__name__!r} has no attribute {attribute!r}")

    if children:
        module.__dict__["__getattr__"] = find


class _StandIn(ModuleType):
    """A module that offers what several others have."""

    def __init__(self, name: str, sources: Sequence[str]) -> None:
        super().__init__(name, f"Stands for {name}: offers {', '.join(sources)}.")
        self.__path__: list[str] = []
        self._sources = sources
        if name == "keras":
            self.__version__ = KERAS_VERSION

    def __getattr__(self, name: str) -> Any:
        if f"{self.__name__}.{name}" in KERAS_MODULES:
            return import_module(f"{self.__name__}.{name}")
        if name == "__all__":
            return dir(self)
        if not (name.startswith("__") and name.endswith("__")):
            for source in self._sources:
                module = import_module(source)
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        names = {name for source in self._sources for name in getattr(import_module(source), "__all__", ())}
        prefix = f"{self.__name__}."
        children = {name[len(prefix) :] for name in KERAS_MODULES if name.startswith(prefix)}
        return sorted(names | {child for child in children if "." not in child})
