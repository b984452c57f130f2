"""How weights begin. Initializers have Keras's second names too."""

from batchyard.models.initializers.initializers import (
    Constant,
    Identity,
    Initializer,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
)
from batchyard.models.initializers.initializers import Constant as constant
from batchyard.models.initializers.initializers import Identity as identity
from batchyard.models.initializers.initializers import Ones as one
from batchyard.models.initializers.initializers import Ones as ones
from batchyard.models.initializers.initializers import Orthogonal as orthogonal
from batchyard.models.initializers.initializers import RandomNormal as normal
from batchyard.models.initializers.initializers import RandomNormal as random_normal
from batchyard.models.initializers.initializers import RandomUniform as random_uniform
from batchyard.models.initializers.initializers import RandomUniform as uniform
from batchyard.models.initializers.initializers import TruncatedNormal as truncated_normal
from batchyard.models.initializers.initializers import Zeros as zero
from batchyard.models.initializers.initializers import Zeros as zeros
from batchyard.models.initializers.lookup import deserialize, get, serialize

__all__ = [
    "Constant",
    "Identity",
    "Initializer",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "one",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "uniform",
    "zero",
    "zeros",
]
