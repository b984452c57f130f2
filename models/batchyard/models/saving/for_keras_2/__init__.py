"""Models written so that Keras 2.2.4 itself opens them, although they hold what only later versions have.

Files of later versions bring layers, arguments, activations and optimizers that Keras 2.2.4 does not know.
`differences.py` names them; `conversion.py` makes a model of Keras 2.2.4's own classes that computes the
same, where there is one.
"""

from batchyard.models.saving.for_keras_2.conversion import Converted, convert_for_keras_2
from batchyard.models.saving.for_keras_2.differences import (
    differences,
    refuse_differences,
    warn_of_differences,
)
from batchyard.models.saving.for_keras_2.training import training_for_keras_2, warn_of_clipping

__all__ = [
    "Converted",
    "convert_for_keras_2",
    "differences",
    "refuse_differences",
    "training_for_keras_2",
    "warn_of_clipping",
    "warn_of_differences",
]
