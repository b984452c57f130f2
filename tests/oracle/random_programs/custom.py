"""What users write themselves in the style of Keras 2: layers, losses, constraints, optimizers, callbacks."""

import numpy as np

from .models import describe, differentiate, fill
from .notes import Draw, Notes


def program(k, seed):
    draw, notes = Draw(seed), Notes()
    draw.one_of([layers, layers, pieces, optimizer, subclassed, functions])(k, draw, notes)
    return notes.found


def own_layers(k, draw):
    """Classes in the styles that programs of 2017 and 2018 have."""
    K, L = k.backend, k.layers

    class Bilinear(L.Layer):
        """Two inputs; weights made by K.variable, and listed by hand."""

        def __init__(self, units, **kwargs):
            self.units = units
            super().__init__(**kwargs)

        def build(self, input_shape):
            first, second = input_shape
            initial = (
                np.arange(first[-1] * second[-1] * self.units).reshape(self.units, first[-1], second[-1])
                / 10.0
            )
            self.kernel = K.variable(initial, name=f"{self.name}_kernel")
            self.trainable_weights = [self.kernel]
            super().build(input_shape)

        def call(self, inputs):
            first, second = inputs
            return K.stack(
                [K.sum(K.dot(first, self.kernel[place]) * second, axis=-1) for place in range(self.units)],
                axis=-1,
            )

        def compute_output_shape(self, input_shape):
            return (input_shape[0][0], self.units)

    class Attention(L.Layer):
        """Looks at masks, and passes none on."""

        def __init__(self, bias=True, **kwargs):
            self.supports_masking = True
            self.init = k.initializers.get("glorot_uniform")
            self.regularizer = k.regularizers.get("l2")
            self.bias = bias
            super().__init__(**kwargs)

        def build(self, input_shape):
            assert len(input_shape) == 3
            self.W = self.add_weight(
                shape=(input_shape[-1],),
                initializer="uniform",
                name=f"{self.name}_W",
                regularizer=self.regularizer,
            )
            if self.bias:
                self.b = self.add_weight(shape=(input_shape[1],), initializer="zero", name=f"{self.name}_b")
            self.built = True

        def compute_mask(self, inputs, mask=None):
            return None

        def call(self, x, mask=None):
            e = K.squeeze(K.dot(x, K.expand_dims(self.W)), axis=-1)
            if self.bias:
                e += self.b
            a = K.exp(K.tanh(e))
            if mask is not None:
                a *= K.cast(mask, K.floatx())
            a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
            return K.sum(x * K.expand_dims(a), axis=1)

        def compute_output_shape(self, input_shape):
            return input_shape[0], input_shape[-1]

        def get_config(self):
            return dict(super().get_config(), bias=self.bias)

    class Split(L.Layer):
        """Two outputs, with a loss of each call."""

        def call(self, inputs):
            self.add_loss(0.01 * K.sum(K.abs(inputs)), inputs=inputs)
            return [inputs * 2.0, K.tanh(inputs)]

        def compute_output_shape(self, input_shape):
            return [input_shape, input_shape]

        def compute_mask(self, inputs, mask=None):
            return [mask, None]

    class Norm(L.Layer):
        """Weights that training does not change, and updates of them."""

        def build(self, input_shape):
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
            self.gain = self.add_weight(
                shape=(input_shape[-1],),
                initializer="ones",
                name="gain",
                constraint=k.constraints.get("nonneg"),
            )
            super().build(input_shape)

        def call(self, inputs, training=None):
            self.add_update([K.update_add(self.count, K.constant(1.0))], inputs)
            return K.in_train_phase(inputs * self.gain, inputs * self.gain * 0.5, training=training)

        def compute_output_shape(self, input_shape):
            return input_shape

    class Around(L.Wrapper):
        """Another layer within, built by this one."""

        def build(self, input_shape):
            if not self.layer.built:
                self.layer.build(input_shape)
            super().build()

        def call(self, inputs):
            return inputs + self.layer.call(inputs)

        def compute_output_shape(self, input_shape):
            return input_shape

    class Tied(L.Dense):
        """A subclass of a layer of the library."""

        def __init__(self, units, factor=1.0, **kwargs):
            super().__init__(units, **kwargs)
            self.factor = factor

        def call(self, inputs):
            return super().call(inputs) * self.factor

        def get_config(self):
            return dict(super().get_config(), factor=self.factor)

    return {one.__name__: one for one in (Bilinear, Attention, Split, Norm, Around, Tied)}


def layers(k, draw, notes):
    L, own = k.layers, own_layers(k, draw)
    steps, size = draw.number(2, 3), draw.number(2, 3)
    inputs = [L.Input((steps, size)), L.Input((size,))]
    x = inputs[0]
    if draw.chance(0.6):
        x = L.Masking()(x)
    if draw.chance(0.5):
        x, y = own["Split"]()(x)
        if draw.chance(0.5):
            x = L.add([x, y])
    x = own["Attention"](bias=draw.chance(0.5))(x)
    if draw.chance(0.5):
        x = own["Norm"]()(x)
    if draw.chance(0.5):
        x = own["Around"](L.Dense(size, activation="relu"))(x)
    if draw.chance(0.5):
        one = own["Tied"](size, factor=0.5, use_bias=draw.chance(0.5))
        x = one(one(x))
    x = own["Bilinear"](draw.number(1, 2))([x, inputs[1]])
    model = k.models.Model(inputs, x)
    if draw.chance(0.5):
        fill(model, draw)
        model.set_weights([np.abs(one) for one in model.get_weights()])
    notes.numbers("first", [one for one in model.get_weights() if one.ndim == 3])
    notes.text(
        "weights", [len(model.trainable_weights), len(model.non_trainable_weights), len(model.updates)]
    )
    notes.text("names", [one.name for one in model.layers])
    data = [draw.array(3, steps, size, low=0.1), draw.array(3, size)]
    data[0][0, -1] = 0
    fill(model, draw)
    differentiate(k, notes, model, data, draw.number(0, 1))
    model.compile(k.optimizers.SGD(0.05), "mse", metrics=["mae"])
    y = draw.array(3, *[int(one) for one in model.output_shape[1:]])
    notes.numbers("trained on", [model.train_on_batch(data, y) for _ in range(3)])
    notes.numbers("weights", model.get_weights())
    notes.numbers("evaluated", model.evaluate(data, y, verbose=0, batch_size=2))
    json = model.to_json() if "Bilinear" not in str([type(one) for one in model.layers]) else None
    notes.text("json", json)


def pieces(k, draw, notes):
    """Functions and classes for activations, initializers, penalties, constraints, losses, metrics."""
    K, size = k.backend, draw.number(2, 4)

    def swish(x):
        return x * K.sigmoid(x)

    def counting(shape, dtype=None):
        return K.constant(np.arange(np.prod(shape)).reshape(shape) / 10.0, dtype=dtype)

    def bent(weights):
        return 0.01 * K.sum(K.sqrt(K.abs(weights) + 0.1))

    class Rounded(k.constraints.Constraint):
        def __call__(self, w):
            return K.clip(w, -0.4, 0.6)

    def smooth(delta):
        def huber(y_true, y_pred):
            error = K.abs(y_true - y_pred)
            return K.mean(
                K.switch(error < delta, 0.5 * K.square(error), delta * (error - 0.5 * delta)), axis=-1
            )

        return huber

    def dice(y_true, y_pred):
        both = K.sum(K.flatten(y_true) * K.flatten(y_pred))
        return 1.0 - (2.0 * both + 1.0) / (K.sum(K.flatten(y_true)) + K.sum(K.flatten(y_pred)) + 1.0)

    def focal(y_true, y_pred):
        y_pred = K.clip(y_pred, K.epsilon(), 1.0 - K.epsilon())
        pt = K.switch(K.equal(y_true, 1.0), y_pred, 1.0 - y_pred)
        return -K.sum(0.25 * K.pow(1.0 - pt, 2.0) * K.log(pt), axis=-1)

    def r2(y_true, y_pred):
        rest = K.sum(K.square(y_true - y_pred))
        return 1 - rest / (K.sum(K.square(y_true - K.mean(y_true))) + K.epsilon())

    def f1(y_true, y_pred):
        true = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
        precision = true / (K.sum(K.round(K.clip(y_pred, 0, 1))) + K.epsilon())
        recall = true / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())
        return 2 * precision * recall / (precision + recall + K.epsilon())

    L = k.layers
    model = k.models.Sequential()
    model.add(
        L.Dense(
            3, activation=swish, kernel_initializer=counting, input_shape=(size,), kernel_regularizer=bent
        )
    )
    model.add(
        L.Dense(2, activation="sigmoid", kernel_constraint=Rounded(), bias_constraint=lambda w: K.abs(w))
    )
    notes.numbers("first", model.get_weights()[:1])
    fill(model, draw)
    loss = draw.one_of([smooth(0.5), dice, focal, lambda a, b: K.mean(K.square(a - b)), k.losses.mse])
    metrics = [draw.one_of([r2, f1, "acc", k.metrics.mae, smooth(0.1)]) for _ in range(draw.number(0, 2))]
    model.compile("rmsprop" if draw.chance(0.3) else k.optimizers.SGD(0.1), loss, metrics=metrics)
    notes.text("names", model.metrics_names)
    x, y = draw.array(7, size), draw.whole(2, 7, 2).astype("float64")
    history = model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0, validation_split=0.3).history
    notes.text("logs", sorted(history))
    for name in sorted(history):
        notes.numbers("history " + name, np.array(history[name], "float64"))
    notes.numbers("weights", model.get_weights())
    notes.numbers(
        "weighted",
        model.evaluate(x, y, sample_weight=draw.array(7, low=0.1, high=1), verbose=0, batch_size=3),
    )


def optimizer(k, draw, notes):
    """An optimizer of a user's own, in Keras's way."""
    K = k.backend

    class Accumulating(k.optimizers.Optimizer):
        def __init__(self, lr=0.1, momentum=0.5, **kwargs):
            super().__init__(**kwargs)
            with K.name_scope(self.__class__.__name__):
                self.iterations = K.variable(0, dtype="int64", name="iterations")
                self.lr = K.variable(lr, name="lr")
                self.momentum = K.variable(momentum, name="momentum")

        def get_updates(self, loss, params):
            grads = self.get_gradients(loss, params)
            self.updates = [K.update_add(self.iterations, 1)]
            moments = [K.zeros(K.int_shape(p), dtype=K.dtype(p)) for p in params]
            self.weights = [self.iterations, *moments]
            for p, g, m in zip(params, grads, moments):  # noqa: B905
                v = self.momentum * m - self.lr * g / (1.0 + K.abs(g))
                self.updates.append(K.update(m, v))
                new_p = p + v
                if getattr(p, "constraint", None) is not None:
                    new_p = p.constraint(new_p)
                self.updates.append(K.update(p, new_p))
            return self.updates

        def get_config(self):
            config = {"lr": float(K.get_value(self.lr)), "momentum": float(K.get_value(self.momentum))}
            return dict(super().get_config(), **config)

    L, size = k.layers, draw.number(2, 3)
    model = k.models.Sequential(
        [L.Dense(3, input_shape=(size,), activation="tanh", kernel_constraint="maxnorm"), L.Dense(1)]
    )
    fill(model, draw)
    made = Accumulating(**draw.some(clipnorm=[0.5], clipvalue=[0.1], lr=[0.05, 0.2]))
    model.compile(made, "mse")
    x, y = draw.array(6, size), draw.array(6, 1)
    notes.numbers("losses", [model.train_on_batch(x, y) for _ in range(4)])
    K.set_value(made.lr, 0.01)
    model.fit(x, y, epochs=2, shuffle=False, batch_size=4, verbose=0)
    notes.numbers("weights", model.get_weights())
    notes.numbers("state", made.get_weights())
    notes.text("config", made.get_config())


def subclassed(k, draw, notes):
    """`Model` with `call` of its own."""
    L = k.layers
    several, dropped = draw.chance(0.4), draw.chance(0.3)

    class Mine(k.models.Model):
        def __init__(self):
            super().__init__(name="mine")
            self.first = L.Dense(4, activation="tanh")
            self.norm = L.BatchNormalization() if draw_norm else None
            self.last = L.Dense(2)
            self.other = L.Dense(1, activation="sigmoid")

        def call(self, inputs):
            x = self.first(inputs)
            if self.norm is not None:
                x = self.norm(x)
            if dropped:
                x = L.Dropout(0.0)(x)
            return [self.last(x), self.other(x)] if several else self.last(x)

    draw_norm = draw.chance(0.3)
    model = Mine()
    model.compile(k.optimizers.SGD(0.05), "mse", metrics=draw.one_of([[], ["mae"]]))
    size = draw.number(2, 4)
    x, y = draw.array(6, size), draw.array(6, 2)
    y = [y, draw.array(6, 1)] if several else y
    model.train_on_batch(x, y)
    model.set_weights([draw.array(*one.shape, low=0.1, high=0.6) for one in model.get_weights()])
    notes.text("shapes", [list(one.shape) for one in model.get_weights()])
    notes.numbers("losses", [model.train_on_batch(x, y) for _ in range(3)])
    notes.numbers("predicted", model.predict(x, batch_size=4))
    notes.numbers("evaluated", model.evaluate(x, y, verbose=0, batch_size=4))
    history = model.fit(x, y, epochs=2, shuffle=False, verbose=0).history
    for name in sorted(history):
        notes.numbers("history " + name, history[name])
    notes.text("layers", [one.name.split("_")[0] for one in model.layers])
    notes.text("trainable", len(model.trainable_weights))
    notes.numbers("weights", model.get_weights())


def functions(k, draw, notes):
    """`K.function` and `K.gradients` on parts of a model, updates by hand, activations inside."""
    K, L, size = k.backend, k.layers, draw.number(2, 3)
    model = k.models.Sequential(
        [
            L.Dense(3, input_shape=(size,), activation="tanh"),
            L.Dropout(0.0),
            L.BatchNormalization(),
            L.Dense(2, activation="softmax"),
        ]
    )
    fill(model, draw)
    x = draw.array(4, size)
    outputs = [layer.output for layer in model.layers]
    notes.numbers("inside", K.function([model.input, K.learning_phase()], outputs)([x, draw.number(0, 1)]))
    loss = K.mean(model.output[:, 0])
    gradients = K.gradients(loss, [model.input])[0]
    gradients /= K.sqrt(K.mean(K.square(gradients))) + 1e-5
    step = K.function([model.input, K.learning_phase()], [loss, gradients])
    for _ in range(2):
        value, change = step([x, 0])
        notes.numbers("ascent", [value, change])
        x = x + change * 0.1
    target = K.placeholder(shape=(None, 2))
    cost = K.mean(K.categorical_crossentropy(target, model.output))
    made = k.optimizers.SGD(draw.real(0.01, 0.1), **draw.some(momentum=[0.9], clipnorm=[0.2]))
    updates = made.get_updates(params=model.trainable_weights, loss=cost)
    train = K.function([model.input, target, K.learning_phase()], [cost], updates=updates + model.updates)
    y = np.eye(2)[draw.whole(2, 4)]
    notes.numbers("costs", [train([x, y, 1])[0] for _ in range(3)])
    notes.numbers("weights", model.get_weights())
    counter = K.variable(1.5)
    more = K.function(
        [target],
        [K.sum(target) + counter],
        updates=[(counter, counter * 2), K.update_sub(K.variable(1.0), 1.0)],
    )
    notes.numbers("counted", [more([y])[0] for _ in range(3)])
    notes.numbers("counter", K.get_value(counter))
    if draw.chance(0.5):
        part = k.models.Model(model.input, model.layers[draw.number(0, 2)].output)
        describe(notes, part)
        notes.numbers("part", part.predict(x))
