"""Pack what write_later_layers.py wrote in two folders into one small file, for the ordinary tests.

Runs anywhere with numpy and h5py:

    python tests/oracle/record_later_layers.py FOLDER_OF_TF_KERAS FOLDER_OF_KERAS_3 later_layers.npz

The file has one text, with the configurations and the shapes of all arrays, and one array of all numbers.
"""

import glob
import json
import os
import sys

import h5py
import numpy as np


def weights_of(file):
    """Return the names of layers with weights, and these, in the order of the file."""
    group = file["model_weights"]
    names = [name if isinstance(name, str) else name.decode() for name in group.attrs["layer_names"]]
    found = []
    for name in names:
        inner = [one if isinstance(one, str) else one.decode() for one in group[name].attrs["weight_names"]]
        if inner:
            found.append((name, [group[name][one][()] for one in inner]))
    return found


def main(tf_keras, keras_3, target):
    """Pack the cases: each of Keras 3, and those that it lacks of tf.keras."""
    cases, numbers = [], []

    def noted(array):
        array = np.asarray(array)
        numbers.append(array.astype("float32").ravel())
        return [str(array.dtype), list(array.shape)]

    chosen = {}
    for folder in (tf_keras, keras_3):
        for path in glob.glob(os.path.join(folder, "*.npz")):
            name = os.path.basename(path)[: -len(".npz")]
            if os.path.exists(path[:-4] + ".h5") and not name.startswith("string"):
                chosen[name] = path[:-4]
    for name, path in sorted(chosen.items()):
        record = dict(np.load(path + ".npz"))
        if "losses" not in record:
            record = {key: array[:2] for key, array in record.items()}
        with h5py.File(path + ".h5", "r") as file:
            if "model_config" not in file.attrs or "prediction0" not in record:
                continue
            text, version = file.attrs["model_config"], file.attrs["keras_version"]
            cases.append(
                {
                    "name": name,
                    "config": json.loads(text if isinstance(text, str) else text.decode()),
                    "version": version if isinstance(version, str) else version.decode(),
                    "weights": [
                        [layer, [noted(array) for array in arrays]] for layer, arrays in weights_of(file)
                    ],
                    "record": [[key, *noted(array)] for key, array in sorted(record.items())],
                }
            )
    np.savez_compressed(target, text=np.array(json.dumps(cases)), numbers=np.concatenate(numbers))
    print(len(cases), "cases,", sum(map(len, numbers)), "numbers")


if __name__ == "__main__":
    main(*sys.argv[1:])
