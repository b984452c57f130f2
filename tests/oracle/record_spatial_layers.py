"""Records what Keras 2.2.4 computes for the layers of spatial_layer_cases.py. Run it by Keras 2.2.4's Python:

/path/to/python3.7 tests/oracle/record_spatial_layers.py tests/models/data/spatial_layers_2_2_4.npz

What Keras or TensorFlow refuse is printed, and left out: nothing, at present.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
import keras.backend as K
import numpy as np
import spatial_layer_cases as cases


def record(name, out):
    K.clear_session()
    class_name, arguments, shape = cases.CASES[name]
    layer = getattr(keras.layers, class_name)(**arguments)
    inputs = keras.layers.Input(shape)
    outputs = layer(inputs)
    layer.set_weights(cases.weights([w.shape for w in layer.get_weights()]))
    x = cases.inputs(name)
    compute = K.function([inputs, K.learning_phase()], [outputs])
    y = compute([x, 0])[0]
    total = K.sum(outputs * K.constant(cases.direction(y.shape)))
    gradients = K.gradients(total, [inputs, *layer.weights])
    found = K.function([inputs, K.learning_phase()], gradients)([x, 0])
    description = {
        "arguments": arguments,
        "config": layer.get_config(),
        "weights": [[w.name, K.int_shape(w)] for w in layer.weights],
        "output_shape": layer.output_shape,
    }
    out[name + "/description"] = np.array(json.dumps(description, default=float))
    out[name + "/output"] = y
    for number, gradient in enumerate(found):
        out[f"{name}/gradient/{number:02d}"] = gradient


if __name__ == "__main__":
    recorded = {}
    for name in sorted(cases.CASES):
        try:
            record(name, recorded)
        except Exception as error:
            print(name, cases.CASES[name], repr(error)[:160].replace("\n", " "))
    print(len(cases.CASES), "cases,", sum(key.endswith("/output") for key in recorded), "recorded")
    np.savez_compressed(sys.argv[1], **recorded)
