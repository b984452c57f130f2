"""What pooling over the whole space shares."""

from __future__ import annotations

from typing import Any, ClassVar

from batchyard.models.backend.configuration import normalize_data_format
from batchyard.models.engine.input_spec import InputSpec
from batchyard.models.engine.layer import Layer
from batchyard.models.engine.symbolic import Shape

__all__ = ["GlobalPooling"]


class GlobalPooling(Layer):
    """Makes one number of each channel; `rank` is the number of axes over which it is taken."""

    rank: ClassVar[int]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        #: Later versions of Keras: whether the axes of the space stay, with one element each.
        self.keepdims = keepdims
        self.data_format = normalize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _space(self) -> list[int]:
        """The axes over which the number is taken."""
        first = 2 if self.data_format == "channels_first" else 1
        return list(range(first, first + self.rank))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns (batch, channels), with the axes of the space if these are kept."""
        if self.keepdims:
            return tuple(1 if axis in self._space else size for axis, size in enumerate(input_shape))
        return (input_shape[0], input_shape[1 if self.data_format == "channels_first" else -1])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`; `keepdims` only where it says something."""
        config = {**super().get_config(), "data_format": self.data_format}
        return {**config, "keepdims": True} if self.keepdims else config
