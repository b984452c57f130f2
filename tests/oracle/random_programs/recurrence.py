"""Recurrent layers whose states go on over batches, states and constants given by hand, CuDNN's names."""

import numpy as np

from .models import describe, differentiate, fill, shape_of
from .notes import Draw, Notes


def program(k, seed):
    draw, notes = Draw(seed), Notes()
    draw.one_of([stateful, stateful, stateful, cudnn, given_states, minimal_cells])(k, draw, notes)
    return notes.found


def layer_of(k, draw, units, **more):
    kind = draw.one_of(["SimpleRNN", "GRU", "LSTM"])
    arguments = draw.some(activation=["tanh", "relu", "softsign"], use_bias=[True, False])
    if kind != "SimpleRNN":
        arguments.update(draw.some(recurrent_activation=["sigmoid", "hard_sigmoid"], implementation=[1, 2]))
    if kind == "GRU":
        arguments.update(draw.some(reset_after=[True, False]))
    return getattr(k.layers, kind)(units, **dict(arguments, **more)), 2 if kind == "LSTM" else 1


def stateful(k, draw, notes):
    """Batches one after the other, trained on, with resets and states set by hand."""
    rows, steps, features, units = draw.number(1, 3), draw.number(2, 4), draw.number(1, 3), draw.number(1, 3)
    inputs = k.layers.Input(batch_shape=(rows, steps, features))
    x = k.layers.Masking()(inputs) if draw.chance(0.4) else inputs
    several = draw.chance(0.4)
    kind = draw.one_of(["plain", "plain", "cells", "wrapped"])
    backwards = {"go_backwards": draw.chance(0.3), "unroll": draw.chance(0.3)}
    if kind == "cells":
        cells = [k.layers.GRUCell(units), k.layers.LSTMCell(draw.number(1, 3))]
        first, count = k.layers.RNN(cells, return_sequences=several, stateful=True, **backwards), 0
    else:
        first, count = layer_of(k, draw, units, return_sequences=several, stateful=True, **backwards)
    layers = [first]
    x = first(x)
    if several:
        second, _ = layer_of(k, draw, 2, stateful=True, return_sequences=draw.chance(0.5))
        x = second(x)
        layers.append(second)
    model = k.models.Model(inputs, x)
    fill(model, draw)
    describe(notes, model)
    data = draw.array(rows, steps, features, low=-1, high=1)
    data[:, draw.number(0, steps - 1)] = 0
    told = draw.some(momentum=[0.9])
    model.compile(k.optimizers.SGD(lr=0.05, **told), "mse")
    target = draw.array(*(rows, *model.output_shape[1:]))
    for number in range(draw.number(4, 8)):
        step = draw.one_of(["predict", "predict", "train", "test", "reset", "reset_layer", "set", "weights"])
        name = f"{number:02d} {step}"
        if step == "predict":
            notes.numbers(name, model.predict_on_batch(data))
        elif step == "train":
            notes.numbers(name, model.train_on_batch(data, target))
        elif step == "test":
            notes.numbers(name, model.test_on_batch(data, target))
        elif step == "reset":
            model.reset_states()
        elif step == "reset_layer":
            layers[-1].reset_states()
        elif step == "set" and count:
            values = [draw.array(rows, units) for _ in range(count)]
            first.reset_states(values if count > 1 else draw.one_of([values, values[0]]))
        elif step == "weights":
            model.set_weights([one * 0.9 for one in model.get_weights()])
        for place, layer in enumerate(layers):
            states = [k.backend.get_value(one) for one in layer.states if one is not None]
            if any(one.any() for one in states):  # before the first batch ours may be None
                notes.numbers(f"{name} states {place}", states)
    many = np.concatenate([data, data * 0.5, data * 2])
    notes.numbers("many", model.predict(many, batch_size=rows))
    model.reset_states()
    goals = draw.array(*(3 * rows, *model.output_shape[1:]))
    history = model.fit(many, goals, batch_size=rows, epochs=2, shuffle=False, verbose=0).history
    notes.numbers("fit", history["loss"])
    notes.numbers("evaluate", model.evaluate(many, goals, batch_size=rows, verbose=0))
    notes.numbers("after", model.get_weights())


def cudnn(k, draw, notes):
    """The layers with CuDNN's names compute what the plain ones do with their weights turned."""
    kind = draw.one_of(["GRU", "LSTM"])
    features, units, steps = draw.number(1, 4), draw.number(1, 4), draw.number(2, 4)
    arguments = {"return_sequences": draw.chance(0.5), "go_backwards": draw.chance(0.3)}
    own = draw.some(unit_forget_bias=[True, False]) if kind == "LSTM" else {}
    L, x = k.layers, draw.array(2, steps, features)

    def build(name, **more):
        inputs = L.Input((steps, features))
        layer = getattr(L, name)(units, **dict(arguments, **more))
        return k.models.Model(inputs, layer(inputs)), layer

    layer = getattr(L, "CuDNN" + kind)(units, **dict(arguments, **own))
    layer.build((None, steps, features))  # TensorFlow refuses all of a graph that holds the operator itself
    fill(layer, draw)
    notes.text("weights", [list(shape_of(one)) for one in layer.weights])
    notes.text("config", layer.get_config())
    more = {"recurrent_activation": "sigmoid"}
    if kind == "GRU":
        more["reset_after"] = True
    plain, plain_layer = build(kind, **more)
    turn = k.engine.saving.preprocess_weights_for_loading
    turned = turn(plain_layer, layer.get_weights())
    notes.numbers("turned", turned)
    plain_layer.set_weights(turned)
    notes.numbers("plain", plain.predict(x))
    back = turn(layer, plain_layer.get_weights())
    notes.numbers("back", back)
    if k.backend.backend() == "torch":  # the other cannot without a GPU
        own = getattr(L, "CuDNN" + kind)(units, weights=back, **dict(arguments, **own))
        inputs = L.Input((steps, features))
        notes.numbers("itself", k.models.Model(inputs, own(inputs)).predict(x))
    else:
        notes.numbers("itself", plain.predict(x))


def given_states(k, draw, notes):
    """States as inputs and as tensors computed, sequences and states as outputs that go into others."""
    steps, features, units = draw.number(2, 4), draw.number(1, 3), draw.number(2, 3)
    L = k.layers
    inputs, other = L.Input((steps, features)), L.Input((units,))
    masked = L.Masking()(inputs) if draw.chance(0.5) else inputs
    encoder, count = layer_of(k, draw, units, return_state=True, return_sequences=draw.chance(0.5))
    if draw.chance(0.5):
        encoder = L.Bidirectional(encoder, merge_mode=draw.one_of(["concat", "sum", "ave"]))
        found = encoder(masked, initial_state=[L.Dense(units)(other) for _ in range(2 * count)])
        states = [L.add([found[1 + place], found[1 + place + count]]) for place in range(count)]
    else:
        found = encoder(masked, initial_state=[L.Dense(units)(other) for _ in range(count)])
        states = list(found[1:])
    kind = {1: draw.one_of(["SimpleRNN", "GRU"]), 2: "LSTM"}[count]
    decoder = getattr(L, kind)(units, return_sequences=True, return_state=draw.chance(0.5))
    given = [masked, *states] if draw.chance(0.3) else masked
    more = {} if given is not masked else {"initial_state": states}
    last = decoder(given, **more)
    outputs = [found[0], *list(last)] if isinstance(last, list) else [found[0], last]
    model = k.models.Model([inputs, other], outputs)
    fill(model, draw)
    describe(notes, model)
    data = draw.array(3, steps, features)
    data[0, -1] = data[1, 0] = 0
    x = [data, draw.array(3, units)]
    differentiate(k, notes, model, x)
    model.compile("sgd", "mse")
    y = [draw.array(*(3, *shape[1:])) for shape in model.output_shape]
    notes.numbers("train", [model.train_on_batch(x, y) for _ in range(3)][-1])
    notes.numbers("trained", model.get_weights())


def minimal_cells(k, draw, notes):
    """A cell of a user's own, as in Keras's documentation, with several states or a constant."""
    K, units = k.backend, draw.number(1, 3)
    two, constants = draw.chance(0.5), draw.chance(0.4)

    class Cell(k.layers.Layer):
        def __init__(self, units, **kwargs):
            self.units = units
            self.state_size = (units, units + 1) if two else units
            super().__init__(**kwargs)

        def build(self, input_shape):
            shape = input_shape[0] if isinstance(input_shape, list) else input_shape
            self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer="uniform", name="kernel")
            self.again = self.add_weight(
                shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
            )
            self.built = True

        def call(self, inputs, states):
            output = K.tanh(K.dot(inputs, self.kernel) + K.dot(states[0], self.again))
            if not two:
                return output, [output]
            return output, [output, states[1] * 0.5 + K.sum(output, axis=-1, keepdims=True)]

    class CellWithConstants(Cell):
        def call(self, inputs, states, constants):
            output, found = super().call(inputs, states)
            return output + constants[0][:, :1], [one + constants[0][:, :1] for one in found]

    steps, features = draw.number(2, 4), draw.number(1, 3)
    flags = {
        name: draw.chance(0.4) for name in ("return_sequences", "return_state", "go_backwards", "unroll")
    }
    cells = CellWithConstants(units) if constants else Cell(units)
    if draw.chance(0.3) and not constants:
        cells = [cells, k.layers.GRUCell(2)]
    layer = k.layers.RNN(cells, **flags)
    inputs = [k.layers.Input((steps, features))]
    masked = k.layers.Masking()(inputs[0]) if draw.chance(0.4) else inputs[0]
    if constants:
        inputs.append(k.layers.Input((2,)))
        outputs = layer(masked, constants=inputs[1])
    else:
        outputs = layer(masked)
    model = k.models.Model(inputs, outputs)
    fill(model, draw)
    describe(notes, model)
    x = [draw.array(2, steps, features), draw.array(2, 2)][: len(inputs)]
    x[0][0, -1] = 0
    differentiate(k, notes, model, x if constants else x[0])
