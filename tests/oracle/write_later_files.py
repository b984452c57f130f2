"""Write model files of many kinds with a version of Keras 2 or later, with what the models do.

Runs under the producer, not under Batchyard. LIBRARY is `keras` (2.2.4, 2.3 or 3), `tensorflow.keras` (2.4 to
2.15) or `tf_keras`:

    python tests/oracle/write_later_files.py LIBRARY FOLDER [FIRST_SEED LAST_SEED]

For each case: NAME.h5 (and NAME.keras, NAME.weights.h5 where the library has them), NAME_weights.h5, and
NAME.npz: inputs, targets, predictions, the losses of five further steps and the predictions after them.
"""

import importlib
import os
import random
import sys

import numpy as np

keras = importlib.import_module(sys.argv[1])
layers = (
    importlib.import_module(sys.argv[1] + ".layers") if sys.argv[1] != "tensorflow.keras" else keras.layers
)
optimizers = keras.optimizers
TEXT = getattr(keras, "__version__", None) or importlib.import_module("tensorflow").__version__
VERSION = tuple(int(part) for part in TEXT.split("-")[0].split(".")[:2])
THREE = VERSION[0] >= 3
#: Whether this is tf.keras or Keras 3, which call the learning rate so, and take tensors' arithmetic.
LATER = THREE or sys.argv[1] != "keras"
if not LATER:
    from keras_224_in_order import count_steps_last

    count_steps_last()
RATE = "learning_rate" if LATER or VERSION >= (2, 3) else "lr"


def L(kind, *args, **kwargs):
    """Make a layer of that class."""
    return getattr(layers, kind)(*args, **kwargs)


def sequential(shape, chain, **kwargs):
    """Make a Sequential that begins with an input of that shape (rows not counted)."""
    model = keras.models.Sequential(**kwargs)
    if THREE:
        model.add(layers.Input(shape))
    else:
        chain[0] = with_input(chain[0], shape)
    for layer in chain:
        model.add(layer)
    return model


def with_input(layer, shape):
    """Return the layer with the input's shape in its configuration."""
    if LATER:
        layer._batch_input_shape = (None, *shape)
    else:
        layer.batch_input_shape = (None, *shape)
        layer.dtype = "float32"
    return layer


def optimizer(name, **kwargs):
    """Make an optimizer; `rate` is the learning rate."""
    kwargs[RATE] = kwargs.pop("rate", 0.01)
    return getattr(optimizers, name)(**kwargs)


#: Optimizers of later versions with their arguments, by class and what is particular.
OPTIMIZERS = {
    "Adadelta_epsilon": {"epsilon": 1e-3, "rate": 1.0},
    "Adafactor": {},
    "Adagrad_epsilon": {"epsilon": 1e-3},
    "Adagrad_zero": {"initial_accumulator_value": 0.0},
    "AdamW": {"weight_decay": 0.01},
    "Adam_clipnorm": {"clipnorm": 0.01},
    "Adam_decay": {"weight_decay": 0.01},
    "Adam_ema": {"use_ema": True},
    "Adam_norm": {"global_clipnorm": 0.01},
    "Adamax_epsilon": {"epsilon": 1e-2},
    "Ftrl": {},
    "Lamb": {},
    "Lion": {},
    "Muon": {},
    "Nadam_beta": {"beta_1": 0.8},
    "Nadam_long": {},
    "RMSprop_centered": {"centered": True},
    "RMSprop_momentum": {"momentum": 0.5, "rho": 0.8},
    "RMSprop_both": {"momentum": 0.5, "centered": True},
    "SGD_momentum": {"momentum": 0.5},
    "SGD_nesterov": {"momentum": 0.5, "nesterov": True},
    "SGD_norm": {"global_clipnorm": 0.01, "momentum": 0.9},
}


def dense(made, loss="mse"):
    """A small model with that optimizer."""
    model = sequential((4,), [L("Dense", 5, activation="tanh"), L("Dense", 2)])
    model.compile(made, loss)
    return model


def cases():
    """Yield names and functions that make compiled models."""
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"):
        yield "optimizer_" + name.lower(), lambda name=name: dense(optimizer(name))
    yield "optimizer_momentum", lambda: dense(optimizer("SGD", momentum=0.9, nesterov=True))
    yield "optimizer_amsgrad", lambda: dense(optimizer("Adam", amsgrad=True, epsilon=1e-4))
    if LATER:
        yield "optimizer_clipped", lambda: dense(optimizer("Adam", clipvalue=0.02))
        for name, arguments in OPTIMIZERS.items():
            kind, *rest = name.split("_")
            if hasattr(optimizers, kind) and VERSION >= (2, 11):
                made = {"rate": 0.01, **arguments}
                yield (
                    "_".join(["optimizer", "of", kind.lower(), *rest]),
                    lambda k=kind, a=made: dense(optimizer(k, **a)),
                )
        yield (
            "optimizer_inverse_time",
            lambda: dense(optimizer("Adam", rate=optimizers.schedules.InverseTimeDecay(0.1, 4, 0.5))),
        )
        yield (
            "optimizer_scheduled",
            lambda: dense(optimizer("SGD", rate=optimizers.schedules.ExponentialDecay(0.1, 2, 0.5))),
        )
    legacy = getattr(optimizers, "legacy", None)
    if LATER and not THREE and legacy is not None:
        for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"):
            yield "legacy_" + name.lower(), lambda name=name: dense(getattr(legacy, name)(0.01))
        yield "legacy_momentum", lambda: dense(legacy.SGD(0.01, momentum=0.9, decay=0.1))
        yield "legacy_amsgrad", lambda: dense(legacy.Adam(0.01, amsgrad=True))
    yield "convolutional", convolutional
    yield "normalized", normalized
    yield "convolutional_1d", convolutional_1d
    yield "convolutional_3d", convolutional_3d
    yield "recurrent", recurrent
    yield "recurrent_wrapped", recurrent_wrapped
    yield "recurrent_cells", recurrent_cells
    yield "recurrent_states", recurrent_states
    yield "recurrent_defaults", recurrent_defaults
    yield "conv_lstm", conv_lstm
    yield "embedded", embedded
    yield "nested", nested
    yield "merged", merged
    yield "activations", activations
    yield "wrapped_model", wrapped_model
    if LATER:
        yield "losses_as_objects", losses_as_objects
        yield "arithmetic", arithmetic
        yield "operations", operations
        yield "later_layers", later_layers


def convolutional():
    model = sequential(
        (9, 8, 2),
        [
            L("Conv2D", 3, 3, padding="same", kernel_regularizer="l2" if LATER else None),
            L("BatchNormalization", momentum=0.9),
            L("Activation", "relu"),
            L("MaxPooling2D", 2),
            L("SeparableConv2D", 4, 3, padding="same", depth_multiplier=2),
            L("DepthwiseConv2D", 2, padding="same"),
            L("UpSampling2D", 2),
            L("Conv2DTranspose", 3, 3, strides=2, padding="same", use_bias=False),
            L("ZeroPadding2D", ((1, 0), (0, 2))),
            L("Cropping2D", ((0, 1), (1, 1))),
            L("AveragePooling2D", 2, padding="same"),
            L("PReLU", shared_axes=[1, 2]),
            L("SpatialDropout2D", 0.0),
            L("Flatten"),
            L("Dense", 3, activation="softmax"),
        ],
    )
    model.compile(optimizer("Adam"), "categorical_crossentropy", metrics=["accuracy"])
    return model


def normalized():
    """Batch normalization of images and of vectors, trained and frozen."""
    model = sequential(
        (5, 4, 2),
        [
            L("BatchNormalization", momentum=0.6),
            L("Conv2D", 3, 2),
            L("BatchNormalization", momentum=0.6, trainable=False),
            L("BatchNormalization", axis=2, momentum=0.6),
            L("Reshape", (4, 9)),
            L("BatchNormalization", momentum=0.6),
            L("Flatten"),
            L("Dense", 3),
            L("BatchNormalization", momentum=0.6),
        ],
    )
    model.compile(optimizer("SGD"), "mse")
    return model


def convolutional_1d():
    model = sequential(
        (12, 3),
        [
            L("Conv1D", 4, 3, padding="causal", dilation_rate=2),
            L("SeparableConv1D", 5, 3, activation="elu"),
            L("BatchNormalization", scale=False),
            L("MaxPooling1D", 2, padding="same"),
            L("UpSampling1D", 2),
            L("ZeroPadding1D", 1),
            L("Cropping1D", 1),
            L("GlobalAveragePooling1D"),
            L("Dense", 2, activation="sigmoid", use_bias=False),
        ],
    )
    model.compile(optimizer("RMSprop"), "binary_crossentropy")
    return model


def convolutional_3d():
    model = sequential(
        (5, 6, 5, 2),
        [
            L("Conv3D", 2, (3, 2, 3), padding="same"),
            L("Conv3DTranspose", 2, 2, strides=1),
            L("AveragePooling3D", 2),
            L("UpSampling3D", (1, 2, 1)),
            L("GlobalMaxPooling3D"),
            L("Dense", 2),
        ],
    )
    model.compile(optimizer("SGD"), "mse")
    return model


def recurrent():
    model = sequential(
        (6, 3),
        [
            L("GRU", 4, return_sequences=True, reset_after=False, recurrent_activation="hard_sigmoid"),
            L("LSTM", 4, return_sequences=True, recurrent_activation="sigmoid", go_backwards=True),
            L("GRU", 3, return_sequences=True, reset_after=True, recurrent_activation="sigmoid"),
            L("SimpleRNN", 3, unroll=LATER),
            L("Dense", 1),
        ],
    )
    model.compile(optimizer("Adam"), "mse", metrics=["mae"])
    return model


def recurrent_defaults():
    model = sequential((5, 2), [L("LSTM", 4, return_sequences=True), L("GRU", 3), L("Dense", 1)])
    model.compile(optimizer("SGD"), "mse")
    return model


def recurrent_wrapped():
    model = sequential(
        (6, 4),
        [
            L("Masking", 0.0),
            L("Bidirectional", L("LSTM", 3, return_sequences=True, recurrent_activation="hard_sigmoid")),
            L("TimeDistributed", L("Dense", 5, activation="tanh")),
            L("Bidirectional", L("GRU", 3, return_sequences=True), merge_mode="sum"),
            L("LSTM", 2, return_sequences=True),
            L("TimeDistributed", L("Dense", 2)),
        ],
    )
    model.compile(optimizer("Adam"), "mse")
    return model


def recurrent_cells():
    model = sequential(
        (6, 4),
        [
            L("RNN", [L("LSTMCell", 3), L("GRUCell", 2)], return_sequences=True),
            L("RNN", L("SimpleRNNCell", 2), go_backwards=True),
            L("Dense", 2),
        ],
    )
    model.compile(optimizer("Adam"), "mse")
    return model


def recurrent_states():
    source, target = L("Input", (5, 3)), L("Input", (4, 2))
    _, h, c = L("LSTM", 4, return_state=True)(source)
    out = L("LSTM", 4, return_sequences=True)(target, initial_state=[h, c])
    both = L("Bidirectional", L("GRU", 4, return_sequences=True))(out, initial_state=[h, c])
    model = keras.models.Model([source, target], L("TimeDistributed", L("Dense", 2))(both))
    model.compile(optimizer("Adam"), "mse")
    return model


def conv_lstm():
    model = sequential(
        (3, 5, 5, 2),
        [
            L("ConvLSTM2D", 2, 3, padding="same", return_sequences=True),
            L("TimeDistributed", L("Conv2D", 2, 2)),
            L("ConvLSTM2D", 2, 2),
            L("Flatten"),
            L("Dense", 1),
        ],
    )
    model.compile(optimizer("SGD"), "mse")
    return model


def embedded():
    words = L("Input", (7,), dtype="int32", name="words")
    x = L("Embedding", 11, 4, mask_zero=True, name="table")(words)
    x = L("LSTM", 5, name="reader")(x)
    model = keras.models.Model(words, L("Dense", 3, activation="softmax", name="classes")(x))
    model.compile(optimizer("Adam"), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def nested():
    left, right = L("Input", (4,), name="left"), L("Input", (4,), name="right")
    shared = L("Dense", 3, activation="relu")
    first = sequential((3,), [L("Dense", 3), L("BatchNormalization"), L("Dense", 2)], name="first")
    inner = L("Input", (3,))
    deep = sequential((3,), [L("Dense", 3, trainable=False), L("Dense", 2)], name="deep")
    second = keras.models.Model(inner, [L("Dense", 1)(inner), deep(inner)], name="second")
    one, two = second(shared(right))
    again, _ = second(shared(left))
    model = keras.models.Model([left, right], [first(shared(left)), L("Concatenate")([one, two, again])])
    model.compile(optimizer("Adam"), ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model


def wrapped_model():
    inner = sequential((4, 2), [L("Conv1D", 3, 2), L("Flatten"), L("Dense", 3)], name="inner")
    model = sequential((3, 4, 2), [L("TimeDistributed", inner), L("LSTM", 2), L("Dense", 1)])
    model.compile(optimizer("Adam"), "mse")
    return model


def merged():
    a, b = L("Input", (3,)), L("Input", (3,))
    pairs = [L(name)([a, b]) for name in ("Add", "Multiply", "Average", "Maximum", "Subtract")]
    pairs.append(L("Dot", 1, normalize=True)([a, b]))
    x = L("Concatenate", axis=-1)(pairs)
    x = L("Reshape", (4, -1))(x)
    x = L("Permute", (2, 1))(x)
    x = L("Flatten")(x)
    x = L("RepeatVector", 2)(L("Dropout", 0.0)(L("Dense", 3)(x)))
    model = keras.models.Model([a, b], L("Flatten")(L("Dense", 1)(x)))
    model.compile(optimizer("Adagrad"), "mse")
    return model


def activations():
    start = L("Input", (6,))
    found = [L("Activation", name)(start) for name in ("hard_sigmoid", "selu", "softplus", "softsign", "elu")]
    found += [L("LeakyReLU", 0.2)(start), L("ELU", 0.5)(start), L("ReLU", 0.4, 0.1, 0.05)(start)]
    found += [L("Softmax")(start)]
    if hasattr(layers, "ThresholdedReLU"):
        found.append(L("ThresholdedReLU", 0.3)(start))
    if LATER:
        found += [L("Activation", name)(start) for name in ("swish", "gelu")]
        found.append(L("Dense", 3, activation="relu6" if THREE else "swish")(start))
    x = L("ActivityRegularization", l2=0.01)(L("Concatenate")(found))
    x = L("GaussianNoise", 0.0)(x)
    model = keras.models.Model(start, L("Dense", 2)(x))
    model.compile(optimizer("SGD"), "mse")
    return model


def losses_as_objects():
    start = L("Input", (4,))
    model = keras.models.Model(
        start, [L("Dense", 3, name="classes")(start), L("Dense", 2, name="values")(start)]
    )
    losses = keras.losses
    model.compile(
        optimizer("Adam"),
        {"classes": losses.CategoricalCrossentropy(from_logits=True), "values": losses.Huber()},
        metrics={
            "classes": [keras.metrics.CategoricalAccuracy()],
            "values": ["mae", keras.metrics.MeanSquaredError()],
        },
    )
    return model


def arithmetic():
    a, b = L("Input", (3, 4)), L("Input", (3, 4))
    x = (a + b) * 2.0 - a / 4.0
    x = 1.0 - x
    x = x**2 + (-b)
    x = x[:, 1:, ::2]
    x = L("Flatten")(x)
    model = keras.models.Model([a, b], L("Dense", 2)(x))
    model.compile(optimizer("SGD"), "mse")
    return model


def operations():
    if THREE:
        ops = keras.ops
        a, b = L("Input", (3, 4)), L("Input", (3, 4))
        x = ops.concatenate([a, ops.transpose(b, (0, 1, 2))], axis=-1)
        x = ops.reshape(x, (-1, 4, 6))
        x = ops.mean(x, axis=1, keepdims=True) + ops.max(x, axis=1, keepdims=True)
        x = ops.squeeze(x, axis=1)
        x = ops.stack([x, ops.relu(x), ops.sigmoid(x), ops.softmax(x)], axis=1)
        y = ops.matmul(a, ops.transpose(b, (0, 2, 1)))
        y = ops.expand_dims(ops.sum(y, axis=-1), 1)
        y = ops.sqrt(ops.abs(ops.cast(y, "float32"))) + ops.exp(-y)
        x, y = L("Flatten")(x), L("Flatten")(y)
        model = keras.models.Model([a, b], L("Dense", 2)(ops.concatenate([x, y], axis=1)))
    else:
        import tensorflow as tf

        a, b = L("Input", (3, 4)), L("Input", (3, 4))
        x = tf.concat([a, tf.transpose(b, (0, 1, 2))], axis=-1)
        x = tf.reshape(x, (-1, 4, 6))
        x = tf.reduce_mean(x, axis=1, keepdims=True) + tf.reduce_max(x, axis=1, keepdims=True)
        x = tf.squeeze(x, axis=1)
        x = tf.stack([x, tf.nn.relu(x), tf.sigmoid(x), tf.nn.softmax(x)], axis=1)
        y = tf.matmul(a, tf.transpose(b, (0, 2, 1)))
        y = tf.expand_dims(tf.reduce_sum(y, axis=-1), 1)
        y = tf.sqrt(tf.abs(tf.cast(y, "float32"))) + tf.exp(-y)
        y = tf.math.maximum(y, 0.1) + tf.clip_by_value(y, 0.0, 1.0)
        x, y = L("Flatten")(x), L("Flatten")(y)
        model = keras.models.Model([a, b], L("Dense", 2)(tf.concat([x, y], 1)))
    model.compile(optimizer("SGD"), "mse")
    return model


def later_layers():
    start = L("Input", (6, 5, 3))
    x = L("Rescaling", 0.5, offset=0.1)(start)
    x = L("LayerNormalization")(x)
    x = L("GlobalAveragePooling2D", keepdims=True)(x)
    x = L("Flatten")(x)
    x = L("UnitNormalization")(x)
    model = keras.models.Model(start, L("Dense", 2, kernel_initializer="he_normal")(x))
    model.compile(optimizer("Adam"), "mse")
    return model


def random_model(seed):
    """Make a random graph of layers on vectors, sequences or pictures."""
    dice = random.Random(seed)
    kind = dice.choice(["vector", "sequence", "picture"])
    shape = {"vector": (5,), "sequence": (7, 3), "picture": (8, 7, 2)}[kind]
    start = L("Input", shape)
    ends = [start]
    for _ in range(dice.randint(3, 7)):
        x = dice.choice(ends[-2:])
        ends.append(random_step(dice, kind, x))
    last = list(ends[-3:])
    if kind == "sequence":
        last = [L("GlobalMaxPooling1D")(x) for x in last]
    if kind == "picture":
        last = [L("GlobalAveragePooling2D")(x) for x in last]
    x = L("Concatenate")(last)
    model = keras.models.Model(start, L("Dense", dice.randint(1, 3))(x))
    names = ["SGD", "RMSprop", "Adam", "Adagrad", "Adamax"]
    model.compile(optimizer(dice.choice(names), rate=0.005), dice.choice(["mse", "mae"]))
    return model


def random_step(dice, kind, x):
    """Apply one random layer that keeps the number of axes."""
    bias = dice.random() < 0.7
    activation = dice.choice([None, "relu", "tanh", "elu", "hard_sigmoid", "softmax"])
    units = dice.randint(2, 5)
    if dice.random() < 0.15:
        return L("BatchNormalization", center=dice.random() < 0.7, scale=dice.random() < 0.7)(x)
    if dice.random() < 0.15:
        width = 4
        one = L("Dense", width, activation=activation)(x)
        return L(dice.choice(["Add", "Multiply", "Concatenate"]))([one, L("Dense", width)(x)])
    if kind == "vector":
        return L("Dense", units, activation=activation, use_bias=bias)(x)
    if kind == "sequence":
        which = dice.randint(0, 4)
        if which == 0:
            return L("Conv1D", units, 3, padding="same", activation=activation, use_bias=bias)(x)
        if which == 1:
            return L("Bidirectional", L("LSTM", units, return_sequences=True))(x)
        name = ["SimpleRNN", "GRU", "LSTM"][which - 2]
        return L(name, units, return_sequences=True, use_bias=bias, go_backwards=dice.random() < 0.3)(x)
    which = dice.randint(0, 3)
    if which == 0:
        return L("SeparableConv2D", units, 3, padding="same", activation=activation, use_bias=bias)(x)
    if which == 1:
        return L("Conv2DTranspose", units, 2, padding="same", use_bias=bias)(x)
    if which == 2:
        return L("DepthwiseConv2D", 3, padding="same", use_bias=bias)(x)
    return L("Conv2D", units, 3, padding="same", activation=activation, use_bias=bias)(x)


def sizes(tensor):
    """Return the sizes of a tensor's axes, without the rows."""
    shape = getattr(tensor, "_keras_shape", None) or tuple(tensor.shape)
    return tuple(int(size) for size in shape[1:])


def arrays(model, seed):
    """Return inputs and targets that fit a model."""
    numbers = np.random.RandomState(seed)
    x = []
    for tensor in model.inputs:
        shape = (8, *sizes(tensor))
        dtype = getattr(tensor.dtype, "name", tensor.dtype)
        if "int" in str(dtype):
            x.append(numbers.randint(0, 11, shape).astype("int32"))
        else:
            x.append(numbers.uniform(-1, 1, shape).astype("float32"))
            if len(shape) == 3:  # steps that Masking leaves out
                x[-1][::3, -2:] = 0.0
    y = []
    for tensor in model.outputs:
        shape = (8, *sizes(tensor))
        loss = model.loss if isinstance(model.loss, str) else ""
        if loss.startswith("sparse"):
            y.append(numbers.randint(0, shape[-1], (8, 1)).astype("int32"))
        elif shape[-1] == 3 and len(shape) == 2:
            y.append(np.eye(3, dtype="float32")[numbers.randint(0, 3, 8)])
        else:
            y.append(numbers.uniform(0, 1, shape).astype("float32"))
    return x, y


def one(values):
    return values[0] if len(values) == 1 else values


def predict(model, x):
    found = model.predict(one(x), verbose=0)
    return list(found) if isinstance(found, (list, tuple)) else [found]


def write(folder, name, make, seed):
    """Train a little, write the files, train on and record that."""
    np.random.seed(seed)
    keras.backend.clear_session()
    model = make()
    x, y = arrays(model, seed)
    for _ in range(60 if name.endswith("_long") else 3):
        model.train_on_batch(one(x), one(y))
    record = {f"x{n}": array for n, array in enumerate(x)}
    record.update({f"y{n}": array for n, array in enumerate(y)})
    record.update({f"prediction{n}": array for n, array in enumerate(predict(model, x))})
    path = os.path.join(folder, name)
    # the archive first: writing HDF5 takes the optimizer out of what Keras 3 then writes into archives
    if THREE:
        model.save(path + ".keras")
        model.save_weights(path + ".weights.h5")
    elif LATER and VERSION >= (2, 12):
        model.save(path + ".keras", save_format="keras")
    if not (THREE and name.startswith("optimizer_of_")):  # Keras 3 fails on some of these states in HDF5
        model.save(path + ".h5")
    if not THREE:
        model.save_weights(path + "_weights.h5")
    losses = []
    for _ in range(5):
        losses.append(np.ravel(model.train_on_batch(one(x), one(y)))[0])
    record["losses"] = np.array(losses, "float32")
    record.update({f"later{n}": array for n, array in enumerate(predict(model, x))})
    np.savez(path + ".npz", **record)


def main(folder, first=0, last=-1):
    """Write all cases and the random models of these seeds."""
    chosen = os.environ.get("CASES", "").split()
    for name, make in cases():
        if not chosen or name in chosen:
            write(folder, name, make, 1)
    for seed in range(int(first), int(last) + 1):
        write(folder, f"random_{seed}", lambda seed=seed: random_model(seed), seed)


if __name__ == "__main__":
    main(*sys.argv[2:])
