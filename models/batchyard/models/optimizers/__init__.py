"""Optimizers, with Keras 2.2.4's formulas. Each has Keras's second name too, which is also its module's."""

from batchyard.models.optimizers.adadelta import Adadelta
from batchyard.models.optimizers.adadelta import Adadelta as adadelta
from batchyard.models.optimizers.adagrad import Adagrad
from batchyard.models.optimizers.adagrad import Adagrad as adagrad
from batchyard.models.optimizers.adam import Adam
from batchyard.models.optimizers.adam import Adam as adam
from batchyard.models.optimizers.adamax import Adamax
from batchyard.models.optimizers.adamax import Adamax as adamax
from batchyard.models.optimizers.adamw import AdamW
from batchyard.models.optimizers.later_rmsprop import LaterRMSprop
from batchyard.models.optimizers.lookup import deserialize, get, serialize
from batchyard.models.optimizers.nadam import Nadam
from batchyard.models.optimizers.nadam import Nadam as nadam
from batchyard.models.optimizers.optimizer import Optimizer
from batchyard.models.optimizers.rmsprop import RMSprop
from batchyard.models.optimizers.rmsprop import RMSprop as rmsprop
from batchyard.models.optimizers.sgd import SGD
from batchyard.models.optimizers.sgd import SGD as sgd
from batchyard.models.optimizers.updates import clip_norm

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LaterRMSprop",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "clip_norm",
    "deserialize",
    "get",
    "nadam",
    "rmsprop",
    "serialize",
    "sgd",
]
