"""What goes with models: sources of batches, files, pictures. The folder's name is Keras's."""

from typing import TYPE_CHECKING

from batchyard.models.callbacks.progress_bar import Progbar
from batchyard.models.engine.summary import print_summary
from batchyard.models.on_demand import on_demand
from batchyard.models.saving.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
)
from batchyard.models.utils.categorical import to_categorical
from batchyard.models.utils.generator_enqueuer import GeneratorEnqueuer
from batchyard.models.utils.get_file import get_file
from batchyard.models.utils.keras_object import deserialize_keras_object, serialize_keras_object
from batchyard.models.utils.normalize import normalize
from batchyard.models.utils.ordered_enqueuer import OrderedEnqueuer
from batchyard.models.utils.sequence import Sequence
from batchyard.models.utils.source_inputs import get_source_inputs

if TYPE_CHECKING:
    from batchyard.models.utils.convert_kernels import convert_all_kernels_in_model
    from batchyard.models.utils.h5_dictionary import h5dict
    from batchyard.models.utils.hdf5_matrix import HDF5Matrix
    from batchyard.models.utils.model_picture import plot_model
    from batchyard.models.utils.multi_gpu import multi_gpu_model
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        "batchyard.models.utils.convert_kernels:convert_all_kernels_in_model",
        "batchyard.models.utils.h5_dictionary:h5dict",
        "batchyard.models.utils.hdf5_matrix:HDF5Matrix",
        "batchyard.models.utils.model_picture:plot_model",
        "batchyard.models.utils.multi_gpu:multi_gpu_model",
    )

__all__ = [
    "CustomObjectScope",
    "GeneratorEnqueuer",
    "HDF5Matrix",
    "OrderedEnqueuer",
    "Progbar",
    "Sequence",
    "convert_all_kernels_in_model",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_source_inputs",
    "h5dict",
    "multi_gpu_model",
    "normalize",
    "plot_model",
    "print_summary",
    "serialize_keras_object",
    "to_categorical",
]
