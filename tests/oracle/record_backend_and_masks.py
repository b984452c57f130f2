"""Records what Keras 2.2.4 computes for backend_cases.py and merge_and_mask_cases.py. Run it by its Python:

/path/to/python3.7 tests/oracle/record_backend_and_masks.py tests/models/data
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import backend_cases
import keras
import keras.backend as K
import merge_and_mask_cases
import numpy as np


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def record_backend():
    out = {}
    for name, case in sorted(backend_cases.CASES.items()):
        K.clear_session()
        for number, tensor in enumerate(as_list(case(K))):
            out[f"{name}/{number}"] = K.eval(tensor)
    return out


def record_models():
    out = {}
    for name, (build, data) in sorted(merge_and_mask_cases.CASES.items()):
        K.clear_session()
        model, arguments = build(keras.layers, keras.models)
        x, y, weights = data()
        source = np.random.RandomState(42)
        model.set_weights([source.uniform(-0.6, 0.6, w.shape) for w in model.get_weights()])
        for number, value in enumerate(as_list(model.predict(x))):
            out[f"{name}/predicted/{number}"] = value
        if y is not None:
            model.compile(**arguments)
            out[name + "/names"] = np.array(model.metrics_names)
            evaluated = model.evaluate(x, y, sample_weight=weights, batch_size=4, verbose=0)
            out[name + "/evaluated"] = np.array(evaluated)
            logs = [model.train_on_batch(x, y, sample_weight=weights) for _ in range(5)]
            out[name + "/logs"] = np.array(logs)
            for number, value in enumerate(model.get_weights()):
                out[f"{name}/trained/{number:02d}"] = value
    return out


if __name__ == "__main__":
    np.savez_compressed(os.path.join(sys.argv[1], "backend.npz"), **record_backend())
    np.savez_compressed(os.path.join(sys.argv[1], "merge_and_masks.npz"), **record_models())
