"""Models written as Keras 3 reads them: HDF5 files, `.keras` archives, `.weights.h5`.

Keras 3 names arguments, losses and optimizers otherwise than Keras 2, lacks some layers, and computes
`hard_sigmoid` otherwise. Each module here is one part of that translation; `files.py` puts them together.
"""

from batchyard.models.saving.for_keras_3.files import write_archive, write_model, write_weights_file
from batchyard.models.saving.for_keras_3.versions import KERAS_3_VERSION

__all__ = ["KERAS_3_VERSION", "write_archive", "write_model", "write_weights_file"]
