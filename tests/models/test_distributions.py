"""What is drawn: first values of weights, and what noise does in training; in mean, spread and limits."""

import numpy as np
import pytest
import torch

from batchyard.models import backend, initializers, layers
from batchyard.models.backend import learning_phase_scope

SHAPE = (300, 200)
#: Standard deviations, and the greatest absolute value; by Keras 2.2.4's formulas for the shape above.
SPREAD = {
    "random_normal": (0.05, None),
    "random_uniform": (0.05 / 3**0.5, 0.05),
    "truncated_normal": (0.05 * 0.87962566, 0.1),
    "glorot_normal": ((2 / 500) ** 0.5, 2 * (2 / 500) ** 0.5 / 0.87962566),
    "glorot_uniform": ((2 / 500) ** 0.5, (6 / 500) ** 0.5),
    "he_normal": ((2 / 300) ** 0.5, 2 * (2 / 300) ** 0.5 / 0.87962566),
    "he_uniform": ((2 / 300) ** 0.5, (6 / 300) ** 0.5),
    "lecun_normal": ((1 / 300) ** 0.5, 2 * (1 / 300) ** 0.5 / 0.87962566),
    "lecun_uniform": ((1 / 300) ** 0.5, (3 / 300) ** 0.5),
}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(11)


def check(values, deviation, limit, mean=0.0):
    values = np.asarray(values, "float64")
    assert values.std() == pytest.approx(deviation, rel=0.02)
    assert abs(values.mean() - mean) < 5 * deviation / values.size**0.5
    if limit is not None:
        assert 0.97 * limit < np.abs(values).max() <= limit * 1.001


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", sorted(SPREAD))
def test_initializers_draw_with_keras_spread_and_limits(name, dtype):
    values = initializers.get(name)(SHAPE, dtype=dtype)
    assert str(values.dtype) == f"torch.{dtype}"
    check(values, *SPREAD[name])


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("shape", [(40, 30), (5, 30, 20), (3, 3, 20, 10), (2, 3, 2, 20, 10), (900,)])
def test_variance_scaling_counts_inputs_and_outputs_as_keras(mode, distribution, shape):
    field = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    fans = (shape[-2] * field, shape[-1] * field) if len(shape) > 1 else (30, 30)
    fan = {"fan_in": fans[0], "fan_out": fans[1], "fan_avg": sum(fans) / 2}[mode]
    made = initializers.VarianceScaling(scale=3.0, mode=mode, distribution=distribution)
    values = np.concatenate([made(shape).numpy().ravel() for _ in range(40)])
    limit = 3 * fan**-0.5 if distribution == "uniform" else 2 * (3 / fan) ** 0.5 / 0.87962566
    check(values, (3 / fan) ** 0.5, limit)


@pytest.mark.parametrize("shape", [(8, 8), (12, 5), (5, 12), (2, 3, 4, 6)])
def test_orthogonal_weights_are_orthogonal(shape):
    weight = initializers.Orthogonal(gain=2.0)(shape).reshape(-1, shape[-1]).double()
    if weight.shape[0] < weight.shape[1]:
        weight = weight.T
    torch.testing.assert_close(
        weight.T @ weight, 4 * torch.eye(weight.shape[1], dtype=torch.float64), rtol=0, atol=1e-5
    )
    assert not torch.equal(initializers.Orthogonal()(shape), initializers.Orthogonal()(shape))


def test_identities_stand_side_by_side_where_one_side_is_longer():
    one = np.eye(2)
    made = initializers.Identity(gain=0.5)
    np.testing.assert_array_equal(made((2, 2)), 0.5 * one)
    np.testing.assert_array_equal(made((2, 6)), 0.5 * np.concatenate([one] * 3, 1))
    np.testing.assert_array_equal(made((4, 2)), 0.5 * np.concatenate([one] * 2, 0))
    for shape in ((2, 3), (2,), (2, 2, 2)):
        with pytest.raises(ValueError, match="Identity"):
            made(shape)


@pytest.mark.parametrize(
    "name", [*sorted({*SPREAD, "orthogonal"}), "VarianceScaling", "RandomNormal", "Orthogonal"]
)
def test_a_seed_gives_the_same_values_twice_and_another_seed_others(name):
    description = {"class_name": name, "config": {"seed": 5}}
    if name in (
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
        "lecun_normal",
        "lecun_uniform",
    ):
        one, other, third = (getattr(initializers, name)(seed=seed) for seed in (5, 5, 6))
    else:
        one, other = initializers.get(description), initializers.get(description)
        third = initializers.get({"class_name": name, "config": {"seed": 6}})
    assert torch.equal(one((4, 3)), other((4, 3)))
    assert torch.equal(one((4, 3)), one((4, 3)))
    assert not torch.equal(one((4, 3)), third((4, 3)))
    unseeded = initializers.get(name)
    assert not torch.equal(unseeded((4, 3)), unseeded((4, 3)))


def trained(layer, x):
    with learning_phase_scope(True):
        return layer(torch.as_tensor(x)).numpy()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate, dtype):
    x = np.ones(SHAPE, dtype)
    y = trained(layers.Dropout(rate), x)
    assert y.dtype == x.dtype
    assert np.isin(y, [0, np.asarray(1 / (1 - rate)).astype(dtype)]).mean() > 0.99 or np.allclose(
        y[y != 0], 1 / (1 - rate), rtol=2e-3
    )
    assert (y == 0).mean() == pytest.approx(rate, abs=0.01)
    assert y.astype("float64").mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(layers.Dropout(rate)(torch.as_tensor(x)).numpy(), x)


@pytest.mark.parametrize(
    ("make", "axes"),
    [
        (lambda: layers.Dropout(0.5, noise_shape=(None, 1, 6)), (1,)),
        (lambda: layers.Dropout(0.5, noise_shape=(400, 5, 1)), (2,)),
        (lambda: layers.SpatialDropout1D(0.5), (1,)),
        (lambda: layers.AlphaDropout(0.5, noise_shape=(None, 1, 6)), (1,)),
    ],
)
def test_masks_are_shared_along_the_axes_of_size_one(make, axes):
    y = trained(make(), np.ones((400, 5, 6), "float32"))
    assert (np.ptp(y, axis=axes) == 0).all()
    assert (y == y.min()).mean() == pytest.approx(0.5, abs=0.05)
    others = tuple(axis for axis in range(3) if axis not in axes)
    assert np.ptp(y, axis=others).min() > 0


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("rank", [2, 3])
def test_spatial_dropout_drops_whole_channels(rank, data_format):
    made = getattr(layers, f"SpatialDropout{rank}D")(0.25, data_format=data_format)
    space = tuple(range(2, rank + 2)) if data_format == "channels_first" else tuple(range(1, rank + 1))
    y = trained(made, np.ones((300, *(5,) * (rank + 1)), "float32"))
    assert (np.ptp(y, axis=space) == 0).all()
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.04)
    assert y.mean() == pytest.approx(1, abs=0.06)


def test_gaussian_noise_adds_and_gaussian_dropout_multiplies():
    x = np.full(SHAPE, 2, "float32")
    check(trained(layers.GaussianNoise(0.3), x) - 2, 0.3, None)
    y = trained(layers.GaussianDropout(0.2), x) / 2
    check(y, (0.2 / 0.8) ** 0.5, None, mean=1.0)


def test_alpha_dropout_keeps_mean_and_variance():
    x = torch.randn(SHAPE).numpy()
    y = trained(layers.AlphaDropout(0.3), x)
    check(y, 1.0, None)
    lower_end = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
    scale = ((1 - 0.3) * (1 + 0.3 * lower_end**2)) ** -0.5
    dropped = scale * lower_end - scale * lower_end * 0.3
    assert np.isclose(y, dropped, atol=1e-3).mean() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("floatx", ["float16", "float32", "float64"])
def test_random_functions_of_the_backend_draw_what_they_say(floatx):
    backend.set_floatx(floatx)
    try:
        assert str(backend.random_normal(SHAPE).dtype) == f"torch.{floatx}"
        check(backend.eval(backend.random_normal(SHAPE, mean=1.0, stddev=0.5)), 0.5, None, mean=1.0)
        check(backend.eval(backend.random_uniform(SHAPE, minval=-1, maxval=1)), 3**-0.5, 1.0)
        check(backend.eval(backend.truncated_normal(SHAPE, stddev=0.5)), 0.5 * 0.87962566, 1.0)
        drawn = backend.eval(backend.random_binomial(SHAPE, p=0.3))
        assert drawn.astype("float64").mean() == pytest.approx(0.3, abs=0.01)
    finally:
        backend.set_floatx("float32")
