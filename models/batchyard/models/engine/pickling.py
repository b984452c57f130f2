"""Models as bytes for `pickle` and `copy.deepcopy`: a model file, and the custom classes by reference.

As in Keras a pickled model is its HDF5 file. A graph of layers itself would be as deep as the model: Python's
pickle takes no more than a few dozen layers.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchyard.models.engine.states import set_state_arrays, state_arrays
from batchyard.models.engine.structure import map_structure
from batchyard.models.errors import NotSerializableError
from batchyard.models.saving.custom_objects import CustomObjectScope

if TYPE_CHECKING:
    from batchyard.models.engine.model import Model

__all__ = ["Pickling"]


class Pickling:
    """How a model is pickled and copied; of a class of its own, or not built yet, as any Python object is.

    Custom layers, losses and metrics are pickled by reference, as Python does with all classes and functions.
    A Lambda of a function without a name is pickled as code, which unpickling refuses, as loading does.
    """

    built: bool

    if TYPE_CHECKING:

        @property
        def is_subclassed(self) -> bool:
            """See `Model`."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Returns what `pickle` writes."""
        if self.is_subclassed or not self.built:
            return super().__reduce_ex__(protocol)
        return _from_bytes, _parts(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Returns a model with the same weights and the same state of the optimizer."""
        if self.is_subclassed or not self.built:
            return self._copied_part_by_part(memo)
        try:
            parts = _parts(self)
        except NotSerializableError:  # what no file can hold, such as a torch module made already
            return self._copied_part_by_part(memo)
        # Code in it is this process's own.
        memo[id(self)] = found = _from_bytes(*parts, safe_mode=False)
        _copy_what_no_file_holds(self, found)
        return found

    def _copied_part_by_part(self, memo: dict[int, Any]) -> Any:
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied


def _copy_what_no_file_holds(source: Any, target: Any) -> None:
    """Copies the states of stateful layers, and the loss scale of mixed precision."""
    from batchyard.models.training.computation import computation_of

    set_state_arrays(target, state_arrays(source), source.device)
    scale, other = computation_of(source).loss_scale, computation_of(target).loss_scale
    if scale is not None and other is not None:
        other.set_state(scale.get_state())


def _parts(model: Any) -> tuple[bytes, dict[str, Any], bool]:
    """Returns the model's file, what it names, and whether it is compiled."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Keras 2.2.4 can't open")  # which need not
        model.save(buffer)
    return buffer.getvalue(), _references(model), model.is_compiled


def _from_bytes(data: bytes, objects: Mapping[str, Any], compiled: bool, safe_mode: bool = True) -> Model:
    from batchyard.models.saving import load_model

    with CustomObjectScope(objects):
        model: Model = load_model(io.BytesIO(data), compile=compiled, safe_mode=safe_mode)
    return model


def _references(model: Any) -> dict[str, Any]:
    """Returns the classes and functions that are not the library's, by the names that the file uses."""
    found: list[Any] = []
    for layer in model._with_inner_layers():
        found += [type(layer), getattr(layer, "function", None), getattr(layer, "_factory", None)]
    for argument in (model._compile_arguments or {}).values():
        map_structure(argument, found.append)
    return {
        one.__name__: one
        for one in found
        if callable(one) and hasattr(one, "__name__") and _is_foreign(one) and one.__name__ != "<lambda>"
    }


def _is_foreign(value: Any) -> bool:
    return not str(getattr(value, "__module__", "")).startswith("batchyard.models.")
