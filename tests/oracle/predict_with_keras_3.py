"""Open the model files of a folder with Keras 3, and record what they predict.

Runs under Keras 3, not under Batchyard. Beside each NAME.EXTENSION lies NAME.npz with inputs; it writes
NAME.EXTENSION.npz with predictions, or NAME.EXTENSION.error.

    KERAS_BACKEND=tensorflow /path/to/keras3/bin/python tests/oracle/predict_with_keras_3.py FOLDER
"""

import glob
import os
import sys
import traceback

import keras
import numpy as np


def predictions(path, record):
    """Return what a model predicts."""
    x = [record[key] for key in sorted(record) if key.startswith("x")]
    model = keras.saving.load_model(path, compile=False)
    found = model(x[0] if len(x) == 1 else x, training=False)
    found = list(found) if isinstance(found, (list, tuple)) else [found]
    return {f"prediction{place}": keras.ops.convert_to_numpy(one) for place, one in enumerate(found)}


def main(folder):
    """Read all files."""
    for path in sorted(glob.glob(os.path.join(folder, "*.h5")) + glob.glob(os.path.join(folder, "*.keras"))):
        name = os.path.join(folder, os.path.basename(path).split(".")[0])
        try:
            np.savez(path + ".npz", **predictions(path, dict(np.load(name + ".npz"))))
        except Exception:  # whatever it is, the test on the other side tells it
            with open(path + ".error", "w") as file:
                file.write(traceback.format_exc())


if __name__ == "__main__":
    main(sys.argv[1])
