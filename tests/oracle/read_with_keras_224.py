"""Open the model files of a folder with Keras 2.2.4, and record what it makes of them.

Runs under Keras 2.2.4, not under Batchyard. Beside each NAME.h5 lies NAME.npz with inputs and targets; it
writes NAME.keras.npz (predictions, losses of three more steps) and NAME.keras.h5 (saved after these).

    /path/to/keras224/bin/python tests/oracle/read_with_keras_224.py FOLDER
"""

import glob
import os
import sys

import numpy as np
from keras import backend as K
from keras.models import load_model
from keras_224_in_order import count_steps_last


def several(record, prefix):
    """Return the arrays whose names begin so: a single one as itself."""
    found = [record[key] for key in sorted(record) if key.startswith(prefix)]
    return found[0] if len(found) == 1 else found


def main(folder):
    """Read all files."""
    count_steps_last()
    for path in sorted(glob.glob(os.path.join(folder, "*.h5"))):
        K.clear_session()
        name = path[: -len(".h5")]
        record = dict(np.load(name + ".npz"))
        x, y = several(record, "x"), several(record, "y")
        model = load_model(path)
        predictions = model.predict(x)
        predictions = predictions if isinstance(predictions, list) else [predictions]
        results = {f"prediction{place}": array for place, array in enumerate(predictions)}
        results["losses"] = np.array([np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)])
        np.savez(name + ".keras.npz", **results)
        model.save(name + ".keras.h5")


if __name__ == "__main__":
    main(sys.argv[1])
