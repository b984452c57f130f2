"""Masks: where they travel, who refuses them, and what they do to losses."""

import numpy as np
import pytest
import torch

from batchyard.models import Model, Sequential
from batchyard.models import backend as K
from batchyard.models.errors import DataError, MaskingError
from batchyard.models.layers import Dense, Flatten, Input, Lambda, Layer, Masking, concatenate


class Seen(Layer):
    """Keeps the mask that it was called with."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.masks = []

    def call(self, inputs, mask=None):
        self.masks.append(mask)
        return inputs


def series():
    x = np.ones((2, 3, 2), "float32")
    x[0, 1:] = 0
    return x


def masked_model():
    model = Sequential([Masking(input_shape=(3, 2)), Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_a_layer_that_takes_a_mask_is_given_that_of_its_input():
    seen = Seen()
    x = Input((3, 2))
    Model(x, seen(Dense(2)(Masking()(x)))).predict(series())
    assert seen.masks[-1].tolist() == [[True, False, False], [True, True, True]]


def test_without_masks_no_layer_is_given_one():
    seen = Seen()
    x = Input((3, 2))
    model = Model(x, seen(Dense(2)(x)))
    model.predict(series())
    assert seen.masks[-1] is None
    assert model.output._keras_mask is None


def test_a_symbolic_tensor_tells_whether_a_mask_comes_with_it():
    x = Input((3, 2))
    assert x._keras_mask is None
    assert Dense(4)(Masking()(x))._keras_mask.shape == (None, 3)


def test_masks_enter_nested_models_and_leave_them():
    seen = Seen()
    inner_input = Input((3, 2))
    inner = Model(inner_input, seen(Dense(2)(inner_input)))
    x = Input((3, 2))
    output = inner(Masking()(x))
    assert output._keras_mask.shape == (None, 3)
    Model(x, output).predict(series())
    assert seen.masks[-1].tolist() == [[True, False, False], [True, True, True]]


def test_a_layer_without_support_refuses_a_mask_when_it_is_connected():
    masked = Masking()(Input((3, 2)))
    with pytest.raises(MaskingError, match=r"flatten_\d+ does not support masks"):
        Flatten(name=None)(masked)
    with pytest.raises(TypeError):
        Flatten()(masked)


def test_a_lambda_ends_a_mask_unless_told_otherwise():
    masked = Masking()(Input((3, 2)))
    assert Lambda(lambda x: x)(masked)._keras_mask is None
    assert Lambda(lambda x: x, mask=lambda x, mask: mask)(masked)._keras_mask is not None


def test_an_input_without_mask_counts_in_full_in_a_concatenation():
    seen = Seen()
    x = Input((3, 2))
    model = Model(x, seen(concatenate([Masking()(x), x], axis=1)))
    model.predict(series())
    assert seen.masks[-1].tolist() == [[True, False, False, True, True, True], [True] * 6]


def test_masked_steps_do_not_change_the_loss():
    model, y = masked_model(), np.ones((2, 3, 1), "float32")
    other = y.copy()
    other[0, 1:] = 1000
    assert model.evaluate(series(), y, verbose=0) == model.evaluate(series(), other, verbose=0)


def test_a_batch_of_masked_steps_only_has_the_loss_0():
    model = masked_model()
    assert model.train_on_batch(np.zeros((2, 3, 2)), np.ones((2, 3, 1))) == 0.0
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_weights_per_step_with_lanes_give_the_loss_of_the_whole_batch():
    x, y = np.random.RandomState(0).rand(8, 3, 2), np.ones((8, 3, 1))
    weights = np.random.RandomState(1).randint(0, 3, (8, 3))
    losses = []
    for lanes in (1, 4):
        model = Sequential([Dense(1, kernel_initializer="ones", input_shape=(3, 2))])
        model.compile("sgd", "mse", sample_weight_mode="temporal")
        fitted = model.fit(x, y, sample_weight=weights, epochs=3, shuffle=False, lanes=lanes, verbose=0)
        losses.append(fitted.history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_weights_per_step_need_outputs_with_steps():
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse", sample_weight_mode="temporal")
    with pytest.raises(DataError, match="axis of time"):
        model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)), sample_weight=np.ones(4))


def test_weights_per_step_need_the_targets_steps():
    model = Sequential([Dense(1, input_shape=(3, 2))])
    model.compile("sgd", "mse", sample_weight_mode="temporal")
    with pytest.raises(DataError, match=r"needs the shape \(2, 3\)"):
        model.train_on_batch(np.ones((2, 3, 2)), np.ones((2, 3, 1)), sample_weight=np.ones((2, 4)))


def test_masking_leaves_a_copy_with_zeros_of_masked_steps():
    x = torch.tensor([[[5.0, 5.0], [5.0, 1.0]]])
    assert Masking(5.0)(x).tolist() == [[[0.0, 0.0], [5.0, 1.0]]]


def test_masks_of_layers_are_symbolic_tensors_too():
    x = Input((3, 2))
    layer = Masking()
    layer(x)
    assert layer.input_mask is None
    assert layer.output_mask is layer.get_output_mask_at(0)
    count = K.sum(K.cast(layer.output_mask, "float32"), axis=1)
    rows = np.array([[[1, 0], [0, 0], [2, 2]], [[0, 0], [0, 0], [0, 0]]])
    np.testing.assert_array_equal(K.function([x], [count])([rows])[0], [2, 0])
