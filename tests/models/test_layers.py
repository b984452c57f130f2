"""What every layer must do, and what single layers promise."""

import numpy as np
import pytest
import torch

from batchyard.models import (
    Model,
    Sequential,
    activations,
    backend,
    constraints,
    initializers,
    layers,
    regularizers,
)
from batchyard.models.backend import learning_phase_scope
from batchyard.models.engine.shape_inference import infer_output_shape
from batchyard.models.errors import (
    GraphError,
    InvalidArgumentError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from batchyard.models.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    MaxPooling2D,
)

#: One row per layer: how to make it, and the shape of an input without the batch axis.
EVERY_LAYER = {
    "dense": (lambda: Dense(3, activation="relu", kernel_regularizer="l2"), (4,)),
    "dense on three axes": (lambda: Dense(3), (2, 4)),
    "activation": (lambda: Activation("tanh"), (4,)),
    "dropout": (lambda: Dropout(0.3), (4,)),
    "flatten": (lambda: Flatten(), (2, 3)),
    "flatten channels first": (lambda: Flatten(data_format="channels_first"), (2, 3, 4)),
    "conv": (lambda: Conv2D(2, 3, padding="same", strides=2, kernel_constraint="max_norm"), (5, 6, 2)),
    "conv channels first": (lambda: Conv2D(2, (2, 3), data_format="channels_first"), (2, 5, 6)),
    "max pooling": (lambda: MaxPooling2D((2, 3), strides=(1, 2), padding="same"), (5, 6, 2)),
    "max pooling channels first": (lambda: MaxPooling2D(data_format="channels_first"), (2, 5, 6)),
    "batch normalization": (lambda: BatchNormalization(), (4,)),
    "batch normalization of images": (lambda: BatchNormalization(axis=1), (2, 3, 4)),
}


@pytest.fixture(params=EVERY_LAYER)
def layer_and_input(request):
    make, shape = EVERY_LAYER[request.param]
    return make(), np.random.RandomState(0).rand(3, *shape).astype("float32")


def test_the_output_has_the_computed_shape(layer_and_input):
    layer, x = layer_and_input
    output = layer(torch.from_numpy(x))
    assert tuple(output.shape) == layer.compute_output_shape(x.shape)
    shape = (None, *x.shape[1:])
    assert infer_output_shape(layer, shape) == layer.compute_output_shape(shape)


def test_a_symbolic_call_knows_the_shape_of_the_eager_one(layer_and_input):
    layer, x = layer_and_input
    symbolic = layer(Input(x.shape[1:]))
    assert symbolic.shape[1:] == tuple(layer(torch.from_numpy(x)).shape)[1:]
    assert symbolic.shape[0] is None
    assert (layer.input_shape, layer.output_shape) == ((None, *x.shape[1:]), symbolic.shape)


def test_a_layer_made_from_its_configuration_computes_the_same(layer_and_input):
    layer, x = layer_and_input
    tensor = torch.from_numpy(x)
    output = layer(tensor)
    copy = layers.deserialize(layers.serialize(layer))
    copy(tensor)
    copy.set_weights(layer.get_weights())
    assert torch.equal(copy(tensor), output)
    assert copy.get_config() == layer.get_config()


def test_a_layer_trains_and_its_constraints_hold(layer_and_input):
    layer, x = layer_and_input
    inputs = Input(x.shape[1:])
    hidden = layer(inputs)
    model = Model(inputs, Dense(1)(hidden if hidden.ndim == 2 else Flatten()(hidden)))
    model.compile("sgd", "mse")
    losses = [model.train_on_batch(x, np.ones((3, 1))) for _ in range(5)]
    assert np.isfinite(losses).all()


def test_a_layer_works_in_float64(layer_and_input):
    layer, x = layer_and_input
    backend.set_floatx("float64")
    try:
        copy = type(layer).from_config({**layer.get_config(), "dtype": "float64"})
        assert copy(torch.from_numpy(x).double()).dtype == torch.float64
    finally:
        backend.set_floatx("float32")


def test_an_unknown_argument_is_refused(layer_and_input):
    layer, _ = layer_and_input
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        type(layer).from_config({**layer.get_config(), "colour": "red"})


def test_dropout_drops_its_part_and_keeps_the_mean():
    torch.manual_seed(0)
    with learning_phase_scope(True):
        output = Dropout(0.4)(torch.ones(200, 500))
    assert float((output == 0).float().mean()) == pytest.approx(0.4, abs=0.005)
    assert float(output.mean()) == pytest.approx(1, abs=0.01)


def test_dropout_does_nothing_in_test():
    x = torch.rand(5, 5)
    assert Dropout(0.4)(x) is x


def test_dropout_drops_whole_columns_where_the_mask_is_shared():
    with learning_phase_scope(True):
        output = Dropout(0.5, noise_shape=(1, None))(torch.ones(50, 100))
    assert set((output == 0).sum(0).tolist()) == {0, 50}


def test_dropout_of_everything_is_refused():
    with pytest.raises(InvalidArgumentError, match="rate below 1"):
        Dropout(1.0)(torch.ones(2, 3))


def test_training_mode_of_torch_counts_where_no_phase_is_set():
    layer = Dropout(0.5)
    layer.train()
    assert (layer(torch.ones(1000)) == 0).any()
    with learning_phase_scope(False):
        assert (layer(torch.ones(1000)) == 1).all()


def test_flattening_channels_first_gives_the_order_of_channels_last():
    x = torch.rand(2, 3, 4, 5)
    first = Flatten(data_format="channels_first")(x)
    assert torch.equal(first, Flatten()(x.permute(0, 2, 3, 1)))


def test_convolution_gives_the_same_in_both_data_formats():
    x = torch.rand(2, 6, 7, 3)
    last, first = (
        Conv2D(4, 3, padding="same", strides=2),
        Conv2D(4, 3, padding="same", strides=2, data_format="channels_first"),
    )
    output = last(x)
    first(x.permute(0, 3, 1, 2))
    first.set_weights(last.get_weights())
    torch.testing.assert_close(first(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), output)


def test_a_filter_larger_than_its_image_is_refused():
    with pytest.raises(
        ShapeError, match=r"larger than its input: kernel_size=\(5, 5\), input shape \(None, 3, 3, 1\)"
    ):
        Conv2D(1, 5)(Input((3, 3, 1)))


def test_strides_and_dilation_exclude_each_other():
    with pytest.raises(InvalidArgumentError, match="exclude each other"):
        Conv2D(1, 3, strides=2, dilation_rate=2)(Input((9, 9, 1)))


@pytest.mark.parametrize("kernel_size", [0, (1, 2, 3), "wide", (1, -1)])
def test_an_impossible_kernel_size_is_refused(kernel_size):
    with pytest.raises(InvalidArgumentError, match="kernel_size must be a positive number or a tuple of 2"):
        Conv2D(1, kernel_size)


def test_an_input_of_the_wrong_size_is_refused_with_both_shapes():
    layer = Dense(2, name="narrow")
    layer(Input((3,)))
    with pytest.raises(
        ShapeError,
        match=r"layer narrow: expected axis -1 .* size 3, found 4. Full shape received: \(None, 4\)",
    ):
        layer(Input((4,)))
    with pytest.raises(ShapeError, match="expected ndim=4, found ndim=2"):
        Conv2D(1, 3)(Input((3,)))


def test_names_count_up_and_start_again():
    backend.clear_session()
    assert [Dense(1).name, Dense(1).name, MaxPooling2D().name, Conv2D(1, 1).name] == [
        "dense_1",
        "dense_2",
        "max_pooling2d_1",
        "conv2d_1",
    ]
    backend.clear_session()
    layer = Dense(1)
    layer(torch.ones(1, 2))
    assert [w.keras_name for w in layer.weights] == ["dense_1/kernel:0", "dense_1/bias:0"]


def test_a_batch_normalization_lists_trainable_weights_first():
    layer = BatchNormalization(name="bn")
    layer(torch.ones(2, 3))
    assert [w.keras_name for w in layer.weights] == [
        "bn/gamma:0",
        "bn/beta:0",
        "bn/moving_mean:0",
        "bn/moving_variance:0",
    ]
    assert [w.requires_grad for w in layer.weights] == [True, True, False, False]
    layer.trainable = False
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == 4


def test_a_batch_normalization_called_on_its_own_in_training_moves_at_once():
    layer = BatchNormalization(momentum=0.5)
    with learning_phase_scope(True):
        layer(torch.tensor([[1.0], [3.0]]))
    assert float(layer.moving_mean) == 1.0


def test_a_single_row_has_no_variance():
    layer = BatchNormalization(momentum=0.5)
    with learning_phase_scope(True):
        layer(torch.tensor([[2.0]]))
    assert float(layer.moving_variance) == 0.5


# Layers of the user.


class Scale(Layer):
    def __init__(self, factor=1.0, **kwargs):
        self.factor = factor  # before super().__init__, as in Keras's documentation
        self.inner = Dense(2)
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.scale = self.add_weight("scale", (input_shape[-1],), initializer="ones")
        self.add_weight("unused", (1,), trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        return torch.cat([inputs * self.scale * self.factor, inputs], -1)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def test_a_layer_of_ones_own_is_built_inferred_trained_and_described():
    inputs = Input((3,))
    layer = Scale(2.0)
    outputs = layer(inputs)
    assert outputs.shape == (None, 6)
    model = Model(inputs, Dense(1)(outputs))
    model.compile("sgd", "mse")
    before = layer.get_weights()[0]
    model.train_on_batch(np.ones((2, 3)), np.zeros((2, 1)))
    assert (layer.get_weights()[0] != before).all()
    copy = Model.from_config(model.get_config(), custom_objects={"Scale": Scale})
    assert copy.layers[1].factor == 2.0
    assert {"scale", "unused"} <= {name.split(".")[-1] for name, _ in layer.named_parameters()}


def test_a_class_that_nobody_named_is_refused_with_what_to_do():
    model = Sequential([Scale(input_shape=(3,))])
    with pytest.raises(UnknownNameError, match=r"Unknown layer 'Scale'.*custom_objects"):
        Sequential.from_config(model.get_config())
    with pytest.raises(UnknownNameError, match="Did you mean 'Dense'"):
        layers.deserialize({"class_name": "Dens", "config": {}})


def test_losses_of_a_layer_count_in_training_and_evaluation():
    class Penalizing(Layer):
        def call(self, inputs):
            self.add_loss(inputs.mean())
            return inputs

    x = Input((2,))
    model = Model(x, Penalizing()(x))
    model.compile("sgd", "mse")
    rows = np.full((8, 2), 3.0)
    assert model.evaluate(rows, rows, verbose=0) == pytest.approx(3)
    history = model.fit(rows, rows, batch_size=8, verbose=0, lanes=4)
    assert history.history["loss"] == [pytest.approx(3)]


def test_a_weight_of_unknown_size_is_refused():
    with pytest.raises(ShapeError, match="last axis"):
        Dense(2)(Input((None,)))


def test_setting_weights_of_another_shape_changes_nothing():
    layer = Dense(2)
    layer(torch.ones(1, 3))
    before = layer.get_weights()
    with pytest.raises(ShapeError, match=r"shape \(2,\), but the array for it has \(3,\)"):
        layer.set_weights([np.zeros((3, 2)), np.zeros(3)])
    with pytest.raises(ShapeError, match="has 2 weights, but received 1"):
        layer.set_weights([np.zeros((3, 2))])
    for one, other in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_initial_weights_are_set_when_the_layer_is_built():
    layer = Dense(1, weights=[np.full((2, 1), 3.0), np.array([1.0])])
    assert layer(torch.ones(1, 2)).item() == 7


def test_what_is_not_there_yet_is_said():
    with pytest.raises(NotBuiltError, match="has no weights yet"):
        Dense(1).count_params()
    with pytest.raises(GraphError, match="never called on a symbolic tensor"):
        _ = Dense(1).output
    shared = Dense(1)
    shared(Input((2,)))
    shared(Input((2,)))
    with pytest.raises(GraphError, match="get_output_at"):
        _ = shared.output
    assert shared.output_shape == (None, 1)
    assert shared.get_output_at(1)._keras_history.node_index == 1


def test_a_layer_is_a_torch_module():
    model = Sequential([Dense(2, input_shape=(3,)), BatchNormalization()])
    seen = []
    model.layers[0].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    model.predict(np.ones((4, 3)))
    assert seen == [(4, 2)]
    assert len(model.state_dict()) == 6
    other = Sequential([Dense(2, input_shape=(3,)), BatchNormalization()])
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(other.predict(np.ones((4, 3))), model.predict(np.ones((4, 3))))


@pytest.mark.parametrize(
    "name",
    sorted(
        set(initializers.__all__)
        & set(dir(initializers)) - {"deserialize", "get", "serialize", "Initializer"}
    ),
)
def test_every_initializer_describes_itself(name):
    made = initializers.get(name)
    copy = initializers.deserialize(initializers.serialize(made))
    assert copy.get_config() == made.get_config()
    assert made((4, 4)).shape == (4, 4)


@pytest.mark.parametrize(
    ("name", "deviation"),
    [("glorot_uniform", (2 / 150) ** 0.5), ("he_normal", (2 / 100) ** 0.5), ("lecun_normal", 0.1)],
)
def test_initializers_scale_by_the_shape(name, deviation):
    torch.manual_seed(0)
    values = initializers.get(name)((100, 50))
    assert float(values.std()) == pytest.approx(deviation, rel=0.05)


def test_a_seeded_initializer_repeats_itself():
    made = initializers.RandomNormal(seed=3)
    assert torch.equal(made((5,)), made((5,)))


def test_an_orthogonal_weight_is_orthogonal():
    weight = initializers.Orthogonal()((6, 3))
    torch.testing.assert_close(weight.T @ weight, torch.eye(3))


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm"])
def test_every_constraint_describes_itself(name):
    made = constraints.get(name)
    assert constraints.deserialize(constraints.serialize(made)).get_config() == made.get_config()


def test_regularizers_describe_themselves():
    assert regularizers.serialize(regularizers.get("l1_l2")) == {
        "class_name": "L1L2",
        "config": {"l1": pytest.approx(0.01), "l2": pytest.approx(0.01)},
    }


def test_an_activation_is_found_by_name_or_passed_as_it_is():
    assert activations.get("relu") is activations.relu
    assert activations.get(None) is activations.linear
    assert Dense(1, activation=torch.tanh).activation is torch.tanh
    with pytest.raises(UnknownNameError, match="Did you mean 'relu'"):
        Dense(1, activation="rleu")
