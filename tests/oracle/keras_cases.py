"""Small models that real Keras 2.2.4 and this library both build, from one description.

Every function takes `k`, a namespace with `layers`, `models`, `optimizers`, `regularizers`, `constraints`:
Keras's modules or ours. Python 3.7 must be able to read this file.
"""

import numpy as np

STEPS = 10


def random(seed):
    return np.random.RandomState(seed)


def images(seed, *shape):
    return random(seed).uniform(-1, 1, shape).astype("float32")


def one_hot(seed, rows, classes):
    return np.eye(classes, dtype="float32")[random(seed).randint(0, classes, rows)]


def sequential(k, *layers):
    return k.models.Sequential(list(layers))


def layer_case(make, shape, rows=6):
    """A layer between the data and a Dense layer, trained by SGD on the mean squared error."""

    def build(k):
        L = k.layers
        inputs = L.Input(shape)
        x = make(L, k)(inputs)
        if len(x.shape) > 2:
            x = L.Flatten()(x)
        return k.models.Model(inputs, L.Dense(2)(x)), ("sgd", "mse", None)

    return build, lambda: (images(1, rows, *shape), images(2, rows, 2), None)


def activation_case(name):
    return layer_case(lambda L, k: L.Activation(name), (5,))


def loss_case(loss, targets, activation=None, units=4):
    def build(k):
        L = k.layers
        model = sequential(k, L.Dense(units, activation=activation, input_shape=(3,)))
        return model, ("sgd", loss, None)

    return build, lambda: (images(1, 6, 3), targets(), None)


def optimizer_case(name, **arguments):
    def build(k):
        L = k.layers
        model = sequential(k, L.Dense(4, activation="tanh", input_shape=(3,)), L.Dense(2))
        return model, (getattr(k.optimizers, name)(**arguments), "mse", None)

    return build, lambda: (images(1, 6, 3), images(2, 6, 2), None)


def metric_case(metric, targets, activation, loss):
    def build(k):
        L = k.layers
        model = sequential(k, L.Dense(7, activation=activation, input_shape=(3,)))
        return model, ("sgd", loss, [metric])

    return build, lambda: (images(1, 12, 3), targets(), None)


def functional(k):
    """A shared layer, a nested model, two inputs and two outputs."""
    L, M = k.layers, k.models
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    shared = L.Dense(3, activation="tanh", name="shared")
    inner_in = L.Input((3,), name="inner_in")
    inner = M.Model(inner_in, L.Dense(3, activation="relu", name="inner_dense")(inner_in), name="inner")
    left, right = inner(shared(a)), inner(shared(b))
    first = L.Dense(2, name="first")(left)
    second = L.Dense(3, activation="softmax", name="second")(right)
    model = M.Model([a, b], [first, second])
    compiled = (
        "sgd",
        {"first": "mse", "second": "categorical_crossentropy"},
        {"second": ["acc"], "first": ["mae"]},
    )
    return model, compiled


def convnet(k):
    L = k.layers
    model = sequential(
        k,
        L.Conv2D(4, 3, padding="same", activation="relu", input_shape=(8, 8, 2)),
        L.BatchNormalization(),
        L.MaxPooling2D(),
        L.Conv2D(3, (3, 2), strides=(1, 2), kernel_regularizer=k.regularizers.l2(0.01)),
        L.Flatten(),
        L.Dense(3, activation="softmax", bias_regularizer=k.regularizers.l1(0.02)),
    )
    return model, (k.optimizers.Adam(lr=0.01), "categorical_crossentropy", ["accuracy"])


def weighted(k):
    L = k.layers
    model = sequential(k, L.Dense(3, activation="softmax", input_shape=(4,)))
    return model, ("sgd", "categorical_crossentropy", ["acc"])


def penalized(k):
    L, R, C = k.layers, k.regularizers, k.constraints
    model = sequential(
        k,
        L.Dense(
            5,
            input_shape=(4,),
            kernel_regularizer=R.l1_l2(0.01, 0.02),
            activity_regularizer=R.l2(0.003),
            kernel_constraint=C.MaxNorm(0.7),
            bias_constraint=C.NonNeg(),
        ),
        L.Dense(4, kernel_constraint=C.UnitNorm()),
        L.Dense(2, kernel_constraint=C.MinMaxNorm(0.3, 0.6, 0.5)),
    )
    return model, ("sgd", "mse", None)


def distribution(rows, classes):
    values = random(5).uniform(0.1, 1, (rows, classes)).astype("float32")
    return values / values.sum(-1, keepdims=True)


CASES = {
    "dense": layer_case(lambda L, k: L.Dense(4), (3,)),
    "dense_without_bias": layer_case(lambda L, k: L.Dense(4, use_bias=False, activation="relu"), (3,)),
    "dense_on_three_axes": layer_case(lambda L, k: L.Dense(4, activation="tanh"), (3, 2)),
    "flatten": layer_case(lambda L, k: L.Flatten(), (3, 2, 4)),
    "dropout_in_test": layer_case(lambda L, k: L.Dropout(0.0), (3,)),
    "conv_valid": layer_case(lambda L, k: L.Conv2D(3, 3), (6, 5, 2)),
    "conv_same": layer_case(lambda L, k: L.Conv2D(3, (2, 3), padding="same", use_bias=False), (6, 5, 2)),
    "conv_strided_valid": layer_case(lambda L, k: L.Conv2D(3, 3, strides=2, activation="relu"), (7, 6, 1)),
    "conv_strided_same": layer_case(lambda L, k: L.Conv2D(3, 3, strides=(2, 3), padding="same"), (7, 6, 2)),
    "conv_dilated": layer_case(lambda L, k: L.Conv2D(2, 3, dilation_rate=(2, 1), padding="same"), (7, 6, 2)),
    "max_pooling": layer_case(lambda L, k: L.MaxPooling2D(), (6, 5, 2)),
    "max_pooling_same": layer_case(lambda L, k: L.MaxPooling2D(3, strides=2, padding="same"), (6, 5, 2)),
    "batch_normalization": layer_case(lambda L, k: L.BatchNormalization(), (5,)),
    "batch_normalization_of_images": layer_case(lambda L, k: L.BatchNormalization(epsilon=0.01), (4, 3, 2)),
    "batch_normalization_plain": layer_case(
        lambda L, k: L.BatchNormalization(center=False, scale=False), (4, 3, 2)
    ),
    "batch_normalization_axis_1": layer_case(lambda L, k: L.BatchNormalization(axis=1), (4, 3)),
    "functional": (
        functional,
        lambda: ([images(1, 6, 4), images(2, 6, 4)], [images(3, 6, 2), one_hot(4, 6, 3)], None),
    ),
    "convnet": (convnet, lambda: (images(1, 9, 8, 8, 2), one_hot(2, 9, 3), None)),
    "sample_weights": (
        weighted,
        lambda: (images(1, 6, 4), one_hot(2, 6, 3), np.array([0, 1, 2, 0.5, 0, 3], "float32")),
    ),
    "penalized": (penalized, lambda: (images(1, 6, 4), images(2, 6, 2), None)),
}
for _name in [
    "softmax",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "relu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "exponential",
    "linear",
]:
    CASES["activation_" + _name] = activation_case(_name)

_plain = lambda: images(2, 6, 4)  # noqa: E731
_signs = lambda: np.sign(images(2, 6, 4))  # noqa: E731
_positive = lambda: random(2).uniform(0.1, 1, (6, 4)).astype("float32")  # noqa: E731
_classes = lambda: one_hot(2, 6, 4)  # noqa: E731
_bits = lambda: random(2).randint(0, 2, (6, 4)).astype("float32")  # noqa: E731
_numbers = lambda: random(2).randint(0, 4, (6, 1)).astype("float32")  # noqa: E731
for _name, _targets, _activation in (
    ("mean_squared_error", _plain, None),
    ("mean_absolute_error", _plain, None),
    ("mean_absolute_percentage_error", _positive, "sigmoid"),
    ("mean_squared_logarithmic_error", _positive, "sigmoid"),
    ("squared_hinge", _signs, "tanh"),
    ("hinge", _signs, "tanh"),
    ("categorical_hinge", _classes, "sigmoid"),
    ("logcosh", _plain, None),
    ("categorical_crossentropy", _classes, "softmax"),
    ("sparse_categorical_crossentropy", _numbers, "softmax"),
    ("binary_crossentropy", _bits, "sigmoid"),
    ("kullback_leibler_divergence", lambda: distribution(6, 4), "softmax"),
    ("poisson", _positive, "softplus"),
    ("cosine_proximity", _plain, None),
):
    CASES["loss_" + _name] = loss_case(_name, _targets, _activation)
CASES["loss_categorical_crossentropy_without_softmax"] = loss_case(
    "categorical_crossentropy", _classes, "sigmoid"
)
CASES["loss_sparse_crossentropy_without_softmax"] = loss_case(
    "sparse_categorical_crossentropy", _numbers, "hard_sigmoid"
)
CASES["loss_binary_crossentropy_without_sigmoid"] = loss_case("binary_crossentropy", _bits, "hard_sigmoid")

for _name, _arguments in (
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    ("SGD", {"clipnorm": 0.1, "lr": 0.5}),
    ("SGD", {"clipvalue": 0.05, "lr": 0.5}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.01, "rho": 0.8, "decay": 0.1, "epsilon": 1e-4}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "decay": 0.1}),
    ("Adadelta", {}),
    ("Adadelta", {"rho": 0.9, "decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "beta_1": 0.8, "beta_2": 0.9, "decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.01, "decay": 0.1}),
    ("Nadam", {}),
    ("Nadam", {"lr": 0.01, "schedule_decay": 0.1}),
):
    _label = "".join("_{}_{}".format(*item) for item in sorted(_arguments.items()))
    CASES["optimizer_" + _name + _label] = optimizer_case(_name, **_arguments)

_seven = lambda: one_hot(2, 12, 7)  # noqa: E731
_seven_numbers = lambda: random(2).randint(0, 7, (12, 1)).astype("float32")  # noqa: E731
_seven_bits = lambda: random(2).randint(0, 2, (12, 7)).astype("float32")  # noqa: E731
for _name, _targets, _activation, _loss in (
    ("binary_accuracy", _seven_bits, "sigmoid", "mse"),
    ("categorical_accuracy", _seven, "softmax", "mse"),
    ("sparse_categorical_accuracy", _seven_numbers, "softmax", "sparse_categorical_crossentropy"),
    ("top_k_categorical_accuracy", _seven, "softmax", "mse"),
    ("sparse_top_k_categorical_accuracy", _seven_numbers, "softmax", "sparse_categorical_crossentropy"),
    ("acc", _seven, "softmax", "categorical_crossentropy"),
    ("accuracy", _seven_bits, "sigmoid", "binary_crossentropy"),
    ("mse", _seven, "softmax", "mae"),
    ("cosine", _seven, "softmax", "mse"),
    ("ce", _seven, "softmax", "mse"),
):
    CASES["metric_" + _name] = metric_case(_name, _targets, _activation, _loss)


def initial_weights(shapes):
    """The weights that both sides begin with: all positive, as variances must be."""
    source = random(42)
    return [source.uniform(0.1, 0.6, shape).astype("float32") for shape in shapes]


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]
