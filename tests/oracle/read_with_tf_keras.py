"""Open the HDF5 files of a folder with tf.keras 2, and record what it makes of them.

Runs under tensorflow 2.15, or under a later one with tf-keras, not under Batchyard. Files as for
read_with_keras_3.py; only those that end with .h5 are read.

    /path/to/tensorflow/bin/python tests/oracle/read_with_tf_keras.py FOLDER
"""

import glob
import os
import sys
import traceback

import numpy as np

try:
    import tf_keras as keras
except ImportError:
    from tensorflow import keras


def several(record, prefix):
    """Return the arrays whose names begin so: a single one as itself."""
    found = [record[key] for key in sorted(record) if key.startswith(prefix)]
    return found[0] if len(found) == 1 else found


def read(path, record):
    """Return what tf.keras computes with a file."""
    x, y = several(record, "x"), several(record, "y")
    model = keras.models.load_model(path)
    predictions = model.predict(x, verbose=0)
    predictions = predictions if isinstance(predictions, list) else [predictions]
    results = {f"prediction{place}": array for place, array in enumerate(predictions)}
    results["losses"] = np.array([np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)])
    return results


def main(folder):
    """Read all files."""
    for path in sorted(glob.glob(os.path.join(folder, "*.h5"))):
        keras.backend.clear_session()
        try:
            np.savez(path + ".npz", **read(path, dict(np.load(path[: -len(".h5")] + ".npz"))))
        except Exception:  # whatever it is, the test on the other side tells it
            with open(path + ".error", "w") as file:
                file.write(traceback.format_exc())


if __name__ == "__main__":
    main(sys.argv[1])
