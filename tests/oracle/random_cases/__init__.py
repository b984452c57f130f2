"""Random cases for real Keras 2.2.4 and this library: each kind is a function of a seed."""

from tests.oracle.random_cases.graphs import graphs
from tests.oracle.random_cases.objectives import objectives, optimizers
from tests.oracle.random_cases.recurrent import recurrent
from tests.oracle.random_cases.single_layers import single_layer

__all__ = ["graphs", "objectives", "optimizers", "recurrent", "single_layer"]
