"""Settings and state that all of the library shares."""

from batchyard.models.backend.configuration import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    normalize_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    torch_dtype,
)
from batchyard.models.backend.hyper_parameter import HyperParameter, get_value, set_value
from batchyard.models.backend.learning_phase import learning_phase, learning_phase_scope
from batchyard.models.backend.names import clear_session, get_uid, reset_uids, unique_name

__all__ = [
    "HyperParameter",
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "get_value",
    "image_data_format",
    "learning_phase",
    "learning_phase_scope",
    "normalize_data_format",
    "reset_uids",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_value",
    "torch_dtype",
    "unique_name",
]
