"""What every layer must do, in one call: `run_layer_test`."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from batchyard.models import Model, backend, layers, load_model
from batchyard.models.backend import learning_phase_scope
from batchyard.models.engine.shape_inference import infer_output_shape
from batchyard.models.layers import Dense, Flatten, Input

ROWS = 6


def run_layer_test(make, shape, trains=True):
    """Check shapes, dtypes, configuration, file, training and lanes of a layer.

    Args:
        make: returns a new layer.
        shape: of an input, without the batch axis.
        trains: whether an input of random numbers makes a loss with finite gradients.
    """
    x = np.random.RandomState(0).uniform(0.1, 1, (ROWS, *shape)).astype("float32")
    layer, output = _check_shapes(make(), x)
    _check_configuration(layer, x, output)
    _check_float64(layer, x)
    if trains:
        _check_training_and_file(make, x)


def _check_shapes(layer, x):
    tensor = torch.from_numpy(x)
    output = layer(tensor)
    shape = (None, *x.shape[1:])
    assert output.dtype == torch.float32
    assert tuple(output.shape) == layer.compute_output_shape(x.shape)
    assert infer_output_shape(layer, shape) == layer.compute_output_shape(shape)
    symbolic = layer(Input(x.shape[1:]))
    assert symbolic.shape == (None, *output.shape[1:])
    assert torch.equal(layer(tensor), output)
    with learning_phase_scope(True):
        assert layer(tensor).shape == output.shape
    return layer, output


def _check_configuration(layer, x, output):
    copy = layers.deserialize(layers.serialize(layer))
    tensor = torch.from_numpy(x)
    copy(tensor)
    copy.set_weights(layer.get_weights())
    assert torch.equal(copy(tensor), output)
    assert copy.get_config() == layer.get_config()
    assert [w.keras_name for w in copy.weights] == [w.keras_name for w in layer.weights]


def _check_float64(layer, x):
    backend.set_floatx("float64")
    try:
        copy = type(layer).from_config({**layer.get_config(), "dtype": "float64"})
        assert copy(torch.from_numpy(x).double()).dtype == torch.float64
    finally:
        backend.set_floatx("float32")


def _model(make, shape):
    backend.clear_session()
    torch.manual_seed(3)
    inputs = Input(shape)
    hidden = make()(inputs)
    hidden = hidden if hidden.ndim == 2 else Flatten()(hidden)
    model = Model(inputs, Dense(1)(hidden))
    model.compile("sgd", "mse")
    return model


def _check_training_and_file(make, x):
    y = np.ones((ROWS, 1), "float32")
    models = [_model(make, x.shape[1:]) for _ in range(2)]
    for model in models:
        torch.manual_seed(5)
        model.fit(x, y, epochs=2, batch_size=4, verbose=0, lanes=4)
    one, other = (model.get_weights() for model in models)
    assert all(np.isfinite(weight).all() for weight in one)
    assert [w.tobytes() for w in one] == [w.tobytes() for w in other]
    _check_file(models[0], x)


def _check_file(model, x):
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.h5")
        model.save(path)
        again = load_model(path)
    assert np.array_equal(again.predict(x), model.predict(x))
