"""What SimpleRNN, GRU and LSTM share: an RNN whose arguments are its cell's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Self

from batchyard.models import regularizers
from batchyard.models.layers.recurrent.cell import RecurrentCell
from batchyard.models.layers.recurrent.rnn import RNN

__all__ = ["GatedRNN", "OfCell"]


class OfCell:
    """Something that can be read at the layer although its cell has it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: GatedRNN | None, owner: type) -> Any:
        return self if layer is None else getattr(layer.cell, self._name)


class GatedRNN(RNN):
    """An RNN with one of this library's cells, whose arguments are the layer's own.

    Args:
        cell: made by the subclass.
        activity_regularizer: penalty on the output, summed over the rows.
        **kwargs: of `RNN`.
    """

    _only_reads = True
    cell: RecurrentCell
    units = OfCell()
    activation = OfCell()
    use_bias = OfCell()
    kernel_initializer = OfCell()
    recurrent_initializer = OfCell()
    bias_initializer = OfCell()
    kernel_regularizer = OfCell()
    recurrent_regularizer = OfCell()
    bias_regularizer = OfCell()
    kernel_constraint = OfCell()
    recurrent_constraint = OfCell()
    bias_constraint = OfCell()
    dropout = OfCell()
    recurrent_dropout = OfCell()

    def __init__(self, cell: RecurrentCell, activity_regularizer: Any = None, **kwargs: Any) -> None:
        if cell.implementation == 0:
            warnings.warn(
                "`implementation=0` is deprecated: it computes what implementation=1 does, which is the "
                "default. Leave it out.",
                UserWarning,
                stacklevel=3,
            )
        super().__init__(cell, **kwargs)
        self.activity_regularizer = regularizers.get(activity_regularizer)

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
