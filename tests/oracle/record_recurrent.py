"""Records what Keras 2.2.4 computes for the models of recurrent_cases.py. Run it by Keras 2.2.4's Python:

/path/to/python3.7 tests/oracle/record_recurrent.py tests/models/data/recurrent.npz [case ...]

It writes after each case; where the file is there, the cases are added to it.
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
import recurrent_cases as cases
import tensorflow as tf
from keras_224_in_order import count_steps_last
from keras_cases import STEPS, as_list

#: The gradients of the model that was compiled last.
gradients = []


def keep_gradients():
    """Keeps the gradients' tensors, and makes the updates wait for all of them."""
    get_gradients = keras.optimizers.Optimizer.get_gradients

    def kept(*given):
        found = tf.tuple(get_gradients(*given))
        gradients[:] = [tf.convert_to_tensor(one) for one in found]  # an embedding's are slices
        return found

    keras.optimizers.Optimizer.get_gradients = kept


def record(name, case, out):
    K.clear_session()
    K.set_session(
        tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1))
    )
    build, data = case
    model, (optimizer, loss, metrics) = build(keras)
    x, y, _ = data()
    if not model.built:
        model.build((None, *x.shape[1:]))
    model.set_weights(cases.initial_weights([w.shape for w in model.get_weights()]))
    model.compile(optimizer, loss, metrics=metrics)
    put = lambda key, values: out.update(  # noqa: E731
        {f"{name}/{key}/{number:02d}": value for number, value in enumerate(values)}
    )
    put("predicted", as_list(model.predict(x)))
    put("evaluated", as_list(model.evaluate(x, y, verbose=0)))
    model._make_train_function()
    given = as_list(x) + as_list(y) + [np.ones(len(as_list(x)[0]), "float32")] * len(as_list(y))
    inputs = model._feed_inputs + model._feed_targets + model._feed_sample_weights
    put("gradients", K.function([*inputs, K.learning_phase()], list(gradients))([*given, 1]))
    put("trained_logs", [np.asarray([model.train_on_batch(x, y) for _ in range(STEPS)])])
    put("trained", [K.get_value(w) for w in model.trainable_weights])
    out[name + "/weight_names"] = np.array([w.name for layer in model.layers for w in layer.weights])
    out[name + "/config"] = np.array(json.dumps(model.get_config(), default=str))


if __name__ == "__main__":
    count_steps_last()
    keep_gradients()
    recorded = {}
    if os.path.exists(sys.argv[1]):
        with np.load(sys.argv[1]) as before:
            recorded.update({name: before[name] for name in before.files})
    for name in sys.argv[2:] or sorted(cases.CASES):
        record(name, cases.CASES[name], recorded)
        np.savez_compressed(sys.argv[1], **recorded)
        print(name, len(recorded), flush=True)
