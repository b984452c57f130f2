"""Computes described cases by Keras 2.2.4, for as long as there are any: its start takes five seconds.

Each line of the input is the path of a case; beside it the results are written as `.npz`, and a line of the
output says how it went. Run it by Keras 2.2.4's Python.

Three things are not Keras's but TensorFlow 1.13's, and are changed here. Optimizers compute in no order
(keras_224_in_order.py); TensorFlow's resource variables keep, besides, the states that gradients still need.
Moving averages are corrected by hidden variables that no file holds; as on Theano they are
`momentum * old + (1 - momentum) * new` here. And for pictures the variance that goes into it comes from a
fused operator that has corrected it for the size of the batch before Keras does so again; here it is
corrected once.
"""

import os
import sys
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(sys.path[0])))

import keras
import random_case_parts
import random_case_runner
import tensorflow as tf
from keras_224_in_order import count_steps_last

from tests.oracle.random_programs import run_program
from tests.oracle.serve_cases import serve


def moving_average_update(variable, value, momentum):
    return tf.assign(variable, variable * momentum + tf.cast(value, variable.dtype) * (1 - momentum))


def run(case):
    if "program" in case:
        return run_program(case, keras)
    return random_case_runner.run(case, keras, random_case_parts)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tf.enable_resource_variables()
    keras.backend.moving_average_update = moving_average_update
    functions = keras.backend.tensorflow_backend
    functions._fused_normalize_batch_in_training = functions._regular_normalize_batch_in_training
    count_steps_last()
    tf.logging.set_verbosity(tf.logging.ERROR)
    answers, sys.stdout = sys.stdout, sys.stderr
    serve(sys.stdin, answers, run)
