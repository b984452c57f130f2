"""Write a model of many layers as Keras 2.2.4 saves it, with its predictions and how it trains on.

Runs under Keras 2.2.4, not under Batchyard:

    /path/to/keras224/bin/python tests/oracle/write_spatial_model.py tests/models/data/spatial
"""

import os
import sys

import numpy as np
import tensorflow as tf
from keras import layers as kl
from keras import optimizers
from keras.models import Sequential

STEPS = 10


def model():
    """Return a Sequential without randomness, with one layer of nearly every kind."""
    return Sequential(
        [
            kl.ZeroPadding2D(((1, 2), (0, 1)), input_shape=(9, 8, 2)),
            kl.SeparableConv2D(3, 3, depth_multiplier=2),
            kl.LeakyReLU(0.2),
            kl.DepthwiseConv2D((3, 2), padding="same", depth_multiplier=2),
            kl.PReLU(shared_axes=[1, 2]),
            kl.AveragePooling2D(3, 2, padding="same"),
            kl.Conv2DTranspose(4, 3, strides=2, padding="same"),
            kl.Cropping2D(((1, 1), (0, 2))),
            kl.UpSampling2D(2, interpolation="bilinear"),
            kl.LocallyConnected2D(3, 3, strides=2),
            kl.ReLU(6.0, negative_slope=0.1),
            kl.Permute((2, 1, 3)),
            kl.Reshape((-1, 3)),
            kl.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh"),
            kl.MaxPooling1D(2, padding="same"),
            kl.LocallyConnected1D(4, 2),
            kl.ActivityRegularization(l2=0.01),
            kl.GlobalAveragePooling1D(),
            kl.Highway(activation="tanh"),
            kl.RepeatVector(3),
            kl.ELU(0.5),
            kl.GlobalMaxPooling1D(),
            kl.MaxoutDense(3, nb_feature=2),
            kl.Softmax(),
        ]
    )


def update_after_all_gradients():
    """Make the updates wait for all gradients: else TensorFlow may read a weight that is updated already."""
    get_gradients = optimizers.Optimizer.get_gradients
    optimizers.Optimizer.get_gradients = lambda *given: tf.tuple(get_gradients(*given))


if __name__ == "__main__":
    update_after_all_gradients()
    np.random.seed(4)
    tf.set_random_seed(4)
    made = model()
    made.set_weights([np.random.uniform(-0.8, 0.8, w.shape) for w in made.get_weights()])
    made.compile(optimizers.SGD(0.01, momentum=0.9), "categorical_crossentropy")
    x = np.random.uniform(-1, 1, (6, 9, 8, 2)).astype("float32")
    y = np.eye(3, dtype="float32")[np.random.randint(0, 3, 6)]
    path = os.path.join(sys.argv[1], "model")
    made.save(path + ".h5")
    record = {"x": x, "y": y, "predicted": made.predict(x)}
    record["losses"] = np.array([made.train_on_batch(x, y) for _ in range(STEPS)])
    record["trained"] = made.predict(x)
    np.savez_compressed(path + ".npz", **record)
