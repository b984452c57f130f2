"""What recurrent layers, wrappers and Embedding promise beside the numbers of Keras."""

import h5py
import numpy as np
import pytest
import torch

from batchyard.models import Model, Sequential, backend, layers, load_model
from batchyard.models.backend import learning_phase_scope
from batchyard.models.errors import GraphError, InvalidArgumentError, MaskingError, ShapeError
from batchyard.models.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ConvLSTM2D,
    CuDNNGRU,
    CuDNNLSTM,
    Dense,
    Embedding,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    Masking,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
    TimeDistributed,
)
from batchyard.models.saving import CustomObjectScope
from batchyard.models.saving.rnn_conversion import convert_rnn_weights
from batchyard.models.training import LocalStrategy, TensorBatch
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.randomness import lane_scope
from batchyard.models.training.step import TrainStep

EVERY_LAYER = {
    "simple rnn": lambda: SimpleRNN(3, return_sequences=True),
    "gru": lambda: GRU(3, implementation=2, dropout=0.2, recurrent_dropout=0.1),
    "gru reset after": lambda: GRU(3, reset_after=True, recurrent_activation="sigmoid"),
    "lstm": lambda: LSTM(3, dropout=0.2, recurrent_dropout=0.1, kernel_regularizer="l2"),
    "lstm with states": lambda: LSTM(3, return_state=True, recurrent_activation="sigmoid"),
    "cudnn lstm": lambda: CuDNNLSTM(3, return_sequences=True, bias_constraint="non_neg"),
    "cudnn gru": lambda: CuDNNGRU(3, go_backwards=True, return_state=True),
    "stacked cells": lambda: RNN([LSTMCell(3, dropout=0.2), GRUCell(2)], return_state=True),
    "time distributed": lambda: TimeDistributed(Dense(3, activation="relu")),
    "bidirectional": lambda: Bidirectional(LSTM(3, return_sequences=True), merge_mode="ave"),
    "bidirectional with states": lambda: Bidirectional(GRU(3, return_state=True), merge_mode=None),
}
X = torch.from_numpy(np.random.RandomState(0).rand(4, 5, 3).astype("float32"))


def as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


@pytest.fixture(params=EVERY_LAYER)
def layer(request):
    return EVERY_LAYER[request.param]()


def test_the_output_has_the_computed_shape(layer):
    outputs = as_list(layer(X))
    computed = layer.compute_output_shape(tuple(X.shape))
    assert [tuple(one.shape) for one in outputs] == (computed if isinstance(computed, list) else [computed])
    symbolic = as_list(layer(Input((5, 3))))
    assert [one.shape for one in symbolic] == [(None, *one.shape[1:]) for one in outputs]


def test_a_layer_made_from_its_configuration_computes_the_same(layer):
    outputs = as_list(layer(X))
    copy = layers.deserialize(layers.serialize(layer))
    copy(X)
    copy.set_weights(layer.get_weights())
    assert all(torch.equal(a, b) for a, b in zip(as_list(copy(X)), outputs, strict=True))
    assert copy.get_config() == layer.get_config()
    assert [w.keras_name for w in copy.weights] == [w.keras_name for w in layer.weights]


@pytest.mark.parametrize("make", EVERY_LAYER.values(), ids=EVERY_LAYER)
def test_a_layer_works_in_float64(make):
    backend.set_floatx("float64")
    try:
        copy = make()
        assert all(one.dtype == torch.float64 for one in as_list(copy(X.double())))
    finally:
        backend.set_floatx("float32")


def test_torch_knows_each_weight_once(layer):
    layer(X)
    assert {id(p) for p in layer.parameters()} == {id(w) for w in layer.weights}
    assert len(list(layer.parameters())) == len(layer.weights)


def test_a_frozen_layer_has_no_trainable_weights(layer):
    layer(X)
    count = len(layer.weights)
    layer.trainable = False
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == count


def test_an_unknown_argument_is_refused(layer):
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        type(layer).from_config({**layer.get_config(), "colour": "red"})


# Files.


def test_files_name_weights_by_the_outer_layer(tmp_path):
    backend.clear_session()
    model = Sequential(
        [
            LSTM(2, return_sequences=True, input_shape=(4, 3)),
            Bidirectional(GRU(2, return_sequences=True, reset_after=True)),
            TimeDistributed(Dense(2)),
            RNN([LSTMCell(2), LSTMCell(2)]),
        ]
    )
    model.save_weights(tmp_path / "weights.h5")
    with h5py.File(tmp_path / "weights.h5") as file:
        names = {
            layer: [name.decode() for name in file[layer].attrs["weight_names"]]
            for layer in ("lstm_1", "bidirectional_1", "time_distributed_1", "rnn_1")
        }
        assert file["bidirectional_1/bidirectional_1/forward_gru_1/bias:0"].shape == (2, 6)
    parts = ("kernel", "recurrent_kernel", "bias")
    assert names["lstm_1"] == [f"lstm_1/{part}:0" for part in parts]
    assert names["bidirectional_1"] == [
        f"bidirectional_1/{way}_gru_1/{part}:0" for way in ("forward", "backward") for part in parts
    ]
    assert names["time_distributed_1"] == ["time_distributed_1/kernel:0", "time_distributed_1/bias:0"]
    assert names["rnn_1"] == [f"rnn_1/{part}{number}:0" for number in ("", "_1") for part in parts]


# Arguments.


def test_the_forget_gate_begins_with_one():
    layer = LSTM(2)
    layer(X)
    assert layer.get_weights()[2].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    layer = CuDNNLSTM(1)
    layer(X)
    assert layer.get_weights()[2].tolist() == [0, 0, 0, 0, 0, 1, 0, 0]


def test_old_files_implementation_0_means_1():
    assert LSTM.from_config({**LSTM(2).get_config(), "implementation": 0}).implementation == 1


def test_the_arguments_of_the_cell_can_be_read_at_the_layer():
    layer = GRU(3, dropout=0.25, reset_after=True, activation="relu")
    assert (layer.units, layer.dropout, layer.reset_after) == (3, 0.25, True)
    assert layer.activation is layer.cell.activation
    with pytest.raises(AttributeError, match="unit_forget_bias"):
        layer.unit_forget_bias  # noqa: B018


def test_input_dim_and_input_length_say_the_shape():
    model = Sequential([LSTM(2, input_dim=3, input_length=5)])
    assert model.input_shape == (None, 5, 3)


def test_something_that_is_no_cell_is_refused():
    with pytest.raises(InvalidArgumentError, match="has no state_size"):
        RNN(Dense(2))
    with pytest.raises(InvalidArgumentError, match="Each cell needs"):
        StackedRNNCells([LSTMCell(2), Dense(2)])
    with pytest.raises(InvalidArgumentError, match="at least one unit"):
        LSTM(0)


def test_an_input_of_the_wrong_shape_is_refused():
    with pytest.raises(ShapeError, match="expected ndim=3, found ndim=2"):
        LSTM(2)(torch.ones(2, 3))
    layer = LSTM(2)
    layer(X)
    with pytest.raises(ShapeError, match="size 3, found 4"):
        layer(Input((5, 4)))


# States.


def test_states_given_as_tensors_begin_the_sequence():
    layer = LSTM(2, return_state=True, return_sequences=True)
    whole, h, c = layer(X)
    first, *states = layer(X[:, :2])
    second, h_2, c_2 = layer(X[:, 2:], initial_state=states)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close([h_2, c_2], [h, c])


def test_a_graph_takes_numbers_as_initial_states():
    inputs, state = Input(batch_shape=(4, 5, 3)), torch.rand(4, 2)
    layer = GRU(2)
    model = Model(inputs, layer(inputs, initial_state=state))
    expected = layer(X, initial_state=state).detach()
    np.testing.assert_allclose(model.predict(X.numpy(), batch_size=4), expected, rtol=1e-5)


def test_states_of_stacked_cells_can_be_listed_from_the_last_to_the_first():
    cells = [GRUCell(3), GRUCell(2)]
    first, last = torch.rand(4, 3), torch.rand(4, 2)
    plain = RNN(StackedRNNCells(cells), return_state=True)
    turned = RNN(StackedRNNCells(cells, reverse_state_order=True), return_state=True)
    output, *states = plain(X, initial_state=[first, last])
    same, *reverse = turned(X, initial_state=[last, first])
    assert torch.equal(output, same)
    assert all(torch.equal(a, b) for a, b in zip(states, reverse[::-1], strict=True))
    assert StackedRNNCells.from_config(turned.cell.get_config()).state_size == (2, 3)


def test_the_wrong_number_or_size_of_states_is_refused():
    with pytest.raises(ShapeError, match="has 2 states, but received 1 initial"):
        LSTM(2)(X, initial_state=torch.ones(4, 2))
    with pytest.raises(ShapeError, match=r"should have the shape \(None, 2\)"):
        GRU(2)(Input((5, 3)), initial_state=Input((3,)))
    with pytest.raises(GraphError, match="mixture"):
        LSTM(2)(Input((5, 3)), initial_state=[Input((2,)), torch.ones(4, 2)])
    with pytest.raises(ShapeError, match=r"should have the shape \(None, 2\)"):
        GRU(2)(Input((5, 3)), initial_state=torch.ones(4, 3))
    with pytest.raises(ShapeError, match="both directions"):
        Bidirectional(GRU(2))(X, initial_state=torch.ones(4, 2))


def stateful(batch=4, **arguments):
    model = Sequential([LSTM(2, stateful=True, batch_input_shape=(batch, 5, 3), **arguments), Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("recurrent_activation", ["sigmoid", "hard_sigmoid"])
def test_a_stateful_layer_goes_on_where_the_batch_before_ended(recurrent_activation):
    model = stateful(recurrent_activation=recurrent_activation)
    x = X.numpy()
    first = model.predict(x, batch_size=4)
    second = model.predict(x, batch_size=4)
    assert not np.allclose(first, second)
    model.reset_states()
    assert np.array_equal(
        model.predict(np.concatenate([x, x]), batch_size=4), np.concatenate([first, second])
    )
    model.reset_states()
    plain = LSTM(2, recurrent_activation=recurrent_activation)
    plain(X)
    plain.set_weights(model.layers[0].get_weights())
    expected = model.layers[1](plain(torch.cat([X, X], 1))).detach()
    model.predict(x, batch_size=4)
    np.testing.assert_allclose(model.predict(x, batch_size=4), expected, rtol=1e-5)


def test_states_go_on_through_training_and_prediction():
    model, layer = stateful(), None
    layer = model.layers[0]
    x, y = X.numpy(), np.ones((4, 1))
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    after_fit = [state.clone() for state in layer.states]
    model.predict_classes(x, batch_size=4)
    assert not torch.equal(layer.states[0], after_fit[0])
    model.train_on_batch(x, y)  # what was predicted may be trained upon
    model.reset_states()
    assert [state.tolist() for state in layer.states] == [[[0] * layer.units] * 4] * 2


def test_states_stay_as_they_were_until_the_step_is_applied():
    model = stateful()
    model.predict(X.numpy(), batch_size=4)
    before = [state.clone() for state in model.layers[0].states]
    batch = TensorBatch(columns_of(model, X.numpy(), np.ones((4, 1))))
    step, strategy = TrainStep(model, 1), LocalStrategy()
    totals = [strategy.reduce(step.results(batch, 0, 0, 0, strategy.owned_lanes)) for _ in range(2)]
    assert torch.equal(totals[0].grads[0], totals[1].grads[0])
    assert all(torch.equal(a, b) for a, b in zip(before, model.layers[0].states, strict=True))
    step.apply(totals[0])
    assert not torch.equal(before[0], model.layers[0].states[0])


def test_states_can_be_set():
    layer = GRU(2, stateful=True, batch_input_shape=(4, 5, 3))
    Sequential([layer])
    layer.reset_states(np.full((4, 2), 0.5, "float32"))
    assert torch.equal(layer(X), layer(X, initial_state=torch.full((4, 2), 0.5)))
    with pytest.raises(ShapeError, match=r"State 0 .* shape \(4, 2\), but received \(3, 2\)"):
        layer.reset_states([np.zeros((3, 2))])
    with pytest.raises(ShapeError, match="has 1 states, but received 2"):
        layer.reset_states([np.zeros((4, 2))] * 2)


def test_a_stateful_layer_needs_a_batch_size():
    with pytest.raises(InvalidArgumentError, match="needs to know its batch size"):
        Sequential([LSTM(2, stateful=True, input_shape=(5, 3))])
    with pytest.raises(InvalidArgumentError, match="not stateful"):
        LSTM(2).reset_states()


def test_a_batch_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"batch.*4"):
        stateful().predict(np.ones((3, 5, 3), "float32"))


def test_rows_that_do_not_fill_their_batches_are_refused():
    with pytest.raises(ValueError, match=r"whole batches: .* batch_size=4 .* received 6 rows"):
        stateful().predict(np.ones((6, 5, 3), "float32"), batch_size=4)


def test_a_layer_whose_states_nobody_can_cut_trains_in_one_lane_only():
    class Counter(Layer):
        def call(self, inputs):
            return inputs

    layer = Counter(name="counter", input_shape=(3,))
    layer.stateful = True
    model = Sequential([layer, Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(InvalidArgumentError, match=r"counter cannot be cut into lanes.*received lanes=2"):
        model.fit(np.ones((4, 3)), np.ones((4, 1)), lanes=2, verbose=0)


def test_states_within_an_inner_model_are_reset():
    inputs = Input(batch_shape=(4, 5, 3))
    inner = Model(inputs, LSTM(2, stateful=True)(inputs))
    outer = Sequential([inner, Dense(1)])
    outer.predict(X.numpy(), batch_size=4)
    assert inner.layers[1].states[0] is not None
    outer.reset_states()
    assert not inner.layers[1].states[0].any()


def test_both_directions_keep_states():
    layer = Bidirectional(GRU(2, stateful=True), batch_input_shape=(4, 5, 3))
    model = Sequential([layer])
    first, second = (model.predict(X.numpy(), batch_size=4) for _ in range(2))
    assert not np.allclose(first[:, :2], second[:, :2])
    assert not np.allclose(first[:, 2:], second[:, 2:])
    model.reset_states()
    assert np.array_equal(model.predict(X.numpy(), batch_size=4), first)


# Dropout.


@pytest.mark.parametrize("implementation", [1, 2])
@pytest.mark.parametrize("make", [LSTM, GRU])
def test_what_is_dropped_follows_from_the_lane(make, implementation):
    layer = make(3, dropout=0.4, recurrent_dropout=0.3, implementation=implementation)
    layer(X)

    def trained(lane):
        with lane_scope(1, 2, 3, lane), learning_phase_scope(True):
            return layer(X)

    assert torch.equal(trained(0), trained(0))
    assert not torch.equal(trained(0), trained(1))
    assert torch.equal(layer(X), layer(X))


@pytest.mark.parametrize("make", [lambda cell: RNN(cell), lambda cell: RNN([cell])])
def test_the_same_inputs_are_dropped_at_all_steps(make):
    cell = SimpleRNNCell(50, activation="linear", dropout=0.5, recurrent_initializer="identity")
    layer = make(cell)
    ones = torch.ones(1, 4, 30)
    layer(ones)
    with torch.no_grad():
        cell.recurrent_kernel.zero_()
    layer.return_sequences = True
    with learning_phase_scope(True):
        first, second = layer(ones), layer(ones)
    for one in (first, second):
        torch.testing.assert_close(one, one[:, :1].expand_as(one))
    assert not torch.allclose(first, second)


def test_a_dropped_state_keeps_its_mean():
    layer = SimpleRNN(1, activation="linear", recurrent_dropout=0.5, return_sequences=True)
    layer(torch.zeros(4000, 2, 1))
    layer.set_weights([np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)])
    with learning_phase_scope(True):
        output = layer(torch.zeros(4000, 1, 1), initial_state=torch.ones(4000, 1))
    assert set(output.unique().tolist()) == {0.0, 2.0}
    assert float(output.detach().mean()) == pytest.approx(1, abs=0.1)


# Cells of the user.


class Minimal(Layer):
    """The cell of Keras's documentation."""

    def __init__(self, units, **kwargs):
        self.units = units
        self.state_size = units
        super().__init__(**kwargs)

    def build(self, input_shape):
        first = input_shape[0] if isinstance(input_shape, list) else input_shape
        self.kernel = self.add_weight("kernel", (first[-1], self.units))
        self.recurrent = self.add_weight("recurrent_kernel", (self.units, self.units))
        self.built = True

    def call(self, inputs, states, constants=None):
        output = inputs @ self.kernel + states[0] @ self.recurrent
        if constants:
            output = output + constants[0]
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_a_cell_of_ones_own_is_run_stacked_saved_and_loaded(tmp_path):
    model = Sequential([RNN([Minimal(3), Minimal(2)], input_shape=(5, 3)), Dense(1)])
    model.compile("sgd", "mse")
    model.train_on_batch(X.numpy(), np.ones((4, 1)))
    model.save(tmp_path / "model.h5")
    copy = load_model(tmp_path / "model.h5", {"Minimal": Minimal})
    assert np.array_equal(copy.predict(X.numpy()), model.predict(X.numpy()))


@pytest.mark.parametrize("wrap", [lambda layer: layer, Bidirectional])
def test_constants_reach_the_cell_at_each_step(wrap):
    inputs, constant = Input((5, 3)), Input((2,))
    with CustomObjectScope({"Minimal": Minimal}):
        layer = wrap(RNN(Minimal(2)))
        model = Model([inputs, constant], layer(inputs, constants=constant))
        values = np.random.RandomState(1).rand(4, 2).astype("float32")
        with_constants = model.predict([X.numpy(), values])
        assert not np.allclose(with_constants, model.predict([X.numpy(), 0 * values]))
        copy = Model.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    assert np.array_equal(copy.predict([X.numpy(), values]), with_constants)


def test_a_cell_called_on_its_own_computes_one_step():
    cell = LSTMCell(2)
    output, states = cell(X[:, 0], [torch.zeros(4, 2), torch.zeros(4, 2)])
    layer = RNN(cell, return_state=True)
    torch.testing.assert_close([output, *states], layer(X[:, :1]))


# CuDNN's layout.


def test_cudnn_layers_compute_what_their_likes_compute():
    ours, like = CuDNNLSTM(2, return_sequences=True), LSTM(2, recurrent_activation="sigmoid")
    like.return_sequences = True
    ours(X), like(X)
    like.set_weights(convert_rnn_weights(ours.get_weights(), "LSTM"))
    torch.testing.assert_close(ours(X), like(X))
    ours, like = CuDNNGRU(2), GRU(2, recurrent_activation="sigmoid", reset_after=True)
    ours(X), like(X)
    ours.set_weights([*ours.get_weights()[:2], np.random.RandomState(0).rand(12)])
    like.set_weights(convert_rnn_weights(ours.get_weights(), "GRU", reset_after=True))
    torch.testing.assert_close(ours(X), like(X))


def test_cudnn_layers_refuse_masks():
    with pytest.raises(MaskingError, match="Use LSTM with recurrent_activation='sigmoid'"):
        CuDNNLSTM(2)(Masking()(Input((5, 3))))


# Images.


@pytest.mark.parametrize("strides", [1, 2])
def test_a_convolutional_lstm_gives_the_same_in_both_data_formats(strides):
    x = torch.rand(2, 3, 6, 5, 2)
    last = ConvLSTM2D(3, (3, 2), strides=strides, return_sequences=True, return_state=True)
    first = ConvLSTM2D(
        3, (3, 2), strides=strides, return_sequences=True, return_state=True, data_format="channels_first"
    )
    outputs, others = last(x), first(x.movedim(-1, 2))
    first.set_weights(last.get_weights())
    others = first(x.movedim(-1, 2))
    assert [tuple(one.shape) for one in outputs] == last.compute_output_shape(tuple(x.shape))
    assert [tuple(one.shape) for one in others] == first.compute_output_shape((2, 3, 2, 6, 5))
    for one, other in zip(outputs, others, strict=True):
        torch.testing.assert_close(other.movedim(-3, -1), one)


def test_a_convolutional_lstm_drops_what_follows_from_the_lane():
    layer, x = ConvLSTM2D(2, 3, dropout=0.3, recurrent_dropout=0.2), torch.rand(2, 3, 5, 5, 1)
    layer(x)
    found = []
    for lane in (0, 0, 1):
        with lane_scope(1, 2, 3, lane), learning_phase_scope(True):
            found.append(layer(x))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_convolutional_lstm_keeps_states_and_is_not_unrolled():
    layer = ConvLSTM2D(2, 3, stateful=True, batch_input_shape=(2, 3, 5, 5, 1))
    model, x = Sequential([layer]), np.random.RandomState(0).rand(2, 3, 5, 5, 1)
    first, second = (model.predict(x, batch_size=2) for _ in range(2))
    assert not np.allclose(first, second)
    layer.reset_states([np.zeros((2, 3, 3, 2))] * 2)
    assert np.array_equal(model.predict(x, batch_size=2), first)
    with pytest.raises(InvalidArgumentError, match="cannot be unrolled"):
        ConvLSTM2D(2, 3, unroll=True)


# Embedding and wrappers.


def test_an_embedding_masks_zeros_if_asked():
    x = torch.tensor([[0, 2, 1]])
    assert Embedding(3, 2, mask_zero=True).compute_mask(x).tolist() == [[False, True, True]]
    assert Embedding(3, 2).compute_mask(x) is None


def test_what_is_masked_changes_nothing():
    model = Sequential([Embedding(9, 3, mask_zero=True), GRU(2)])
    short, long = np.array([[5, 3, 8]]), np.array([[0, 5, 0, 3, 8, 0]])
    np.testing.assert_allclose(model.predict(short), model.predict(long), rtol=1e-5)


def test_an_embedding_refuses_sequences_of_another_length():
    with pytest.raises(ShapeError, match="input_length=4"):
        Embedding(5, 2, input_length=4)(Input((3,)))
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        Embedding(0, 2)


def test_a_wrapper_needs_a_layer():
    with pytest.raises(InvalidArgumentError, match="TimeDistributed needs a layer"):
        TimeDistributed(3)
    with pytest.raises(InvalidArgumentError, match="needs a recurrent layer"):
        Bidirectional(Dense(2))
    with pytest.raises(InvalidArgumentError, match="merge_mode must be"):
        Bidirectional(LSTM(2), merge_mode="max")


def test_a_model_is_distributed_over_time():
    inner = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(2)])
    model = Sequential([TimeDistributed(inner, input_shape=(5, 3))])
    np.testing.assert_allclose(
        model.predict(X.numpy()), inner.predict(X.reshape(20, 3).numpy()).reshape(4, 5, 2), rtol=1e-5
    )


def test_initial_weights_of_both_directions_can_be_given():
    given = Bidirectional(LSTM(2))
    given(X)
    copy = Bidirectional(LSTM(2), weights=given.get_weights())
    assert torch.equal(copy(X), given(X))


def test_a_penalty_on_the_inner_layers_output_counts():
    model = Sequential([TimeDistributed(Dense(1, activity_regularizer="l2"), input_shape=(5, 3))])
    model.compile("sgd", "mse")
    x = X.numpy()
    y = model.predict(x)
    assert model.evaluate(x, y, verbose=0) > 1e-4 * float((y**2).sum())
