"""Calls with many positional arguments, and in both spellings at once: which are refused, and warnings.

    python keras_1_places.py ../models/data/keras_1_places.json

Python 3.7 must be able to read this file.
"""

import json
import sys
import warnings

import numpy as np

X, Y = np.ones((4, 3)), np.ones((4, 1))

#: By layer: its first arguments in Keras 2's order.
LAYERS = {
    "BatchNormalization": (1, 0.9, 1e-3),
    "Conv1D": (2, 3, 1, "same"),
    "Conv2D": (2, (3, 3), (1, 1)),
    "Conv2DTranspose": (2, (3, 3), (1, 1)),
    "Conv3D": (2, (3, 3, 3), (1, 1, 1)),
    "ConvLSTM2D": (2, (3, 3), (1, 1)),
    "Cropping1D": ((1, 1),),
    "Cropping2D": (((1, 1), (1, 1)), "channels_last"),
    "Cropping3D": (((1, 1), (1, 1), (1, 1)), "channels_last"),
    "Dense": (3, "relu"),
    "Dropout": (0.5, None, 1),
    "Embedding": (2, 3, "uniform"),
    "GaussianDropout": (0.5,),
    "GaussianNoise": (0.1,),
    "GlobalMaxPooling2D": ("channels_last",),
    "LSTM": (3, "tanh"),
    "GRU": (3, "tanh"),
    "SimpleRNN": (3, "tanh"),
    "LocallyConnected1D": (2, 3, 1),
    "LocallyConnected2D": (2, (3, 3), (1, 1)),
    "MaxPooling1D": (2, 2, "same"),
    "MaxPooling2D": ((2, 2), (2, 2), "same", "channels_last"),
    "AveragePooling3D": ((2, 2, 2), (2, 2, 2), "same", "channels_last"),
    "PReLU": ("zeros", None),
    "SeparableConv2D": (2, (3, 3), (1, 1)),
    "SpatialDropout1D": (0.5,),
    "SpatialDropout2D": (0.5, "channels_last"),
    "UpSampling1D": (2,),
    "UpSampling2D": ((2, 2), "channels_last"),
    "ZeroPadding1D": (1,),
    "ZeroPadding2D": ((1, 1), "channels_last"),
    "Activation": ("relu",),
    "LeakyReLU": (0.3,),
    "RepeatVector": (3,),
}


def model(keras):
    made = keras.models.Sequential([keras.layers.Dense(1, input_shape=(3,))])
    made.compile("sgd", "mse")
    return made


def batches():
    while True:
        yield X, Y


def calls(keras):
    """Returns functions without arguments, by what they call."""
    found = {}
    for name, values in LAYERS.items():
        for count in range(1, len(values) + 1):
            kind = getattr(keras.layers, name)
            found[f"{name} {count}"] = lambda kind=kind, given=values[:count]: kind(*given)
    found["Lambda 2"] = lambda: keras.layers.Lambda(abs, (3,))
    found["Lambda 3"] = lambda: keras.layers.Lambda(abs, (3,), None)
    quiet = {"verbose": 0}
    found["fit nb_epoch"] = lambda: len(model(keras).fit(X, Y, nb_epoch=2, **quiet).epoch)
    found["fit both"] = lambda: len(model(keras).fit(X, Y, nb_epoch=3, epochs=2, **quiet).epoch)
    found["fit other"] = lambda: model(keras).fit(X, Y, show_accuracy=True, **quiet)
    found["fit_generator 3"] = lambda: len(model(keras).fit_generator(batches(), 1, 2, **quiet).epoch)
    found["fit_generator 4"] = lambda: model(keras).fit_generator(batches(), 1, 2, 0)
    found["fit_generator both"] = lambda: model(keras).fit_generator(batches(), 1, nb_epoch=2, epochs=1)
    found["evaluate_generator 3"] = lambda: model(keras).evaluate_generator(batches(), 1, 1) >= 0
    found["evaluate_generator 4"] = lambda: model(keras).evaluate_generator(batches(), 1, 1, 1)
    found["padding of another key"] = lambda: keras.layers.ZeroPadding2D(padding={"foo": 1})
    found["both spellings"] = lambda: keras.layers.Dense(3, init="zeros", kernel_initializer="ones")
    found["Highway"] = lambda: keras.legacy.layers.Highway()
    found["MaxoutDense"] = lambda: keras.legacy.layers.MaxoutDense(3)
    return found


def outcome(call):
    """Returns what a call gives, or the kind of its error; and how many warnings for users there were."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            result = call()
            shown = result if isinstance(result, (int, bool)) else "made"
        except (TypeError, ValueError) as error:
            shown = "TypeError" if isinstance(error, TypeError) else "ValueError"
    return [shown, sum(one.category is UserWarning for one in told)]


def outcomes(keras):
    """Returns the outcomes of all calls, by what they call."""
    return {name: outcome(call) for name, call in calls(keras).items()}


if __name__ == "__main__":
    import keras

    with open(sys.argv[1], "w") as file:
        json.dump(outcomes(keras), file, indent=0, sort_keys=True)
        file.write("\n")
