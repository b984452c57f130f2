"""Open the model files of a folder with Keras 3, and record what it makes of them.

Runs under Keras 3, not under Batchyard. Beside each NAME.h5, NAME.keras and NAME.weights.h5 (which are the
same model) lies NAME.npz with inputs and targets; it writes NAME.EXTENSION.npz: predictions, and losses of
three more steps. What it can't open is written to NAME.EXTENSION.error.

    KERAS_BACKEND=torch /path/to/keras3/bin/python tests/oracle/read_with_keras_3.py FOLDER
"""

import glob
import os
import sys
import traceback

import keras
import numpy as np


def several(record, prefix):
    """Return the arrays whose names begin so: a single one as itself."""
    found = [record[key] for key in sorted(record) if key.startswith(prefix)]
    return found[0] if len(found) == 1 else found


def read(path, record):
    """Return what Keras 3 computes with a file."""
    x, y = several(record, "x"), several(record, "y")
    if path.endswith(".weights.h5"):
        model = keras.saving.load_model(path[: -len(".weights.h5")] + ".keras")
        model.set_weights([np.zeros_like(array) for array in model.get_weights()])
        model.load_weights(path)
    else:
        model = keras.saving.load_model(path)
    predictions = model.predict(x, verbose=0)
    predictions = predictions if isinstance(predictions, list) else [predictions]
    results = {f"prediction{place}": array for place, array in enumerate(predictions)}
    results["losses"] = np.array([np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)])
    return results


def main(folder):
    """Read all files."""
    for path in sorted(glob.glob(os.path.join(folder, "*.h5")) + glob.glob(os.path.join(folder, "*.keras"))):
        keras.backend.clear_session()
        name = os.path.join(folder, os.path.basename(path).split(".")[0])
        try:
            np.savez(path + ".npz", **read(path, dict(np.load(name + ".npz"))))
        except Exception:  # whatever it is, the test on the other side tells it
            with open(path + ".error", "w") as file:
                file.write(traceback.format_exc())


if __name__ == "__main__":
    main(sys.argv[1])
