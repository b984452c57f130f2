"""Records what Keras 2.2.4 computes for the models of keras_cases.py. Run it by Keras 2.2.4's Python:

/path/to/python3.7 tests/oracle/record_keras_2_2_4.py tests/models/data/keras_2_2_4.npz
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import keras
import keras.backend as K
import keras_cases as cases
import numpy as np
import tensorflow as tf
from keras_224_in_order import count_steps_last


def update_after_all_gradients():
    """Makes the updates wait for all gradients: else TensorFlow may read a weight that is updated already."""
    get_gradients = keras.optimizers.Optimizer.get_gradients
    keras.optimizers.Optimizer.get_gradients = lambda *given: tf.tuple(get_gradients(*given))


def record(name, case, out):
    K.clear_session()
    build, data = case
    model, (optimizer, loss, metrics) = build(keras)
    x, y, weights = data()
    model.set_weights(cases.initial_weights([w.shape for w in model.get_weights()]))
    model.compile(optimizer, loss, metrics=metrics)
    put = lambda key, values: out.update(  # noqa: E731
        {f"{name}/{key}/{number:02d}": value for number, value in enumerate(values)}
    )
    put("predicted", cases.as_list(model.predict(x)))
    put("evaluated", cases.as_list(model.evaluate(x, y, sample_weight=weights, verbose=0)))
    gradients = K.function(
        model._feed_inputs + model._feed_targets + model._feed_sample_weights + [K.learning_phase()],
        K.gradients(model.total_loss, model.trainable_weights),
    )
    rows = len(cases.as_list(x)[0])
    given = [weights if weights is not None else np.ones(rows, "float32")] * len(cases.as_list(y))
    put("gradients", gradients(cases.as_list(x) + cases.as_list(y) + given + [1]))
    logs = [model.train_on_batch(x, y, sample_weight=weights) for _ in range(cases.STEPS)]
    put("trained_logs", [np.asarray(logs)])
    put("trained", [K.get_value(w) for w in model.trainable_weights])
    out[name + "/names"] = np.array(model.metrics_names)


if __name__ == "__main__":
    count_steps_last()
    update_after_all_gradients()
    recorded = {}
    for name in sorted(cases.CASES):
        record(name, cases.CASES[name], recorded)
        print(name, len(recorded))
    np.savez_compressed(sys.argv[1], **recorded)
