"""Models of this library with what only later versions of Keras have, for tests of how they are saved."""

import numpy as np

from batchyard.models import Input, Model, Sequential, backend, layers
from batchyard.models.layers import NamedOperation

FIRST, SECOND = {"input": 0}, {"input": 1}


def operation(name, *args, **kwargs):
    """A function of the layer's first input, or of what `args` say."""
    return NamedOperation(name, list(args) or [FIRST], kwargs)


def activations():
    """Later activations in layers of their own, and behind weights, also within wrappers."""
    begin = Input((6, 4))
    ends = [
        layers.Activation(name)(begin)
        for name in ("hard_sigmoid_of_keras_3", "relu6", "leaky_relu", "swish", "mish", "hard_silu")
    ]
    ends.append(layers.Conv1D(3, 2, padding="same", activation="hard_sigmoid_of_keras_3")(begin))
    ends.append(layers.TimeDistributed(layers.Dense(3, activation="silu"))(begin))
    x = layers.Dense(5, activation="relu6", trainable=False)(layers.Concatenate()(ends))
    inner = Sequential([layers.Flatten(input_shape=(6, 5)), layers.Dense(3, activation="hard_silu")])
    model = Model(begin, layers.Dense(2)(inner(x)))
    model.compile("adam", "mse")
    return model


def pictures():
    """Convolutions with later activations, and pictures brought to scale first."""
    model = Sequential(
        [
            layers.Rescaling(2.0, offset=-0.5, input_shape=(8, 8, 3)),
            layers.Conv2D(4, 3, strides=2, activation="hard_silu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2, activation="hard_sigmoid_of_keras_3"),
            layers.SeparableConv2D(3, 2, activation="relu6"),
            operation("mean", FIRST, axis=[1, 2], keepdims=True),
            layers.Flatten(),
            layers.Dense(2, activation="hard_sigmoid_of_keras_3"),
        ]
    )
    model.compile("sgd", "mse")
    return model


def gates():
    """Recurrent layers with Keras 3's hard_sigmoid in their gates."""
    hard = {"recurrent_activation": "hard_sigmoid_of_keras_3"}
    model = Sequential(
        [
            layers.LSTM(4, **hard, return_sequences=True, input_shape=(5, 3)),
            layers.Bidirectional(layers.GRU(3, **hard, return_sequences=True)),
            layers.GRU(3, **hard, reset_after=True, return_sequences=True),
            layers.RNN([layers.LSTMCell(3, **hard), layers.GRUCell(2, **hard)], return_sequences=True),
            layers.SimpleRNN(3, activation="hard_sigmoid_of_keras_3", return_sequences=True),
            layers.TimeDistributed(layers.Dense(2)),
        ]
    )
    model.compile("adam", "mse")
    return model


def films():
    hard = {"recurrent_activation": "hard_sigmoid_of_keras_3"}
    model = Sequential([layers.ConvLSTM2D(2, 2, **hard, input_shape=(3, 4, 4, 2)), layers.Flatten()])
    model.compile("sgd", "mse")
    return model


def arithmetic():
    """Functions of two tensors, and of tensors and numbers."""
    a, b = Input((3, 4)), Input((3, 4))
    pairs = [
        NamedOperation(name, [FIRST, SECOND])([a, b])
        for name in ("add", "subtract", "multiply", "maximum", "minimum")
    ]
    singles = [
        operation("multiply", FIRST, 2.5)(a),
        operation("multiply", 2, FIRST)(a),
        operation("divide", FIRST, 4.0)(a),
        operation("add", 1.5, FIRST)(a),
        operation("subtract", 1.0, FIRST)(a),
        operation("subtract", FIRST, 1.0)(a),
        operation("power", FIRST, 2)(a),
        operation("power", FIRST, 3)(a),
        operation("maximum", FIRST, 0.0)(b),
        operation("clip", FIRST, 0.0, 0.5)(b),
        operation("negative")(b),
        operation("abs")(b),
        operation("square")(b),
        operation("exp")(b),
        operation("tanh")(b),
        operation("relu6")(b),
        operation("softmax", FIRST, axis=1)(b),
        operation("elu", FIRST, 0.5)(b),
        operation("leaky_relu", FIRST, 0.3)(b),
        operation("hard_sigmoid")(b),
        operation("cast", FIRST, "float32")(b),
        operation("identity")(b),
    ]
    x = layers.Flatten()(layers.Concatenate()([*pairs, *singles]))
    model = Model([a, b], layers.Dense(2)(x))
    model.compile("adam", "mse")
    return model


def shapes():
    """Functions that move numbers, and that add them up over places."""
    a, b = Input((3, 4)), Input((6, 5, 2))
    everything = {"slice": [None] * 3}
    rows = [
        operation("reshape", FIRST, [-1, 2, 6])(a),
        operation("transpose", FIRST, [0, 2, 1])(a),
        operation("swapaxes", FIRST, 1, 2)(a),
        operation("expand_dims", FIRST, -1)(a),
        operation("squeeze", FIRST, 1)(operation("expand_dims", FIRST, 1)(a)),
        NamedOperation("stack", [[FIRST, SECOND]], {"axis": 1})([a, operation("tanh")(a)]),
        NamedOperation("concatenate", [[FIRST, SECOND]], {"axis": -1})([a, operation("tanh")(a)]),
        NamedOperation("matmul", [FIRST, SECOND])([a, operation("transpose", FIRST, [0, 2, 1])(a)]),
        operation("get_item", FIRST, [everything, {"slice": [1, None, None]}, {"slice": [None, -1, None]}])(
            a
        ),
        operation("get_item", FIRST, [everything, -1])(a),
        operation("get_item", FIRST, [{"ellipsis": True}, 0])(a),
        operation("mean", FIRST, axis=1)(a),
        operation("sum", FIRST, axis=-1, keepdims=True)(a),
        operation("max", FIRST, axis=[1, 2])(b),
        operation("mean", FIRST, axis=[2, 3])(b),
        operation("sum", FIRST, axis=[1, 2], keepdims=True)(b),
    ]
    x = layers.Concatenate()([row if row.ndim == 2 else layers.Flatten()(row) for row in rows])
    model = Model([a, b], layers.Dense(2)(x))
    model.compile("rmsprop", "mse")
    return model


def shared_operation():
    """An operation and an activation that are called twice, on tensors of the same shape."""
    a, b = Input((4,)), Input((4,))
    plus = NamedOperation("add", [FIRST, 0.5], name="plus")
    dense = layers.Dense(4, activation="swish")
    x = layers.Add()([dense(plus(a)), plus(dense(b)), dense(a)])
    model = Model([a, b], layers.Dense(1)(x))
    model.compile("sgd", "mse")
    return model


def frozen_base():
    """A network that is called with training=False, in training too."""
    base = Sequential(
        [
            layers.Dense(4, input_shape=(3,)),
            layers.BatchNormalization(momentum=0.5),
            Sequential([layers.Dropout(0.5, input_shape=(4,)), layers.BatchNormalization()]),
        ]
    )
    begin = Input((3,))
    model = Model(begin, layers.Dense(2)(base(begin, training=False)))
    model.compile("sgd", "mse")
    return model


def later_rmsprop():
    model = Sequential([layers.Dense(4, activation="tanh", input_shape=(3,)), layers.Dense(2)])
    model.compile({"class_name": "LaterRMSprop", "config": {"lr": 0.01, "decay": 0.0}}, "mse")
    return model


#: Models that can be said in classes of Keras 2.2.4, with the same weights or with scaled ones.
SAME, SCALED = (
    (activations, pictures, arithmetic, shapes, shared_operation, frozen_base, later_rmsprop),
    (gates, films),
)


def masked():
    """Later versions' Bidirectional: zeros at masked steps."""
    inner = layers.LSTM(3, return_sequences=True, zero_output_for_mask=True)
    model = Sequential([layers.Masking(0.0, input_shape=(5, 2)), layers.Bidirectional(inner), layers.LSTM(2)])
    model.compile("sgd", "mse")
    return model


def statistics():
    """Batch normalization that keeps the moving statistics of later versions."""
    model = Sequential(
        [
            layers.BatchNormalization(statistics_of="tf.keras", input_shape=(3, 3, 2)),
            layers.Flatten(),
            layers.Dense(3),
            layers.BatchNormalization(statistics_of="keras 3"),
        ]
    )
    model.compile("sgd", "mse")
    return model


def trained(make, steps=3):
    """Return a model that was trained a little, with inputs and targets."""
    import torch

    backend.clear_session()
    torch.manual_seed(1)
    model = make()
    numbers = np.random.default_rng(0)
    x = [numbers.uniform(-1, 1, (5, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    y = [numbers.random((5, *tensor.shape[1:]), dtype="float32") for tensor in model.outputs]
    if make is masked:
        x[0][::2, 3:] = 0.0
    for _ in range(steps):
        model.train_on_batch(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0])
    return model, x, y
