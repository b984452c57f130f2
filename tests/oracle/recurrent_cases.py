"""Small recurrent models that real Keras 2.2.4 and this library both build, from one description.

As keras_cases.py, whose helpers it uses. Python 3.7 must be able to read this file.
"""

import numpy as np
from keras_cases import images, layer_case, random


def numbers(seed, rows, steps, limit, padded="pre"):
    """Whole numbers with zeros for what is not there, before or behind."""
    source = random(seed)
    found = source.randint(1, limit, (rows, steps))
    for row in range(rows):
        missing = source.randint(0, steps - 1)
        if padded == "pre":
            found[row, :missing] = 0
        elif padded == "post":
            found[row, steps - missing :] = 0
        else:
            found[row] *= source.randint(0, 2, steps)
            found[row, source.randint(0, steps)] = 1
    return found.astype("float32")


def sequences(make):
    """A layer on sequences of vectors; its first output goes on where it has several."""

    def first(L, k):
        layer = make(L)

        def call(x):
            found = layer(x)
            return L.concatenate([flat(L, one) for one in found]) if isinstance(found, list) else found

        return call

    return layer_case(first, (5, 3))


def flat(L, tensor):
    return L.Flatten()(tensor) if len(tensor.shape) > 2 else tensor


def embedded(make, padded="pre"):
    """An embedding that masks zeros, and a layer that skips them."""

    def build(k):
        L = k.layers
        inputs = L.Input((6,))
        x = L.Embedding(7, 3, mask_zero=True, embeddings_regularizer="l2")(inputs)
        x = make(L)(x)
        if isinstance(x, list):
            x = L.concatenate(x)
        return k.models.Model(inputs, L.Dense(2)(x)), ("sgd", "mse", None)

    return build, lambda: (numbers(3, 6, 6, 7, padded), images(2, 6, 2), None)


def per_step(make):
    """As `embedded`, with an output for each time step: the loss counts what is not masked."""

    def build(k):
        L = k.layers
        inputs = L.Input((6,))
        x = make(L)(L.Embedding(7, 3, mask_zero=True)(inputs))
        return k.models.Model(inputs, L.TimeDistributed(L.Dense(2))(x)), ("sgd", "mse", ["mae"])

    return build, lambda: (numbers(3, 6, 6, 7), images(2, 6, 6, 2), None)


def with_states(make, states):
    """A layer that begins with states from further inputs."""

    def build(k):
        L = k.layers
        inputs = L.Input((4, 3))
        given = [L.Input((size,)) for size in states]
        x = make(L)(inputs, initial_state=given)
        if isinstance(x, list):
            x = L.concatenate(x)
        return k.models.Model([inputs, *given], L.Dense(2)(x)), ("sgd", "mse", None)

    return build, lambda: (
        [images(1, 6, 4, 3)] + [images(7 + n, 6, size) for n, size in enumerate(states)],
        images(2, 6, 2),
        None,
    )


def encoder_and_decoder(k):
    """The states of one LSTM begin another."""
    L = k.layers
    a, b = L.Input((4, 3)), L.Input((5, 2))
    _, h, c = L.LSTM(4, return_state=True)(a)
    x = L.LSTM(4, return_sequences=True, recurrent_activation="sigmoid")(b, initial_state=[h, c])
    return k.models.Model([a, b], L.TimeDistributed(L.Dense(2))(x)), ("sgd", "mse", None)


CASES = {
    "embedding": (
        lambda k: (
            k.models.Sequential(
                [k.layers.Embedding(7, 3, input_length=6), k.layers.Flatten(), k.layers.Dense(2)]
            ),
            ("sgd", "mse", None),
        ),
        lambda: (numbers(3, 6, 6, 7), images(2, 6, 2), None),
    ),
    "encoder_and_decoder": (
        encoder_and_decoder,
        lambda: ([images(1, 6, 4, 3), images(2, 6, 5, 2)], images(3, 6, 5, 2), None),
    ),
    "simple_rnn": sequences(lambda L: L.SimpleRNN(4)),
    "simple_rnn_relu": sequences(lambda L: L.SimpleRNN(4, activation="relu", return_sequences=True)),
    "simple_rnn_hard_sigmoid": sequences(
        lambda L: L.SimpleRNN(4, activation="hard_sigmoid", use_bias=False, go_backwards=True)
    ),
    "simple_rnn_unrolled": sequences(lambda L: L.SimpleRNN(4, unroll=True, return_state=True)),
    "gru": sequences(lambda L: L.GRU(4)),
    "gru_implementation_2": sequences(lambda L: L.GRU(4, implementation=2, return_sequences=True)),
    "gru_without_bias": sequences(lambda L: L.GRU(4, use_bias=False, recurrent_activation="sigmoid")),
    "gru_reset_after": sequences(lambda L: L.GRU(4, reset_after=True, return_state=True)),
    "gru_reset_after_sigmoid": sequences(
        lambda L: L.GRU(4, reset_after=True, recurrent_activation="sigmoid", return_sequences=True)
    ),
    "gru_reset_after_sigmoid_backwards": sequences(
        lambda L: L.GRU(
            4, reset_after=True, recurrent_activation="sigmoid", use_bias=False, go_backwards=True
        )
    ),
    "gru_softmax": sequences(lambda L: L.GRU(4, recurrent_activation="softmax", activation="relu")),
    "lstm": sequences(lambda L: L.LSTM(4)),
    "lstm_implementation_2": sequences(lambda L: L.LSTM(4, implementation=2, return_sequences=True)),
    "lstm_sigmoid": sequences(
        lambda L: L.LSTM(4, recurrent_activation="sigmoid", return_sequences=True, return_state=True)
    ),
    "lstm_backwards": sequences(
        lambda L: L.LSTM(4, go_backwards=True, return_sequences=True, unit_forget_bias=False)
    ),
    "lstm_sigmoid_backwards": sequences(
        lambda L: L.LSTM(4, recurrent_activation="sigmoid", go_backwards=True, use_bias=False)
    ),
    "lstm_softmax": sequences(lambda L: L.LSTM(4, recurrent_activation="softmax", activation="softsign")),
    "lstm_penalized": sequences(
        lambda L: L.LSTM(
            4,
            kernel_regularizer="l2",
            recurrent_regularizer="l1",
            bias_regularizer="l2",
            activity_regularizer="l2",
            kernel_constraint="max_norm",
            recurrent_constraint="unit_norm",
            bias_constraint="non_neg",
        )
    ),
    "rnn_of_a_cell": sequences(lambda L: L.RNN(L.GRUCell(4), return_sequences=True)),
    "stacked_cells": sequences(
        lambda L: L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)], return_state=True)
    ),
    "masked_simple_rnn": embedded(lambda L: L.SimpleRNN(4, return_state=True)),
    "masked_gru": embedded(lambda L: L.GRU(4), "post"),
    "masked_gru_unrolled": embedded(lambda L: L.GRU(4, unroll=True, reset_after=True), "gaps"),
    "masked_lstm": embedded(lambda L: L.LSTM(4), "gaps"),
    "masked_lstm_sigmoid": embedded(lambda L: L.LSTM(4, recurrent_activation="sigmoid", return_state=True)),
    "masked_lstm_backwards": embedded(lambda L: L.LSTM(4, go_backwards=True, unroll=True), "post"),
    "masked_lstm_per_step": per_step(lambda L: L.LSTM(4, return_sequences=True)),
    # Not unrolled, 2.2.4 fails on masks where the first state has another size than the output.
    "masked_stacked_cells": embedded(lambda L: L.RNN([L.LSTMCell(4), L.GRUCell(3)], unroll=True), "gaps"),
    "masked_bidirectional": embedded(lambda L: L.Bidirectional(L.LSTM(4)), "gaps"),
    "masked_bidirectional_per_step": per_step(
        lambda L: L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode="sum")
    ),
    "states_of_simple_rnn": with_states(lambda L: L.SimpleRNN(4), [4]),
    "states_of_lstm": with_states(lambda L: L.LSTM(4, return_state=True), [4, 4]),
    "states_of_gru_reset_after": with_states(
        lambda L: L.GRU(4, reset_after=True, recurrent_activation="sigmoid"), [4]
    ),
    "states_of_stacked_cells": with_states(
        lambda L: L.RNN([L.LSTMCell(4), L.GRUCell(3)], return_state=True), [4, 4, 3]
    ),
    "states_of_bidirectional": with_states(
        lambda L: L.Bidirectional(L.LSTM(3, return_state=True)), [3, 3, 3, 3]
    ),
    "time_distributed_dense": sequences(lambda L: L.TimeDistributed(L.Dense(4, activity_regularizer="l2"))),
    "time_distributed_conv": layer_case(
        lambda L, k: L.TimeDistributed(L.Conv2D(2, 3, padding="same")), (3, 4, 4, 2)
    ),
    "time_distributed_lstm": layer_case(lambda L, k: L.TimeDistributed(L.LSTM(3)), (2, 4, 3)),
    "time_distributed_bidirectional": layer_case(
        lambda L, k: L.TimeDistributed(L.Bidirectional(L.SimpleRNN(3))), (2, 4, 3)
    ),
    "bidirectional_states": sequences(
        lambda L: L.Bidirectional(L.GRU(3, return_state=True, return_sequences=True))
    ),
}
for _name, _arguments in (
    ("conv_lstm", {"recurrent_activation": "sigmoid"}),
    ("conv_lstm_same", {"padding": "same", "return_sequences": True, "unit_forget_bias": False}),
    ("conv_lstm_strided", {"strides": 2, "use_bias": False, "go_backwards": True}),
    ("conv_lstm_dilated", {"dilation_rate": 2, "padding": "same"}),
):
    CASES[_name] = layer_case(
        lambda L, k, arguments=_arguments: L.ConvLSTM2D(2, (3, 2), **arguments), (3, 6, 5, 2)
    )
for _mode in ("sum", "mul", "ave", "concat", None):
    CASES[f"bidirectional_{_mode}"] = sequences(
        lambda L, mode=_mode: L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode=mode)
    )
_pick = random(11)
for _number in range(6):
    _class = ("SimpleRNN", "GRU", "LSTM")[_number % 3]
    _arguments = {
        "units": int(_pick.randint(1, 6)),
        "activation": str(_pick.choice(["tanh", "relu", "softsign", "elu"])),
        "use_bias": bool(_pick.randint(2)),
        "return_sequences": bool(_pick.randint(2)),
        "return_state": bool(_pick.randint(2)),
        "go_backwards": bool(_pick.randint(2)),
        "unroll": bool(_pick.randint(2)),
    }
    if _class != "SimpleRNN":
        _arguments["recurrent_activation"] = str(_pick.choice(["sigmoid", "hard_sigmoid", "tanh"]))
        _arguments["implementation"] = int(_pick.randint(1, 3))
    CASES[f"random_{_number}"] = sequences(
        lambda L, name=_class, arguments=_arguments: getattr(L, name)(**arguments)
    )


def initial_weights(shapes):
    """The weights that both sides begin with."""
    source = np.random.RandomState(42)
    return [source.uniform(-0.5, 0.6, shape).astype("float32") for shape in shapes]
