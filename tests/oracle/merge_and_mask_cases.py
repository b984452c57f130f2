"""Models with merge layers, masks and weights per time step. Python 3.7 must be able to read this file.

A case is (build, data): build(layers, models) gives a model and the arguments of `compile`; data() gives x, y
and the sample weights.
"""

import numpy as np


def numbers(seed, *shape):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype("float32")


def merge_case(make, *shapes):
    def build(L, M):
        inputs = [L.Input(shape) for shape in shapes]
        x = make(L)(inputs)
        return M.Model(inputs, x), {"optimizer": "sgd", "loss": "mse"}

    return build, lambda: ([numbers(n, 6, *shape) for n, shape in enumerate(shapes)], None, None)


def series(seed=1):
    x = numbers(seed, 6, 5, 3)
    for row, length in enumerate([5, 3, 1, 4, 2, 5]):
        x[row, length:] = 0
    return x


def masked(L, M):
    model = M.Sequential(
        [L.Masking(input_shape=(5, 3)), L.Dense(4, activation="tanh"), L.Dropout(0.0), L.Dense(2)]
    )
    return model, {"optimizer": "sgd", "loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mse"]}


def masked_temporal(L, M):
    model, arguments = masked(L, M)
    return model, dict(arguments, sample_weight_mode="temporal")


def temporal(L, M):
    model = M.Sequential([L.Dense(2, input_shape=(5, 3))])
    return model, {
        "optimizer": "sgd",
        "loss": "mae",
        "sample_weight_mode": "temporal",
        "weighted_metrics": ["mse"],
    }


def merged_masks(kind):
    def build(L, M):
        a, b = L.Input((5, 3)), L.Input((5, 3))
        x = getattr(L, kind)()([L.Dense(3)(L.Masking()(a)), L.Masking(0.5)(b)])
        return M.Model([a, b], L.Dense(2)(x)), {"optimizer": "sgd", "loss": "mse"}

    return build


def nested(L, M):
    a = L.Input((5, 3))
    i = L.Input((5, 3))
    inner = M.Model(i, [L.Dense(2, activation="tanh")(i), L.Dense(3)(L.Masking(0.25)(i))])
    first, second = inner(L.Masking()(a))
    return M.Model(a, [first, second]), {"optimizer": "sgd", "loss": "mse", "loss_weights": [1.0, 0.5]}


def pair():
    return [series(1), series(2)]


targets = lambda: numbers(9, 6, 5, 2)  # noqa: E731
row_weights = lambda: np.array([1, 0, 2, 0.5, 1, 3], "float32")  # noqa: E731
step_weights = lambda: np.abs(numbers(8, 6, 5)) * (numbers(7, 6, 5) > -0.3)  # noqa: E731

CASES = {
    "add": merge_case(lambda L: L.Add(), (3, 4), (3, 4), (3, 4)),
    "add_broadcast": merge_case(lambda L: L.Add(), (3, 1, 4), (5, 4), (1,)),
    "subtract": merge_case(lambda L: L.Subtract(), (3, 4), (3, 4)),
    "multiply": merge_case(lambda L: L.Multiply(), (3, 4), (3, 4), (3, 1)),
    "average": merge_case(lambda L: L.Average(), (3, 4), (3, 4), (3, 4)),
    "maximum": merge_case(lambda L: L.Maximum(), (3, 4), (3, 4), (3, 4)),
    "minimum": merge_case(lambda L: L.Minimum(), (3, 4), (3, 4)),
    "concatenate": merge_case(lambda L: L.Concatenate(), (3, 4), (3, 2)),
    "concatenate_steps": merge_case(lambda L: L.Concatenate(axis=1), (3, 4), (2, 4)),
    "dot": merge_case(lambda L: L.Dot(2), (3, 4), (5, 4)),
    "dot_of_rows": merge_case(lambda L: L.Dot(1), (4,), (4,)),
    "dot_normalized": merge_case(lambda L: L.Dot((2, 1), normalize=True), (3, 4), (4, 2)),
    "dot_negative": merge_case(lambda L: L.Dot(-1), (4,), (5, 4)),
    "lambda": merge_case(lambda L: L.Lambda(lambda x: x[0] * 2.0 + x[1]), (3, 4), (3, 4)),
    "masked": (masked, lambda: (series(), targets(), None)),
    "masked_weighted": (masked, lambda: (series(), targets(), row_weights())),
    "masked_temporal": (masked_temporal, lambda: (series(), targets(), step_weights())),
    "temporal": (temporal, lambda: (series(), targets(), step_weights())),
    "masks_added": (merged_masks("Add"), lambda: (pair(), targets(), None)),
    "masks_concatenated": (merged_masks("Concatenate"), lambda: (pair(), targets(), None)),
    "masks_of_a_nested_model": (nested, lambda: (series(), [targets(), numbers(6, 6, 5, 3)], None)),
}
