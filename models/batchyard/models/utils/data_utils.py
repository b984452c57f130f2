"""Keras's module of that name."""

from batchyard.models.utils.generator_enqueuer import GeneratorEnqueuer
from batchyard.models.utils.get_file import get_file, validate_file
from batchyard.models.utils.get_file import hash_file as _hash_file
from batchyard.models.utils.ordered_enqueuer import OrderedEnqueuer
from batchyard.models.utils.sequence import Sequence
from batchyard.models.utils.sequence_enqueuer import (
    SequenceEnqueuer,
    get_index,
    init_pool,
    init_pool_generator,
    next_sample,
)

__all__ = [
    "GeneratorEnqueuer",
    "OrderedEnqueuer",
    "Sequence",
    "SequenceEnqueuer",
    "_hash_file",
    "get_file",
    "get_index",
    "init_pool",
    "init_pool_generator",
    "next_sample",
    "validate_file",
]
