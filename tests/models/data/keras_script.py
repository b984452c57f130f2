# ruff: noqa
"""A script of Keras's time, unchanged: nothing in it knows of this library."""

import sys
import warnings

import keras
import keras.backend as K
from keras.callbacks import EarlyStopping
from keras.engine.base_layer import InputSpec
from keras.engine.topology import Layer, get_source_inputs
from keras.layers import Dense, Input
from keras.layers.core import Activation, Dropout
from keras.legacy import interfaces
from keras.models import Model, Sequential
from keras.objectives import mean_squared_error
from keras.optimizers import SGD
from keras.utils import np_utils, to_categorical
from keras.utils.io_utils import HDF5Matrix

import numpy as np

assert sys.argv[1:] == ["--epochs", "2"], sys.argv
assert __name__ == "__main__"
assert keras.__version__ == "2.2.4"
assert K.backend() == "torch"
assert keras.layers.Dense is Dense is keras.layers.core.Dense
assert np_utils.to_categorical is to_categorical
assert keras.engine.topology.Layer is Layer is keras.engine.Layer
assert Dense.__module__.startswith("batchyard.models.layers.")
assert HDF5Matrix and InputSpec and get_source_inputs and mean_squared_error and EarlyStopping and Activation

try:
    import keras.no_such_module
except ImportError as error:
    assert "keras.no_such_module" in str(error)
else:
    raise AssertionError("there is no such module")

x = np.random.RandomState(0).rand(20, 3)
y = to_categorical(np.arange(20) % 2)


def said(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    texts = [str(one.message) for one in caught]
    assert all(one.filename == __file__ for one in caught), [one.filename for one in caught]
    return result, texts


layer, texts = said(lambda: Dense(output_dim=4, init="uniform", bias=False, input_shape=(3,)))
assert texts == [
    "Update your `Dense` call to the Keras 2 API: `Dense(input_shape=(3,), units=4, "
    'kernel_initializer="uniform", use_bias=False)`'
], texts
assert (layer.units, layer.use_bias) == (4, False)
dropout, texts = said(lambda: Dropout(p=0.5))
assert dropout.rate == 0.5 and len(texts) == 1
conv, texts = said(lambda: keras.layers.Convolution2D(4, 3, 2, border_mode="same", dim_ordering="th"))
assert (conv.kernel_size, conv.padding, conv.data_format) == ((3, 2), "same", "channels_first"), texts
conv, texts = said(lambda: keras.layers.Conv2D(nb_filter=4, nb_row=3, nb_col=2, subsample=(2, 2)))
assert (conv.filters, conv.kernel_size, conv.strides) == (4, (3, 2), (2, 2)), texts
conv, texts = said(lambda: keras.layers.Conv2D(4, 3, strides=2))
assert (conv.kernel_size, conv.strides, texts) == ((3, 3), (2, 2), [])
try:
    Dense(4, output_dim=4, units=4)
except TypeError as error:
    assert "Keras 1's name" in str(error)

model = Sequential([layer, dropout, Dense(2, activation="softmax")])
model.compile(SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
history, texts = said(lambda: model.fit(x, y, nb_epoch=2, verbose=0))
assert len(history.epoch) == 2
assert texts == ["The `nb_epoch` argument in `fit` has been renamed `epochs`."]


def batches():
    while True:
        yield x[:10], y[:10]


history, texts = said(
    lambda: model.fit_generator(batches(), samples_per_epoch=2, nb_epoch=3, verbose=0, max_q_size=2)
)
assert history.params["steps"] == 2 and len(history.epoch) == 3 and len(texts) == 2, texts

a = Input((3,))
functional, texts = said(lambda: Model(input=a, output=Dense(1)(a)))
assert functional.output_shape == (None, 1) and "Update your `Model`" in texts[0]


class Scale(Layer):
    @interfaces.generate_legacy_interface(conversions=[("by", "factor")])
    def __init__(self, factor=1.0, **kwargs):
        self.factor = factor
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.scale = self.add_weight((1,), initializer="one", name="scale")
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.scale * self.factor


scale, texts = said(lambda: Scale(by=3.0))
assert scale.factor == 3.0 and len(texts) == 1
assert Sequential([scale]).predict(x).shape == x.shape
assert interfaces.legacy_dense_support and not hasattr(interfaces, "legacy_nothing_support")
print("done")
