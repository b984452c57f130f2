"""Write model files of many kinds with Keras 1.2.2, with what the models predict.

Runs under Keras 1.2.2 (on Theano 1.0.5 or TensorFlow), not under Batchyard:

    KERAS_BACKEND=theano python tests/oracle/write_keras_1_files.py FOLDER {th,tf}

For each case: NAME.h5, NAME_weights.h5, and NAME.npz: inputs, targets, predictions and the losses of three
further steps. The second argument is the order of axes.
"""

import os
import sys

import keras
import numpy as np
from keras import backend as K
from keras import optimizers
from keras.layers import (
    ELU,
    GRU,
    LSTM,
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Bidirectional,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    LeakyReLU,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Merge,
    Permute,
    PReLU,
    RepeatVector,
    Reshape,
    SimpleRNN,
    TimeDistributed,
    UpSampling2D,
    ZeroPadding2D,
    merge,
)
from keras.models import Model, Sequential

if K.backend() == "tensorflow":
    import tensorflow as tf


def picture(size, channels):
    """Return the shape of a picture in the order of axes that was asked for."""
    return (channels, size, size) if K.image_dim_ordering() == "th" else (size, size, channels)


def dense():
    model = Sequential()
    model.add(Dense(5, input_dim=4, init="he_normal", activation="tanh", W_regularizer="l2"))
    model.add(Dropout(0.0))
    model.add(BatchNormalization(mode=0))
    model.add(Dense(2, bias=False))
    model.compile("adam", "mse", metrics=["mae"])
    return model


def convolutional():
    model = Sequential()
    model.add(ZeroPadding2D((1, 1), input_shape=picture(8, 3)))
    model.add(Convolution2D(4, 3, 3, activation="relu", subsample=(1, 1), border_mode="valid"))
    model.add(MaxPooling2D((2, 2), strides=(2, 2)))
    model.add(Convolution2D(3, 2, 3, border_mode="same"))
    model.add(BatchNormalization(axis=1 if K.image_dim_ordering() == "th" else -1))
    model.add(LeakyReLU(0.1))
    model.add(UpSampling2D((2, 2)))
    model.add(AveragePooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(3, activation="softmax"))
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model


def sequences():
    model = Sequential()
    model.add(Convolution1D(4, 3, border_mode="same", input_shape=(8, 3)))
    model.add(MaxPooling1D(2))
    model.add(LSTM(4, return_sequences=True))
    model.add(Bidirectional(GRU(3, return_sequences=True, consume_less="mem")))
    model.add(TimeDistributed(Dense(4, activation="relu")))
    model.add(SimpleRNN(3))
    model.add(Dense(1))
    model.compile("rmsprop", "mse")
    return model


def embedded():
    model = Sequential()
    model.add(Embedding(10, 4, input_length=6, mask_zero=True))
    model.add(LSTM(3, inner_init="orthogonal", forget_bias_init="one"))
    model.add(RepeatVector(2))
    model.add(GRU(3, return_sequences=True))
    model.add(Reshape((6,)))
    model.add(Dense(2, activation="sigmoid"))
    model.compile("adagrad", "binary_crossentropy")
    return model


def graph():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = Dense(3, activation="relu", name="shared")
    x, y = shared(a), shared(b)
    both = merge([x, y], mode="concat", concat_axis=-1)
    added = merge([x, y], mode="sum")
    times = merge([x, y], mode="mul")
    out = merge([Dense(2)(both), Dense(2)(added), Dense(2)(times)], mode="ave", name="mean")
    dots = merge([x, y], mode="dot", dot_axes=1)
    model = Model(input=[a, b], output=[out, Dense(1, name="last")(dots)])
    model.compile("adadelta", ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model


def merged_branches():
    left, right = Sequential(), Sequential()
    left.add(Dense(3, input_dim=4))
    right.add(Dense(3, input_dim=5))
    right.add(ELU(0.7))
    model = Sequential()
    model.add(Merge([left, right], mode="concat"))
    model.add(PReLU())
    model.add(Dense(2))
    model.compile("adam", "mse")
    return model


def pictures_3d():
    shape = (2, 5, 5, 5) if K.image_dim_ordering() == "th" else (5, 5, 5, 2)
    model = Sequential()
    model.add(Convolution3D(3, 2, 3, 2, input_shape=shape))
    model.add(MaxPooling3D((2, 2, 2)))
    model.add(Flatten())
    model.add(Dense(1))
    model.compile("sgd", "mse")
    return model


def pooled():
    model = Sequential()
    model.add(Convolution2D(4, 3, 3, input_shape=picture(7, 2), dim_ordering=K.image_dim_ordering()))
    model.add(GlobalAveragePooling2D())
    model.add(Activation("hard_sigmoid"))
    model.compile("sgd", "mse")
    return model


def permuted():
    model = Sequential()
    model.add(Permute((2, 1), input_shape=(3, 4)))
    model.add(Flatten())
    model.add(Dense(2, W_constraint="nonneg"))
    model.compile("sgd", "mse")
    return model


def trained_by(optimizer):
    """Return what makes a small model with an optimizer, with a frozen layer and a nested model."""

    def make():
        inner = Sequential()
        inner.add(Dense(3, input_dim=5, name="z_inner"))
        inner.add(Dense(3, name="a_inner", activation="tanh"))
        model = Sequential()
        model.add(Dense(5, input_dim=4, name="later"))
        model.add(Dense(5, name="frozen", trainable=False))
        model.add(inner)
        model.add(Reshape((1, 3)))
        model.add(LSTM(3, name="earlier"))
        model.add(Dense(2))
        model.compile(optimizer(), "mse")
        return model

    return make


OPTIMIZERS = {
    "adadelta": lambda: optimizers.Adadelta(),
    "adagrad": lambda: optimizers.Adagrad(),
    "adam": lambda: optimizers.Adam(lr=0.01),
    "adamax": lambda: optimizers.Adamax(lr=0.01),
    "clipped": lambda: optimizers.SGD(lr=0.1, momentum=0.5, clipnorm=0.1),
    "momentum": lambda: optimizers.SGD(lr=0.1, momentum=0.9, nesterov=True, decay=0.1),
    "nadam": lambda: optimizers.Nadam(lr=0.01),
    "rmsprop": lambda: optimizers.RMSprop(lr=0.01),
}


def in_order(kind):
    """Let an optimizer compute the loss and all gradients first, and count its steps last.

    On TensorFlow 1.13 its updates and what they read run in an order that is not defined. The formulas mean
    this one.
    """
    build_updates, compute = kind.get_updates, kind.get_gradients

    def get_gradients(self, loss, params):
        gradients = compute(self, loss, params)
        with tf.control_dependencies([loss, *gradients]):
            return [tf.identity(one) for one in gradients]

    def get_updates(self, params, constraints, loss):
        add, counted = K.update_add, []
        K.update_add = lambda variable, increment: counted.append((variable, increment)) or counted
        try:
            updates = [one for one in build_updates(self, params, constraints, loss) if one is not counted]
        finally:
            K.update_add = add
        updates = [K.update(*one) if isinstance(one, tuple) else one for one in updates]
        with tf.control_dependencies(updates):
            self.updates = updates + [K.update_add(*one) for one in counted]
        return self.updates

    kind.get_updates, kind.get_gradients = get_updates, get_gradients


CASES = (dense, convolutional, sequences, embedded, graph, merged_branches, pictures_3d, pooled, permuted)


def main(folder, ordering):
    """Write all cases."""
    K.set_image_dim_ordering(ordering)
    if K.backend() == "tensorflow":
        for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"):
            in_order(getattr(optimizers, name))
    cases = {make.__name__: make for make in CASES}
    cases.update({f"trained_{name}": trained_by(optimizer) for name, optimizer in OPTIMIZERS.items()})
    for case, make in cases.items():
        np.random.seed(1)
        try:
            model = make()
        except Exception as error:  # what Keras 1.2.2 can't do on this backend
            print(case, "left out:", repr(error)[:200])
            continue
        numbers = np.random.RandomState(0)
        x = [numbers.uniform(-1, 1, (6, *shape[1:])).astype("float32") for shape in shapes(model.input_shape)]
        if make is embedded:
            x = [numbers.randint(0, 10, (6, 6)).astype("int32")]
        y = [numbers.uniform(0, 1, (6, *shape[1:])).astype("float32") for shape in shapes(model.output_shape)]
        for _ in range(3):
            model.train_on_batch(x, y)
        path = os.path.join(folder, f"{case}_{ordering}")
        model.save(path + ".h5")
        model.save_weights(path + "_weights.h5", overwrite=True)
        found = model.predict(x)
        found = found if isinstance(found, list) else [found]
        record = {f"x{n}": array for n, array in enumerate(x)}
        record.update({f"y{n}": array for n, array in enumerate(y)})
        record.update({f"prediction{n}": array for n, array in enumerate(found)})
        record["losses"] = np.array([np.ravel(model.train_on_batch(x, y))[0] for _ in range(3)], "float32")
        np.savez(path + ".npz", **record)
        print(case, keras.__version__)


def shapes(value):
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main(*sys.argv[1:])
