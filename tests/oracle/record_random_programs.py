"""Records what Keras 2.2.4 computes for some of the random programs, for the ordinary test run.

python -m tests.oracle.record_random_programs /path/to/python3.7 tests/models/data/random_programs.npz
"""

import json
import sys
import tempfile

import numpy as np

from tests.oracle.random_cases.comparison import Keras224, case_of
from tests.oracle.record_random_cases import describe

#: How many of each kind.
COUNTS = {
    "backend_calls": 60,
    "custom": 8,
    "fitting": 10,
    "layer_calls": 16,
    "nesting": 8,
    "preprocessing": 16,
    "recurrence": 8,
}
FIRST = 9000


def main(python, path):
    with tempfile.TemporaryDirectory() as folder:
        keras = Keras224(python, folder)
        told, numbers = [], []
        for kind, count in COUNTS.items():
            for seed in range(FIRST, FIRST + count):
                case, found = keras.run(case_of(kind, seed))
                if isinstance(found, str):
                    print(kind, seed, "is refused:", found[:100])
                    continue
                told.append({"case": case, "arrays": [describe(name, one) for name, one in found.items()]})
                numbers += [one.ravel() for one in found.values() if one.dtype.kind in "fiub"]
        keras.close()
    np.savez_compressed(
        path, cases=np.array(json.dumps(told)), numbers=np.concatenate(numbers).astype("float32")
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
