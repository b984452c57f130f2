"""Make Keras 2.2.4's optimizers compute first, change weights then, and count their steps last.

On TensorFlow 1.13 they read the number of steps and increase it in the same run of the graph, in an order
that is not defined, so that Adam, Adamax and Nadam may use the number of the step after; and so they may
change a weight before the gradient of another, or the loss that is told, was computed with it. With this
there is one order, which the formulas mean: the loss and all gradients, the weights, what counts steps.
"""

import tensorflow as tf
from keras import backend as K
from keras import optimizers


def count_steps_last():
    """Change all optimizers of this process."""
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"):
        _change(getattr(optimizers, name))
    _compute_first(optimizers.Optimizer)


def _change(kind):
    build_updates = kind.get_updates

    def get_updates(self, loss, params):
        update_add, counter = K.update_add, object()
        K.update_add = lambda variable, increment: counter
        try:
            updates = [update for update in build_updates(self, loss, params) if update is not counter]
        finally:
            K.update_add = update_add
        schedules = [update for update in updates if isinstance(update, tuple)]  # Nadam's product of momenta
        updates = [update for update in updates if not isinstance(update, tuple)]
        with tf.control_dependencies(updates):
            updates += [K.update(*update) for update in schedules]
            updates.append(K.update_add(self.iterations, 1))
        self.updates = updates
        return updates

    kind.get_updates = get_updates


def _compute_first(kind):
    compute = kind.get_gradients

    def get_gradients(self, loss, params):
        gradients = compute(self, loss, params)
        with tf.control_dependencies([loss] + [tf.convert_to_tensor(one) for one in gradients]):
            return [tf.identity(one) for one in gradients]

    kind.get_gradients = get_gradients
