"""What `keras.backend.common` offers beyond the backend: Keras 1's words for the data format."""

from __future__ import annotations

from batchyard.models.backend import image_data_format, set_image_data_format
from batchyard.models.errors import InvalidArgumentError

__all__ = ["image_dim_ordering", "set_image_dim_ordering"]

_FORMATS = {"tf": "channels_last", "th": "channels_first"}


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Sets where images have their channels.

    Args:
        dim_ordering: "tf" for the last axis, "th" for the first.
    """
    if dim_ordering not in _FORMATS:
        raise InvalidArgumentError(f"dim_ordering must be 'tf' or 'th'. Received: {dim_ordering!r}.")
    set_image_data_format(_FORMATS[dim_ordering])


def image_dim_ordering() -> str:
    """Returns where images have their channels: "tf" for the last axis, "th" for the first."""
    return "th" if image_data_format() == "channels_first" else "tf"
