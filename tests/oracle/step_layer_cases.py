"""Recurrent layers with a method `step`, which real Keras 2.2.4 and this library both run, written once.

Python 3.7 must be able to read this file.
"""

import json

import numpy as np

ROWS, TIME, FEATURES = 4, 5, 3


def numbers(seed, *shape):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype("float32")


def layers_of(k):
    """The layers, as subclasses of what `k.layers` has."""
    K, Recurrent, ConvRecurrent2D, InputSpec = (
        k.backend,
        k.layers.Recurrent,
        k.layers.ConvRecurrent2D,
        k.layers.InputSpec,
    )

    class Stepwise(Recurrent):
        """Holds what the layers below share."""

        count = 1

        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.state_spec = [InputSpec(shape=(None, units)) for _ in range(self.count)]

        def build(self, input_shape):
            if isinstance(input_shape, list):
                input_shape = input_shape[0]
            batch = input_shape[0] if self.stateful else None
            self.input_spec[0] = InputSpec(shape=(batch, None, input_shape[2]))
            self.states = [None] * self.count
            if self.stateful:
                self.reset_states()
            self.make_weights(input_shape[2])
            self.built = True

        def weight(self, name, *shape):
            return self.add_weight(shape=shape, name=name, initializer="uniform")

        def get_config(self):
            return dict(super().get_config(), units=self.units)

    class Plain(Stepwise):
        """tanh(x · W + h · U + b)."""

        def make_weights(self, features):
            self.W = self.weight("W", features, self.units)
            self.U = self.weight("U", self.units, self.units)
            self.b = self.weight("b", self.units)

        def step(self, inputs, states):
            output = K.tanh(K.dot(inputs, self.W) + K.dot(states[0], self.U) + self.b)
            return output, [output]

    class Gated(Stepwise):
        """Has its input projected before the loop, and receives a constant."""

        def make_weights(self, features):
            self.W = self.weight("W", features, 3 * self.units)
            self.U = self.weight("U", self.units, 2 * self.units)
            self.V = self.weight("V", self.units, self.units)

        def preprocess_input(self, inputs, training=None):
            return K.dot(inputs, self.W)

        def get_constants(self, inputs, training=None):
            return [K.mean(K.abs(inputs), axis=(1, 2)), K.ones_like(inputs[:, 0, :1])]

        def step(self, inputs, states):
            before, size, one = states
            gates = K.sigmoid(inputs[:, : 2 * self.units] + K.dot(before, self.U))
            keep, reset = gates[:, : self.units], gates[:, self.units :]
            new = K.tanh(inputs[:, 2 * self.units :] + K.dot(reset * before, self.V) + K.expand_dims(size))
            output = keep * before + (one - keep) * new
            return output, [output]

    class Counting(Stepwise):
        """Has two states: the output, and a sum."""

        count = 2

        def make_weights(self, features):
            self.W = self.weight("W", features, self.units)

        def step(self, inputs, states):
            total = states[1] + K.dot(inputs, self.W)
            output = K.tanh(total) + 0.5 * states[0]
            return output, [output, total]

    class Doubling(Plain):
        """Puts out what is no state."""

        def step(self, inputs, states):
            output, new = super().step(inputs, states)
            return 2 * output, new

    class Looking(Recurrent):
        """Looks at the whole input at each step; its states have other sizes than `units`."""

        def __init__(self, units, labels, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.labels = labels
            self.return_sequences = True

        def build(self, input_shape):
            self.states = [None, None]
            features = input_shape[2]
            self.A = self.add_weight(shape=(features, self.units), name="A", initializer="uniform")
            self.B = self.add_weight(shape=(self.units, features), name="B", initializer="uniform")
            self.C = self.add_weight(shape=(features, self.labels), name="C", initializer="uniform")
            self.D = self.add_weight(shape=(self.labels, self.units), name="D", initializer="uniform")
            self.input_spec = [InputSpec(shape=(None, input_shape[1], features))]
            self.built = True

        def call(self, x):
            self.seen = x
            return super().call(x)

        def get_initial_state(self, inputs):
            first = K.tanh(K.dot(inputs[:, 0], self.A))
            zeros = K.expand_dims(K.sum(K.zeros_like(inputs), axis=(1, 2)))
            return [K.tile(zeros, [1, self.labels]), first]

        def step(self, x, states):
            label, state = states
            weights = K.softmax(K.sum(self.seen * K.expand_dims(K.dot(state, self.B), 1), axis=-1))
            context = K.sum(self.seen * K.expand_dims(weights), axis=1)
            state = K.tanh(K.dot(context, self.A) + K.dot(label, self.D))
            label = K.softmax(K.dot(context + x, self.C))
            return label, [label, state]

        def compute_output_shape(self, input_shape):
            return (input_shape[0], input_shape[1], self.labels)

    class Filming(ConvRecurrent2D):
        """Convolves its input, and the state by a kernel of 1 x 1."""

        def build(self, input_shape):
            if isinstance(input_shape, list):
                input_shape = input_shape[0]
            self.input_spec = [InputSpec(shape=input_shape)]
            self.states = [None]
            channels = input_shape[4]
            shape = (*self.kernel_size, channels, self.filters)
            if self.stateful:
                self.reset_states()
            self.W = self.add_weight(shape=shape, name="W", initializer="uniform")
            self.U = self.add_weight(
                shape=(1, 1, self.filters, self.filters), name="U", initializer="uniform"
            )
            self.built = True

        def reset_states(self, states=None):
            shape = self.compute_output_shape(self.input_spec[0].shape)
            if self.states[0] is None:
                self.states = [K.zeros(shape)]
            else:
                K.set_value(self.states[0], np.zeros(shape))

        def get_initial_state(self, inputs):
            first = self.convolved(K.sum(K.zeros_like(inputs), axis=1))
            return [first for _ in self.states]

        def convolved(self, inputs):
            return K.conv2d(inputs, self.W, self.strides, self.padding, self.data_format, self.dilation_rate)

        def step(self, inputs, states):
            state = K.conv2d(states[0], self.U, (1, 1), "same", self.data_format)
            output = K.tanh(self.convolved(inputs) + state)
            return output, [output]

    return {one.__name__: one for one in (Plain, Gated, Counting, Doubling, Looking, Filming)}


ONE = {"units": 4}
FILM = {"filters": 2, "kernel_size": (3, 2)}
#: For each case: the class, its arguments, and how it is used.
CASES = {
    "plain": ("Plain", ONE, ""),
    "plain_all_steps": ("Plain", dict(ONE, return_sequences=True), ""),
    "plain_backwards": ("Plain", dict(ONE, go_backwards=True, return_sequences=True), ""),
    "plain_unrolled": ("Plain", dict(ONE, unroll=True), ""),
    "plain_masked": ("Plain", dict(ONE, return_sequences=True), "mask"),
    "plain_masked_backwards": ("Plain", dict(ONE, return_sequences=True, go_backwards=True), "mask"),
    "plain_masked_unrolled": ("Plain", dict(ONE, return_sequences=True, unroll=True), "mask"),
    "plain_states": ("Plain", dict(ONE, return_state=True), ""),
    "plain_from_state": ("Plain", ONE, "initial"),
    "plain_stateful": ("Plain", dict(ONE, stateful=True), "stateful"),
    "gated": ("Gated", ONE, ""),
    "gated_masked_backwards": ("Gated", dict(ONE, go_backwards=True, return_sequences=True), "mask"),
    "gated_states": ("Gated", dict(ONE, return_state=True, return_sequences=True), "mask"),
    "gated_stateful": ("Gated", dict(ONE, stateful=True, return_sequences=True), "stateful"),
    "gated_from_state": ("Gated", dict(ONE, return_state=True), "initial"),
    "counting": ("Counting", dict(ONE, return_state=True), "mask"),
    "counting_from_states": ("Counting", dict(ONE, return_state=True), "initial"),
    "counting_stateful": ("Counting", dict(ONE, stateful=True), "stateful"),
    "doubling": ("Doubling", dict(ONE, return_sequences=True), "mask"),
    "doubling_unrolled": ("Doubling", dict(ONE, return_sequences=True, unroll=True), "mask"),
    "looking": ("Looking", {"units": 4, "labels": 2}, ""),
    "filming": ("Filming", FILM, ""),
    "filming_same": ("Filming", dict(FILM, padding="same", return_sequences=True, strides=2), ""),
    "filming_backwards": ("Filming", dict(FILM, go_backwards=True, dilation_rate=2), ""),
    "filming_stateful": ("Filming", dict(FILM, stateful=True), "stateful"),
}


def run(k, name):
    """Returns what a case computes, by name."""
    k.backend.clear_session()
    kind, arguments, use = CASES[name]
    film = kind == "Filming"
    shape = (TIME, 7, 6, 2) if film else (TIME, FEATURES)
    x = numbers(1, ROWS, *shape)
    L = k.layers
    layer = layers_of(k)[kind](name="tested", **arguments)
    inputs = [L.Input(batch_shape=(ROWS if use == "stateful" else None, *shape))]
    data = [x]
    y = inputs[0]
    if use == "mask":
        x[0, :2], x[1, 3:], x[2, [1, 3]], x[3, :] = 0, 0, 0, 0
        y = L.Masking()(y)
    if use == "initial":
        inputs += [L.Input((4,)) for _ in range(layer.count)]
        data += [numbers(5 + number, ROWS, 4) for number in range(layer.count)]
        y = layer(y, initial_state=inputs[1:])
    else:
        y = layer(y)
    outputs = y if isinstance(y, list) else [y]
    model = k.models.Model(inputs, outputs)
    source = np.random.RandomState(3)
    model.set_weights([source.uniform(-0.7, 0.7, w.shape).astype("float32") for w in model.get_weights()])
    found = {"shapes": np.array(json.dumps([list(one) for one in as_list(layer.output_shape, tuple)]))}
    found["config"] = np.array(json.dumps(layer.get_config(), sort_keys=True))
    found["weights"] = np.array([getattr(w, "keras_name", w.name) for w in layer.weights])
    model.compile("sgd", "mse")
    targets = [numbers(9, *one.shape) for one in as_list(model.predict(data, batch_size=ROWS))]
    if use == "stateful":
        found["second"] = model.predict(data, batch_size=ROWS)
        model.reset_states()
        found["after_reset"] = model.predict(data, batch_size=ROWS)
        if not film:
            layer.reset_states([numbers(8, ROWS, 4) for _ in layer.states])
            found["after_setting"] = model.predict(data, batch_size=ROWS)
    for number, one in enumerate(as_list(model.predict(data, batch_size=ROWS))):
        found[f"predicted_{number}"] = one
    found["losses"] = np.array([as_list(model.train_on_batch(data, targets)) for _ in range(5)])
    for number, weight in enumerate(model.get_weights()):
        found[f"trained_{number}"] = weight
    return found


def as_list(value, kind=None):
    """Returns a list as it is, anything else (a tuple only if it is no `kind`) as a list of one."""
    if kind is tuple and isinstance(value, tuple) and not isinstance(value[0], tuple):
        return [value]
    return list(value) if isinstance(value, (list, tuple)) else [value]
