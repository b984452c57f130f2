"""Make Keras 2.2.4's optimizers count their steps last.

On TensorFlow 1.13 they read the number of steps and increase it in the same run of the graph, in an order
that is not defined, so that Adam, Adamax and Nadam may use the number of the step after. With this the
number is increased after everything else was computed, which is what their formulas say.
"""

import tensorflow as tf
from keras import backend as K
from keras import optimizers


def count_steps_last():
    """Change all optimizers of this process."""
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"):
        _change(getattr(optimizers, name))


def _change(kind):
    build_updates = kind.get_updates

    def get_updates(self, loss, params):
        update_add, counter = K.update_add, object()
        K.update_add = lambda variable, increment: counter
        try:
            updates = [update for update in build_updates(self, loss, params) if update is not counter]
        finally:
            K.update_add = update_add
        updates = [K.update(*update) if isinstance(update, tuple) else update for update in updates]
        with tf.control_dependencies(updates):
            updates.append(K.update_add(self.iterations, 1))
        self.updates = updates
        return updates

    kind.get_updates = get_updates
