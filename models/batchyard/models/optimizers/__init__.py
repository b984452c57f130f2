"""Optimizers, with Keras 2.2.4's formulas."""

from batchyard.models.optimizers.adadelta import Adadelta
from batchyard.models.optimizers.adagrad import Adagrad
from batchyard.models.optimizers.adam import Adam
from batchyard.models.optimizers.adamax import Adamax
from batchyard.models.optimizers.lookup import deserialize, get, serialize
from batchyard.models.optimizers.nadam import Nadam
from batchyard.models.optimizers.optimizer import Optimizer
from batchyard.models.optimizers.rmsprop import RMSprop
from batchyard.models.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "Adamax",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "serialize",
]
