"""Images from files, and changed at random: all from the library keras-preprocessing, loaded when used."""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from batchyard.models import backend
from batchyard.models.errors import MissingPackageError
from batchyard.models.utils.sequence import Sequence

if TYPE_CHECKING:
    # What `__getattr__` finds; the library has no types.
    DirectoryIterator: Any
    ImageDataGenerator: Any
    Iterator: Any
    NumpyArrayIterator: Any
    apply_affine_transform: Any
    apply_brightness_shift: Any
    apply_channel_shift: Any
    array_to_img: Any
    img_to_array: Any
    load_img: Any
    random_brightness: Any
    random_channel_shift: Any
    random_rotation: Any
    random_shear: Any
    random_shift: Any
    random_zoom: Any
    save_img: Any

__all__ = [
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
]


def __getattr__(name: str) -> Any:
    """Gives a name of the library, with Keras's defaults for data format and float type.

    Raises:
        MissingPackageError: if keras-preprocessing is not installed.
    """
    if name in __all__:
        return _names()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _names() -> dict[str, Any]:
    if find_spec("keras_preprocessing") is None:
        raise MissingPackageError(
            "Images need keras-preprocessing: pip install keras-preprocessing==1.1.2 pillow scipy."
        )
    library = import_module("keras_preprocessing.image")
    scipy = import_module("scipy.ndimage")
    # The library knows scipy's function by a path that will go away.
    transformations: Any = import_module("keras_preprocessing.image.affine_transformations")
    transformations.ndimage = SimpleNamespace(interpolation=scipy)
    Sequence.register(library.Iterator)  # it can all that a Sequence can, and is read like one
    names = {name: getattr(library, name) for name in __all__}
    for name in ("ImageDataGenerator", "DirectoryIterator", "NumpyArrayIterator"):
        names[name] = _with_defaults(names[name])

    def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
        """Returns an array as a Pillow image."""
        return library.array_to_img(
            x, data_format or backend.image_data_format(), scale, dtype or backend.floatx()
        )

    def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Any:
        """Returns a Pillow image as an array."""
        return library.img_to_array(
            img, data_format or backend.image_data_format(), dtype or backend.floatx()
        )

    def save_img(
        path: Any,
        x: Any,
        data_format: str | None = None,
        file_format: str | None = None,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        """Writes an array as an image file."""
        library.save_img(path, x, data_format or backend.image_data_format(), file_format, scale, **kwargs)

    return {**names, "array_to_img": array_to_img, "img_to_array": img_to_array, "save_img": save_img}


def _with_defaults(kind: Any) -> Any:
    """Returns a subclass that asks the backend where the library has fixed defaults."""
    signature = inspect.signature(kind.__init__)
    signature = signature.replace(
        parameters=[
            one.replace(default=None) if one.name in ("data_format", "dtype") else one
            for one in signature.parameters.values()
        ]
    )

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        given = signature.bind(self, *args, **kwargs).arguments
        given["data_format"] = given.get("data_format") or backend.image_data_format()
        given["dtype"] = given.get("dtype") or backend.floatx()
        kind.__init__(**given)

    init.__signature__ = signature  # type: ignore[attr-defined]
    return type(kind.__name__, (kind,), {"__init__": init, "__doc__": kind.__doc__, "__module__": __name__})
