"""Convolutions, pooling, locally connected layers, shapes, noise, advanced activations.

Outputs, gradients, weights and configurations are compared with records of Keras 2.2.4 (tests/oracle).
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from batchyard.models import Sequential, backend, layers, load_model
from batchyard.models.backend import learning_phase_scope
from batchyard.models.errors import InvalidArgumentError, ShapeError

ROOT = Path(__file__).parents[1]


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = load("spatial_layer_cases", ROOT / "oracle" / "spatial_layer_cases.py")
run_layer_test = load("layer_conformance", ROOT / "models" / "layer_conformance.py").run_layer_test


@pytest.fixture(scope="module")
def recorded():
    with np.load(ROOT / "models" / "data" / "spatial_layers_2_2_4.npz") as file:
        return {name: file[name] for name in file.files}


def described(recorded, name):
    return json.loads(str(recorded[f"{name}/description"]))


def as_json(value):
    return json.loads(json.dumps(value, default=float))


def built(name):
    class_name, arguments, _ = cases.CASES[name]
    layer = getattr(layers, class_name)(**arguments)
    x = torch.from_numpy(cases.inputs(name)).requires_grad_()
    layer(x)
    layer.set_weights(cases.weights([w.shape for w in layer.get_weights()]))
    return layer, x


RECORDED = sorted(cases.CASES)


def test_every_case_is_recorded(recorded):
    assert {key.split("/")[0] for key in recorded} == set(RECORDED)
    for name in RECORDED:
        assert described(recorded, name)["arguments"] == as_json(cases.CASES[name][1])


@pytest.mark.parametrize("name", RECORDED)
def test_outputs_and_gradients_are_those_of_keras(name, recorded):
    layer, x = built(name)
    y = layer(x)
    np.testing.assert_allclose(y.detach(), recorded[f"{name}/output"], rtol=1e-5, atol=1e-5)
    (y * torch.from_numpy(cases.direction(tuple(y.shape)))).sum().backward()
    expected = [recorded[key] for key in sorted(recorded) if key.startswith(f"{name}/gradient/")]
    for ours, theirs in zip([x, *layer.weights], expected, strict=True):
        np.testing.assert_allclose(ours.grad, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", RECORDED)
def test_weights_shapes_and_configurations_are_those_of_keras(name, recorded):
    layer, x = built(name)
    theirs = described(recorded, name)
    ours = [[w.keras_name.split("/")[1], list(w.shape)] for w in layer.weights]
    assert ours == [[key.split("/")[1], shape] for key, shape in theirs["weights"]]
    assert as_json(layer.compute_output_shape((None, *x.shape[1:]))) == theirs["output_shape"]
    config = as_json(layer.get_config())
    expected = {key: value for key, value in theirs["config"].items() if key != "name"}
    assert {key: config[key] for key in expected} == expected
    # And a layer made from Keras's own configuration computes the same.
    copy = type(layer).from_config({**config, **theirs["config"]})
    copy(x)
    copy.set_weights(layer.get_weights())
    assert torch.equal(copy(x), layer(x))


#: One row per layer, with arguments that the cases above do not draw.
CONFORMANCE = {
    **{
        name: (lambda name=name: getattr(layers, cases.CASES[name][0])(**cases.CASES[name][1]), shape)
        for name, (_, _, shape) in sorted(cases.CASES.items())
        if name.endswith("_0")
    },
    "convolution with penalties": (
        lambda: layers.Conv1D(2, 3, kernel_regularizer="l2", bias_constraint="non_neg"),
        (7, 2),
    ),
    "locally connected, one product": (
        lambda: layers.LocallyConnected1D(2, 3, implementation=2, padding="same"),
        (7, 2),
    ),
    "locally connected images, one product": (
        lambda: layers.LocallyConnected2D(2, (3, 2), strides=2, implementation=2),
        (5, 4, 2),
    ),
    "locally connected images, one product, channels first": (
        lambda: layers.LocallyConnected2D(
            2, 3, implementation=2, padding="same", data_format="channels_first"
        ),
        (2, 5, 4),
    ),
    "locally connected, channels first": (
        lambda: layers.LocallyConnected1D(2, 3, strides=2, data_format="channels_first"),
        (2, 7),
    ),
    "spatial dropout, channels first": (
        lambda: layers.SpatialDropout2D(0.5, data_format="channels_first"),
        (3, 4, 5),
    ),
    "alpha dropout of whole rows": (lambda: layers.AlphaDropout(0.3, noise_shape=(None, 1)), (4,)),
}


@pytest.mark.filterwarnings("ignore:The loss")
@pytest.mark.parametrize("name", CONFORMANCE)
def test_a_layer_does_what_every_layer_must(name):
    run_layer_test(*CONFORMANCE[name])


@pytest.mark.parametrize("data_format", cases.FORMATS)
def test_both_implementations_of_locally_connected_layers_compute_the_same(data_format):
    arguments = {"kernel_size": (3, 2), "strides": (2, 1), "data_format": data_format}
    windows = layers.LocallyConnected2D(4, **arguments)
    product = layers.LocallyConnected2D(4, implementation=2, **arguments)
    x = torch.randn(2, 5, 6, 3) if data_format == "channels_last" else torch.randn(2, 3, 5, 6)
    windows(x), product(x)
    (kernel, bias), whole = windows.get_weights(), product.get_weights()[0]
    whole[:] = 9  # what is not connected does not count
    height, width = 2, 5
    for place in range(height * width):
        row, column = divmod(place, width)
        rows, columns = slice(2 * row, 2 * row + 3), slice(column, column + 2)
        if data_format == "channels_last":
            whole[rows, columns, :, row, column] = kernel[place].reshape(3, 2, 3, 4)
        else:
            whole[:, rows, columns, :, row, column] = kernel[place].reshape(3, 3, 2, 4)
    product.set_weights([whole, bias])
    torch.testing.assert_close(product(x), windows(x))


def in_training(layer, x):
    torch.manual_seed(0)
    with learning_phase_scope(True):
        return layer(x)


@pytest.mark.parametrize("given", [None, "channels_first", "channels_last"])
@pytest.mark.parametrize("setting", ["channels_first", "channels_last"])
def test_a_configuration_of_locally_connected_sequences_means_the_same_under_any_setting(given, setting):
    layer = layers.LocallyConnected1D(2, 3, data_format=given)
    config = layer.get_config()
    assert config.get("data_format", "channels_last") == layer.data_format
    assert ("data_format" in config) == (given == "channels_first")  # Keras 2.2.4 never writes it
    backend.set_image_data_format(setting)
    try:
        assert layers.LocallyConnected1D.from_config(config).data_format == layer.data_format
    finally:
        backend.set_image_data_format("channels_last")


def test_gaussian_noise_has_its_deviation():
    noise = in_training(layers.GaussianNoise(0.5), torch.full((300, 400), 3.0)) - 3
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)
    assert float(noise.std()) == pytest.approx(0.5, abs=0.01)


def test_gaussian_dropout_multiplies_by_noise_with_the_variance_of_dropout():
    factors = in_training(layers.GaussianDropout(0.2), torch.full((300, 400), 3.0)) / 3
    assert float(factors.mean()) == pytest.approx(1, abs=0.01)
    assert float(factors.std()) == pytest.approx(0.5, abs=0.01)


def test_alpha_dropout_keeps_mean_and_variance():
    torch.manual_seed(1)
    x = torch.randn(300, 400)
    output = in_training(layers.AlphaDropout(0.3), x)
    assert float(output.mean()) == pytest.approx(0, abs=0.02)
    assert float(output.std()) == pytest.approx(1, abs=0.02)
    lowest = output.mode().values
    assert float((output == lowest[:, None]).float().mean()) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("layer", "shape", "space"),
    [
        (layers.SpatialDropout1D(0.4), (50, 7, 60), (1,)),
        (layers.SpatialDropout2D(0.4), (50, 3, 4, 60), (1, 2)),
        (layers.SpatialDropout2D(0.4, data_format="channels_first"), (50, 60, 3, 4), (2, 3)),
        (layers.SpatialDropout3D(0.4), (50, 2, 3, 2, 60), (1, 2, 3)),
    ],
)
def test_spatial_dropout_drops_whole_channels(layer, shape, space):
    output = in_training(layer, torch.ones(shape))
    assert torch.equal(output.amin(space), output.amax(space))
    assert float((output == 0).float().mean()) == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("rate", [0, 1])
def test_noise_of_rate_0_or_1_changes_nothing(rate):
    x = torch.randn(3, 4)
    for layer in (layers.AlphaDropout(rate), layers.GaussianDropout(rate)):
        assert torch.equal(in_training(layer, x), x)


def test_the_mean_over_a_sequence_leaves_masked_steps_out():
    x = torch.arange(12.0).view(1, 4, 3)
    mask = torch.tensor([[True, True, False, False]])
    assert torch.equal(layers.GlobalAveragePooling1D()(x, mask=mask), x[:, :2].mean(1))
    first = layers.GlobalAveragePooling1D(data_format="channels_first")
    assert torch.equal(first(x.transpose(1, 2), mask=mask), x[:, :2].mean(1))


def test_activity_regularization_adds_its_penalty_to_the_loss():
    model = Sequential([layers.ActivityRegularization(l1=0.5, l2=0.25, input_shape=(3,))])
    model.compile("sgd", "mse")
    x = np.array([[1.0, -2.0, 3.0]], "float32")
    assert model.test_on_batch(x, x) == pytest.approx(0.5 * 6 + 0.25 * 14)


def test_other_names_are_the_same_layers():
    for name, other in {
        "Convolution1D": "Conv1D",
        "Deconvolution2D": "Conv2DTranspose",
        "Deconv3D": "Conv3DTranspose",
        "SeparableConvolution2D": "SeparableConv2D",
        "AvgPool3D": "AveragePooling3D",
        "GlobalMaxPool1D": "GlobalMaxPooling1D",
    }.items():
        assert getattr(layers, name) is getattr(layers, other)


def test_atrous_convolutions_are_dilated_ones():
    with pytest.warns(UserWarning, match="dilation_rate"):
        layer = layers.AtrousConvolution2D(2, 3, atrous_rate=2)
    assert (type(layer), layer.dilation_rate) == (layers.Conv2D, (2, 2))
    with pytest.warns(UserWarning, match="dilation_rate"):
        assert layers.AtrousConv1D(2, 3).dilation_rate == (1,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Conv2D(2, 3, padding="causal"), "padding must be"),
        (lambda: layers.SeparableConv1D(2, 3, padding="causal"), "padding must be"),
        (lambda: layers.Conv1D(2, 3, strides=2, dilation_rate=2)(layers.Input((9, 1))), "exclude each other"),
        (lambda: layers.Conv2DTranspose(2, 3, strides=2, output_padding=2), "below the strides"),
        (lambda: layers.ZeroPadding2D((1, -1)), "padding must be"),
        (lambda: layers.Cropping3D((1, 1)), "cropping must be"),
        (lambda: layers.UpSampling2D(interpolation="cubic"), "interpolation must be"),
        (lambda: layers.LocallyConnected1D(2, 3, padding="same"), "implementation 1"),
        (lambda: layers.LocallyConnected1D(2, 3, implementation=3), "must be 1 or 2"),
        (lambda: layers.Permute((1, 3)), "once"),
        (lambda: layers.ReLU(max_value=-1), "max_value"),
        (lambda: layers.ReLU(negative_slope=-1), "negative_slope"),
    ],
)
def test_arguments_that_cannot_be_are_refused(make, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.Reshape((5, 2)), (4, 3), "do not fill"),
        (layers.Cropping1D(3), (4, 3), "take away more than axis"),
        (layers.Conv1D(2, 5), (4, 3), "larger than its input"),
        (layers.Conv1D(2, 1), (4, None), "number of channels"),
        (layers.LocallyConnected1D(2, 1), (None, 3), "known shape"),
        (layers.MaxoutDense(2), (None,), "number of inputs"),
        (layers.Highway(), (None,), "number of inputs"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer(layers.Input(shape))


def test_a_file_of_keras_predicts_and_trains_on_as_in_keras():
    model = load_model(str(ROOT / "models" / "data" / "spatial" / "model.h5"))
    with np.load(ROOT / "models" / "data" / "spatial" / "model.npz") as expected:
        x, y = expected["x"], expected["y"]
        np.testing.assert_allclose(model.predict(x), expected["predicted"], rtol=1e-5, atol=1e-5)
        losses = [model.train_on_batch(x, y) for _ in expected["losses"]]
        np.testing.assert_allclose(losses, expected["losses"], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.predict(x), expected["trained"], rtol=1e-4, atol=1e-5)


def test_masks_pass_noise_and_activations_up_to_the_mean_over_a_sequence():
    x = np.random.RandomState(0).rand(4, 5, 3).astype("float32")
    x[:, 3:] = 0
    model = Sequential(
        [
            layers.Masking(input_shape=(5, 3)),
            layers.SpatialDropout1D(0.2),
            layers.GaussianNoise(0.1),
            layers.LeakyReLU(),
            layers.GlobalAveragePooling1D(),
        ]
    )
    np.testing.assert_allclose(model.predict(x), x[:, :3].mean(1), rtol=1e-5)
