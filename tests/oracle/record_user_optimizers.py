"""Writes what the optimizers of `user_optimizers.py` do under Keras 2.2.4 on TensorFlow 1.13.

    python record_user_optimizers.py ../models/data/user_optimizers.json

TensorFlow leaves open whether a variable is read before or after it is changed in the same step: the same
script gives other numbers on another day. Here all new values are computed before a variable is changed.
"""

import json
import sys

import tensorflow as tf
import user_optimizers
from keras import backend as K


class Ordered(type(K.function([], [K.variable(0.0)]))):
    """A function that changes variables once all new values are there."""

    def __init__(self, inputs, outputs, updates=None, **kwargs):
        pairs = [one for one in updates or [] if isinstance(one, tuple)]
        others = [one for one in updates or [] if not isinstance(one, tuple)]
        with tf.control_dependencies([tf.convert_to_tensor(new) + 0 for _, new in pairs]):
            pairs = [(x, tf.identity(new + 0)) for x, new in pairs]
        super().__init__(inputs, outputs, updates=others + pairs, **kwargs)


def function(inputs, outputs, updates=None, **kwargs):
    return Ordered(inputs, outputs, updates=updates, **kwargs)


K.update = lambda x, new_x: (x, new_x)
K.update_add = lambda x, increment: (x, x + increment)
K.function = function

if __name__ == "__main__":
    found = {name: user_optimizers.train(name) for name in sorted(user_optimizers.OPTIMIZERS)}
    with open(sys.argv[1], "w") as file:
        json.dump(found, file, indent=None, sort_keys=True)
        file.write("\n")
