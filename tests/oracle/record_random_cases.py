"""Records what Keras 2.2.4 computes for some of the random cases, for the ordinary test run.

python -m tests.oracle.record_random_cases /path/to/python3.7 tests/models/data/random_cases.npz
"""

import json
import sys
import tempfile

import numpy as np

from tests.oracle import random_cases
from tests.oracle.random_cases.comparison import Keras224

#: How many of each kind.
COUNTS = {"single_layer": 40, "recurrent": 20, "objectives": 20, "optimizers": 14, "graphs": 10}
FIRST = 9000


def main(python, path):
    with tempfile.TemporaryDirectory() as folder:
        keras = Keras224(python, folder)
        told, numbers = [], []
        for kind, count in COUNTS.items():
            for seed in range(FIRST, FIRST + count):
                case, found = keras.run(getattr(random_cases, kind)(seed))
                if isinstance(found, str):
                    print(kind, seed, "is refused:", found[:100])
                    continue
                told.append({"case": case, "arrays": [describe(name, one) for name, one in found.items()]})
                numbers += [one.ravel() for one in found.values() if one.dtype.kind in "fiub"]
        keras.close()
    np.savez_compressed(
        path, cases=np.array(json.dumps(told)), numbers=np.concatenate(numbers).astype("float32")
    )


def describe(name, array):
    """Returns name and shape; of texts, which are few, all."""
    if array.dtype.kind in "fiub":
        return [name, list(array.shape)]
    return [name, list(array.shape), array.ravel().tolist()]


def read(path):
    """Returns the cases with their arrays by name."""
    with np.load(path) as file:
        told, numbers = json.loads(str(file["cases"])), file["numbers"]
    found = []
    for one in told:
        arrays = {}
        for name, shape, *texts in one["arrays"]:
            if texts:
                arrays[name] = np.array(texts[0]).reshape(shape)
            else:
                size = int(np.prod(shape))
                arrays[name], numbers = numbers[:size].reshape(shape), numbers[size:]
        found.append((one["case"], arrays))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
