"""Records what Keras 2.2.4 computes for the layers of step_layer_cases.py. Run it by Keras 2.2.4's Python:

/path/to/python3.7 tests/oracle/record_step_layers.py tests/models/data/step_layers.npz
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
import numpy as np
import step_layer_cases as cases

if __name__ == "__main__":
    recorded = {}
    for name in cases.CASES:
        recorded.update({name + "/" + key: value for key, value in cases.run(keras, name).items()})
        print(name, flush=True)
    np.savez_compressed(sys.argv[1], **recorded)
