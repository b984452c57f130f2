"""Calls of backend functions that Keras 2.2.4 and this library both make. Python 3.7 must be able to read it.

Every case takes `K`, the backend, and returns a tensor or a list of them.
"""

import numpy as np


def numbers(*shape, **options):
    seed = options.get("seed", 1)
    return np.random.RandomState(seed).uniform(-2, 2, shape).astype("float32")


def v(K, *shape, **options):
    return K.variable(numbers(*shape, **options))


def probabilities(K, *shape):
    values = np.abs(numbers(*shape)) + 0.1
    return K.variable(values / values.sum(-1, keepdims=True))


def classes(K, rows, count):
    return K.variable(np.arange(rows) % count, dtype="int32")


CASES = {}

for _name in ("abs", "square", "exp", "sin", "cos", "sign", "round", "sigmoid", "hard_sigmoid", "tanh"):
    CASES[_name] = lambda K, n=_name: getattr(K, n)(v(K, 3, 4))
for _name in ("elu", "softmax", "softplus", "softsign", "relu", "transpose", "flatten", "zeros_like"):
    CASES[_name] = lambda K, n=_name: getattr(K, n)(v(K, 3, 4))
for _name in ("sqrt", "log"):
    CASES[_name] = lambda K, n=_name: getattr(K, n)(K.abs(v(K, 3, 4)))
for _name in ("max", "min", "sum", "prod", "mean", "var", "std", "logsumexp"):
    for _axis in (None, 0, -1):
        CASES[f"{_name}_{_axis}"] = lambda K, n=_name, a=_axis: getattr(K, n)(v(K, 3, 4), axis=a)
    CASES[f"{_name}_keepdims"] = lambda K, n=_name: getattr(K, n)(v(K, 2, 3, 4), axis=[1, 2], keepdims=True)
for _name in ("maximum", "minimum", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal"):
    CASES[_name] = lambda K, n=_name: getattr(K, n)(v(K, 3, 4), v(K, 3, 4, seed=2))
for _name in ("argmax", "argmin", "cumsum", "cumprod"):
    CASES[_name] = lambda K, n=_name: getattr(K, n)(v(K, 3, 4), axis=1)

CASES.update(
    {
        "any": lambda K: K.any(K.greater(v(K, 3, 4), 1.0), axis=1),
        "all": lambda K: K.all(K.greater(v(K, 3, 4), -1.0), axis=0, keepdims=True),
        "mean_of_flags": lambda K: K.mean(K.greater(v(K, 3, 4), 0.0)),
        "pow": lambda K: K.pow(v(K, 3, 4), 3),
        "clip": lambda K: K.clip(v(K, 3, 4), -0.5, 0.7),
        "relu_full": lambda K: K.relu(v(K, 3, 4), alpha=0.2, max_value=1.0, threshold=0.3),
        "softmax_axis": lambda K: K.softmax(v(K, 2, 3, 4), axis=1),
        "dot": lambda K: K.dot(v(K, 3, 4), v(K, 4, 2)),
        "dot_of_three_axes": lambda K: K.dot(v(K, 2, 3, 4), v(K, 4, 5)),
        "batch_dot": lambda K: K.batch_dot(v(K, 2, 3, 4), v(K, 2, 4, 5)),
        "batch_dot_axes": lambda K: K.batch_dot(v(K, 2, 3, 4), v(K, 2, 5, 4), axes=(2, 2)),
        "batch_dot_of_rows": lambda K: K.batch_dot(v(K, 5, 4), v(K, 5, 4, seed=2), axes=1),
        "gather": lambda K: K.gather(v(K, 5, 2), K.variable([[0, 4], [3, 3]], dtype="int32")),
        "concatenate": lambda K: K.concatenate([v(K, 2, 3), v(K, 2, 1)], axis=-1),
        "stack": lambda K: K.stack([v(K, 2, 3), v(K, 2, 3, seed=2)], axis=1),
        "reshape": lambda K: K.reshape(v(K, 3, 4), (2, -1)),
        "permute": lambda K: K.permute_dimensions(v(K, 2, 3, 4), (2, 0, 1)),
        "repeat": lambda K: K.repeat(v(K, 2, 3), 4),
        "repeat_elements": lambda K: K.repeat_elements(v(K, 2, 3), 2, axis=1),
        "tile": lambda K: K.tile(v(K, 2, 3), [2, 2]),
        "batch_flatten": lambda K: K.batch_flatten(v(K, 2, 3, 4)),
        "expand_squeeze": lambda K: K.squeeze(K.expand_dims(v(K, 2, 3), 1), 1),
        "temporal_padding": lambda K: K.temporal_padding(v(K, 2, 3, 4), (1, 2)),
        "spatial_2d_padding": lambda K: K.spatial_2d_padding(v(K, 2, 3, 4, 1), ((1, 0), (2, 1))),
        "spatial_3d_padding": lambda K: K.spatial_3d_padding(v(K, 1, 2, 2, 2, 1)),
        "resize_images": lambda K: K.resize_images(v(K, 1, 3, 2, 2), 2, 3, "channels_last"),
        "resize_bilinear": lambda K: K.resize_images(
            v(K, 1, 3, 2, 2), 2, 3, "channels_last", interpolation="bilinear"
        ),
        "resize_volumes": lambda K: K.resize_volumes(v(K, 1, 2, 2, 2, 1), 2, 1, 3, "channels_last"),
        "one_hot": lambda K: K.one_hot(classes(K, 5, 3), 3),
        "reverse": lambda K: K.reverse(v(K, 3, 4), axes=1),
        "slice": lambda K: K.slice(v(K, 3, 4), [1, 0], [2, 3]),
        "eye": lambda K: K.eye(3),
        "arange": lambda K: K.arange(1, 8, 2),
        "constant": lambda K: K.constant(2.5, shape=(2, 3)),
        "l2_normalize": lambda K: K.l2_normalize(v(K, 3, 4), axis=1),
        "in_top_k": lambda K: K.in_top_k(v(K, 5, 4), classes(K, 5, 4), 2),
        "categorical": lambda K: K.categorical_crossentropy(probabilities(K, 3, 4), probabilities(K, 3, 4)),
        "categorical_logits": lambda K: K.categorical_crossentropy(probabilities(K, 3, 4), v(K, 3, 4), True),
        "categorical_axis": lambda K: K.categorical_crossentropy(
            probabilities(K, 2, 3, 4), probabilities(K, 2, 3, 4), axis=1
        ),
        "sparse": lambda K: K.sparse_categorical_crossentropy(classes(K, 5, 4), probabilities(K, 5, 4)),
        "sparse_logits": lambda K: K.sparse_categorical_crossentropy(classes(K, 5, 4), v(K, 5, 4), True),
        "binary": lambda K: K.binary_crossentropy(probabilities(K, 3, 4), probabilities(K, 3, 4)),
        "binary_logits": lambda K: K.binary_crossentropy(probabilities(K, 3, 4), v(K, 3, 4), True),
        "batch_normalization": lambda K: K.batch_normalization(
            v(K, 5, 3), v(K, 3), K.abs(v(K, 3)), v(K, 3, seed=2), v(K, 3, seed=3)
        ),
        "normalize_batch": lambda K: list(
            K.normalize_batch_in_training(v(K, 5, 3), v(K, 3), v(K, 3, seed=2), [0])
        ),
        "bias_add": lambda K: K.bias_add(v(K, 2, 3, 4), v(K, 4)),
        "bias_add_per_place": lambda K: K.bias_add(v(K, 2, 3, 4), v(K, 3, 4)),
        "conv1d": lambda K: K.conv1d(v(K, 2, 7, 3), v(K, 3, 3, 4), padding="causal", dilation_rate=2),
        "conv2d": lambda K: K.conv2d(v(K, 2, 7, 6, 3), v(K, 3, 2, 3, 4), strides=(2, 2), padding="same"),
        "conv3d": lambda K: K.conv3d(v(K, 1, 4, 4, 4, 2), v(K, 2, 2, 2, 2, 3)),
        "conv2d_transpose": lambda K: K.conv2d_transpose(
            v(K, 2, 3, 4, 3), v(K, 3, 2, 4, 3), (2, 6, 8, 4), strides=(2, 2), padding="same"
        ),
        "conv3d_transpose": lambda K: K.conv3d_transpose(
            v(K, 1, 2, 2, 2, 3), v(K, 3, 2, 2, 2, 3), (1, 5, 4, 4, 2), strides=(2, 2, 2)
        ),
        "depthwise": lambda K: K.depthwise_conv2d(v(K, 2, 5, 6, 3), v(K, 3, 3, 3, 2), padding="same"),
        "separable1d": lambda K: K.separable_conv1d(
            v(K, 2, 7, 3), v(K, 3, 3, 2), v(K, 1, 6, 4), padding="same"
        ),
        "separable2d": lambda K: K.separable_conv2d(v(K, 2, 5, 6, 3), v(K, 3, 3, 3, 2), v(K, 1, 1, 6, 4)),
        "pool_max": lambda K: K.pool2d(v(K, 2, 5, 6, 3), (3, 2), (2, 2), "same"),
        "pool_mean": lambda K: K.pool2d(v(K, 2, 5, 6, 3), (3, 2), (2, 2), "same", pool_mode="avg"),
        "pool3d": lambda K: K.pool3d(v(K, 1, 4, 4, 5, 2), (2, 2, 2), (2, 2, 2), pool_mode="avg"),
        "local1d": lambda K: K.local_conv1d(v(K, 2, 5, 3), v(K, 3, 9, 4), (3,), (1,)),
        "local2d": lambda K: K.local_conv2d(v(K, 2, 5, 4, 3), v(K, 6, 27, 2), (3, 3), (1, 1), (3, 2)),
        "switch": lambda K: K.switch(K.greater(v(K, 3, 4), 0.0), v(K, 3, 4), v(K, 3, 4, seed=2)),
        "switch_rows": lambda K: K.switch(K.greater(v(K, 3), 0.0), v(K, 3, 4), v(K, 3, 4, seed=2)),
        "in_train_phase": lambda K: K.in_train_phase(v(K, 2), v(K, 3), training=1),
        "in_test_phase": lambda K: K.in_test_phase(v(K, 2), v(K, 2, seed=2), training=1),
        "map_fn": lambda K: K.map_fn(lambda x: x * 2, v(K, 3, 4)),
        "foldl": lambda K: K.foldl(lambda a, x: a * 0.5 + x, v(K, 3, 4)),
        "foldr": lambda K: K.foldr(lambda a, x: a * 0.5 + x, v(K, 3, 4)),
        "gradients": lambda K: _gradients(K),
        "rnn": lambda K: _rnn(K, None, False),
        "rnn_backwards": lambda K: _rnn(K, None, True),
        "rnn_masked": lambda K: _rnn(K, [[1, 1, 0], [0, 1, 1]], False),
        "ctc_batch_cost": lambda K: K.ctc_batch_cost(
            K.variable([[0, 1, 1], [2, 0, 0]], dtype="int32"),
            probabilities(K, 2, 7, 4),
            K.variable([[7], [6]], dtype="int32"),
            K.variable([[3], [2]], dtype="int32"),
        ),
        "ctc_greedy": lambda K: _ctc_decode(K, greedy=True),
        "ctc_beams": lambda K: _ctc_decode(K, greedy=False, beam_width=50, top_paths=2),
    }
)


def _gradients(K):
    x = v(K, 3, 4)
    return K.gradients(K.sum(K.square(x)) + K.sum(K.exp(x)), [x])


def _rnn(K, mask, backwards):
    kernel = v(K, 4, 4, seed=3)

    def step(x, states):
        output = K.tanh(x + K.dot(states[0], kernel))
        return output, [output]

    flags = None if mask is None else K.variable(np.array(mask), dtype="bool")
    last, outputs, states = K.rnn(
        step, v(K, 2, 3, 4), [K.zeros((2, 4))], go_backwards=backwards, mask=flags, unroll=mask is not None
    )
    return [last, outputs, *list(states)]


def _ctc_decode(K, **options):
    lengths = K.variable([7, 6], dtype="int32")
    paths, scores = K.ctc_decode(probabilities(K, 2, 7, 4), lengths, **options)
    return [*list(paths), scores]
