"""Shortcuts of layers and optimizers change no result: each beside the long way."""

import numpy as np
import pytest
import torch

from batchyard.models import Sequential, backend
from batchyard.models.engine.step_context import (
    MovingAverageUpdate,
    apply_moving_average,
    apply_moving_averages,
)
from batchyard.models.layers import (
    Conv2D,
    Conv2DTranspose,
    Conv3DTranspose,
    DepthwiseConv2D,
    SeparableConv2D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
)

KERNELS = {
    "conv2d": lambda: Conv2D(4, 3, strides=2, padding="same", activation="relu"),
    "depthwise": lambda: DepthwiseConv2D(3, depth_multiplier=2),
    "separable": lambda: SeparableConv2D(4, 3),
    "transposed": lambda: Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
}


def trained(make, optimizer, contiguous):
    """Returns weights and slots after two steps, and the layer."""
    random = np.random.RandomState(0)
    model = Sequential([make()])
    model.build((None, 6, 6, 3))
    layer = model.layers[0]
    model.set_weights([random.standard_normal(weight.shape) for weight in layer.weights])
    if contiguous:
        for weight in layer.weights:
            weight.data = weight.data.contiguous()
    model.compile(optimizer, "mse")
    x = random.rand(8, 6, 6, 3).astype("float32")
    y = random.rand(8, *model.output_shape[1:]).astype("float32")
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    return [*model.get_weights(), *model.optimizer.get_weights()], layer


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("kind", KERNELS)
def test_the_order_of_kernels_in_memory_changes_at_most_the_last_bit(kind, optimizer):
    found, layer = trained(KERNELS[kind], optimizer, contiguous=False)
    wanted, _ = trained(KERNELS[kind], optimizer, contiguous=True)
    assert not layer.trainable_weights[0].is_contiguous()
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_slots_follow_weights_that_lie_elsewhere_and_otherwise_in_memory():
    model = Sequential([Conv2D(4, 3, input_shape=(6, 6, 3))])
    model.compile("adam", "mse")
    rows = np.ones((2, 6, 6, 3), "float32"), np.ones((2, 4, 4, 4), "float32")
    model.train_on_batch(*rows)
    slots = model.optimizer.get_weights()
    for weight in model.weights:
        weight.data = weight.data.contiguous()
    model.optimizer.build(model.trainable_weights)
    for slot, before in zip(model.optimizer.get_weights(), slots, strict=True):
        np.testing.assert_array_equal(slot, before)


def test_up_sampling_repeats_each_place():
    x = torch.arange(300.0).view(1, 300, 1)
    for size in range(1, 42):
        assert torch.equal(UpSampling1D(size)(x).flatten(), x.flatten().repeat_interleave(size)), size


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("layer", "rank"), [(UpSampling2D, 2), (UpSampling3D, 3)])
def test_up_sampling_of_floats_is_that_of_whole_numbers_and_its_gradient_a_sum(layer, rank, data_format):
    whole = torch.arange(2 * 3 * 4 * 5 * 2 ** (rank - 2)).view(2, *(3, 4, 2)[:rank], 5)
    up = layer(tuple(range(2, 2 + rank)), data_format=data_format)
    floats = whole.float().requires_grad_()
    assert torch.equal(up(floats), up(whole).float())
    (gradient,) = torch.autograd.grad(up(floats).sum(), floats)
    assert torch.equal(gradient, torch.full_like(gradient, float(np.prod(up.size))))


def test_moving_averages_are_folded_in_order():
    generator = torch.Generator().manual_seed(0)
    variables = [torch.rand(3, generator=generator) for _ in range(3)]
    places = [(0, 0.9), (1, 0.9), (0, 0.9), (2, 0.99), (2, 0.0), (1, 0.99), (1, 0.99)]
    values = [torch.rand(3, generator=generator) for _ in places]
    results = []
    for together in (False, True):
        own = [variable.clone() for variable in variables]
        updates = [
            MovingAverageUpdate(own[place], value, momentum)
            for (place, momentum), value in zip(places, values, strict=True)
        ]
        if together:
            apply_moving_averages(updates, values)
        else:
            for update in updates:
                apply_moving_average(update)
        results.append(torch.stack(own))
    assert torch.equal(*results)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("layer", "rank"), [(Conv2DTranspose, 2), (Conv3DTranspose, 3)])
def test_transposed_convolutions_of_one_channel_have_gradients_in_float64(layer, rank, data_format):
    made = layer(4, 3, strides=2, padding="same", dtype="float64", data_format=data_format)
    shape = (5, 4, 3)[:rank]
    x = torch.rand(2, *((*shape, 1) if data_format == "channels_last" else (1, *shape)), dtype=torch.float64)
    x.requires_grad_()
    made(x)
    kernel = made.kernel
    function = backend.conv2d_transpose if rank == 2 else backend.conv3d_transpose

    def gradients(call, dtype):
        inputs, weights = (t.detach().to(dtype).requires_grad_() for t in (x, kernel))
        return torch.autograd.grad(call(inputs, weights).square().sum(), (inputs, weights))

    def by_backend(inputs, weights):
        return function(inputs, weights, tuple(made(x).shape), (2,) * rank, "same", data_format)

    by_layer = torch.autograd.grad(made(x).square().sum(), (x, kernel))
    torch.testing.assert_close(by_layer, gradients(by_backend, torch.float64))
    in_floats = gradients(by_backend, torch.float32)  # by other kernels
    torch.testing.assert_close(by_layer, in_floats, check_dtype=False, rtol=1e-4, atol=1e-4)
