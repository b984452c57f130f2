"""What SimpleRNN, GRU and LSTM share: an RNN whose arguments are its cell's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from batchyard.models import regularizers
from batchyard.models.layers.recurrent.cell import RecurrentCell
from batchyard.models.layers.recurrent.rnn import RNN

__all__ = ["GatedRNN"]

#: What can be read at the layer although the cell has it.
_OF_CELL = (
    "units",
    "activation",
    "recurrent_activation",
    "use_bias",
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "unit_forget_bias",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "dropout",
    "recurrent_dropout",
    "implementation",
    "reset_after",
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
)


class GatedRNN(RNN):
    """An RNN with one of this library's cells, whose arguments are the layer's own.

    Args:
        cell: made by the subclass.
        activity_regularizer: penalty on the output, summed over the rows.
        **kwargs: of `RNN`.
    """

    cell: RecurrentCell

    def __init__(self, cell: RecurrentCell, activity_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self.activity_regularizer = regularizers.get(activity_regularizer)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_CELL:
            return getattr(self.cell, name)
        return super().__getattr__(name)

    def _cell_config(self) -> dict[str, Any]:
        config = self.cell.get_config()
        for name in ("name", "trainable", "dtype"):
            config.pop(name, None)
        return {**config, "activity_regularizer": regularizers.serialize(self.activity_regularizer)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes a layer from what `get_config` returned.

        Args:
            config: the description; `implementation` 0 of old files means 1.
            custom_objects: further names that it may use.
        """
        given = dict(config)
        if given.get("implementation") == 0:
            given["implementation"] = 1
        return cls(**given)
