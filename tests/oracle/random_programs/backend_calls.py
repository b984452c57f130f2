"""Functions of K with random arguments: on variables, on placeholders with gradients, shapes and dtypes."""

import numpy as np

from .notes import Draw, Notes

UNARY = {
    "abs": (-2, 2),
    "square": (-2, 2),
    "exp": (-2, 2),
    "sin": (-4, 4),
    "cos": (-4, 4),
    "sign": (-2, 2),
    "round": (-3, 3),
    "sigmoid": (-4, 4),
    "hard_sigmoid": (-4, 4),
    "tanh": (-3, 3),
    "sqrt": (0.01, 3),
    "log": (0.01, 3),
    "softplus": (-3, 3),
    "softsign": (-3, 3),
    "elu": (-2, 2),
    "relu": (-2, 2),
    "flatten": (-2, 2),
    "zeros_like": (-2, 2),
    "ones_like": (-2, 2),
    "transpose": (-2, 2),
    "identity": (-2, 2),
    "stop_gradient": (-2, 2),
    "batch_flatten": (-2, 2),
}
FORMATS = ("channels_last", "channels_first")


def elementwise(draw):
    name = draw.one_of(UNARY)
    low, high = UNARY[name]
    shape = draw.numbers(draw.number(2 if name == "batch_flatten" else 1, 4), 1, 4)
    return lambda K, x: getattr(K, name)(x), [draw.array(*shape, low=low, high=high)], name


def with_arguments(draw):
    name = draw.one_of(["elu", "relu", "softmax", "l2_normalize", "clip", "pow", "hard"])
    x = draw.array(*draw.numbers(draw.number(2, 4), 1, 4))
    axis = draw.number(-x.ndim, x.ndim - 1)
    if name == "elu":
        arguments = {"alpha": draw.real(0, 2)}
    elif name == "relu":
        arguments = draw.some(alpha=[0.1, 0.5], max_value=[0.5, 1.5], threshold=[-0.2, 0.3])
    elif name in ("softmax", "l2_normalize"):
        arguments = {"axis": axis}
    elif name == "clip":
        arguments = {"min_value": draw.real(-1, 1), "max_value": draw.real(-1, 1)}
    elif name == "pow":
        arguments = {"a": draw.one_of([2, 3, 0.5, -1.5])}
        x = np.abs(x) + 0.1
    else:
        name, arguments = "hard_sigmoid", {}
    return lambda K, x: getattr(K, name)(x, **arguments), [x], (name, arguments)


def reductions(draw):
    name = draw.one_of(["sum", "prod", "mean", "var", "std", "max", "min", "logsumexp"])
    rank = draw.number(1, 4)
    x = draw.array(*draw.numbers(rank, 1, 4))
    axes = [int(one) for one in draw.source.permutation(rank)[: draw.number(1, rank)]]
    axis = draw.one_of([None, axes[0], axes[0] - rank, axes, [one - rank for one in axes]])
    arguments = dict({"axis": axis}, **draw.some(keepdims=[True, False]))
    return lambda K, x: getattr(K, name)(x, **arguments), [x], (name, arguments)


def scans(draw):
    name = draw.one_of(["cumsum", "cumprod", "argmax", "argmin"])
    x = draw.array(*draw.numbers(draw.number(1, 3), 1, 4))
    arguments = draw.some(axis=list(range(-x.ndim, x.ndim)))
    return lambda K, x: getattr(K, name)(x, **arguments), [x], (name, arguments)


def flags(draw):
    name = draw.one_of(["any", "all"])
    x = draw.array(*draw.numbers(draw.number(1, 3), 1, 4))
    arguments = dict(
        {"axis": draw.one_of([None, draw.number(-x.ndim, x.ndim - 1)])}, **draw.some(keepdims=[True])
    )
    limit = draw.real(-1.5, 1.5)
    return lambda K, x: getattr(K, name)(K.greater(x, limit), **arguments), [x], (name, arguments)


def pairs(draw):
    name = draw.one_of(
        ["maximum", "minimum", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]
    )
    shape = draw.numbers(draw.number(1, 3), 1, 4)
    other = [1 if draw.chance(0.3) else size for size in shape][draw.number(0, len(shape) - 1) :]
    x, y = np.round(draw.array(*shape)), np.round(draw.array(*other))
    if name in ("maximum", "minimum"):
        x, y = x + draw.array(*shape) / 4, y + draw.array(*other) / 4
    return lambda K, x, y: getattr(K, name)(x, y), [x, y], name


def dots(draw):
    first = draw.numbers(draw.number(1, 4), 1, 4)
    second = draw.numbers(draw.number(1, 4), 1, 4)
    second[max(0, len(second) - 2)] = first[-1]
    return lambda K, x, y: K.dot(x, y), [draw.array(*first), draw.array(*second)], ("dot", first, second)


def batch_dots(draw):
    ranks = draw.number(2, 4), draw.number(2, 4)
    if max(ranks) == 4:  # beside fewer axes, or over the second, Keras 2.2.4 computes other products
        ranks = 4, 4
    rows = draw.number(1, 4)
    first, second = ([rows, *draw.numbers(rank - 1, 1, 4)] for rank in ranks)
    first_axis = 2 if ranks == (4, 4) else 1
    axes = [draw.number(first_axis, ranks[0] - 1), draw.number(first_axis, ranks[1] - 1)]
    if draw.chance(0.25):
        axes[1] = axes[0] = min(axes)
        given = axes[0]
    elif draw.chance(0.2) and ranks != (2, 2):
        axes, given = [ranks[0] - 1, max(1, ranks[1] - 2)], None
    else:
        given = draw.one_of([tuple(axes), list(axes)])
    second[axes[1]] = first[axes[0]]
    told = ("batch_dot", first, second, given)
    return lambda K, x, y: K.batch_dot(x, y, axes=given), [draw.array(*first), draw.array(*second)], told


def joined(draw):
    shape = draw.numbers(draw.number(1, 3), 1, 4)
    axis = draw.number(-len(shape), len(shape) - 1)
    if draw.chance(0.5):
        arrays = []
        for _ in range(draw.number(1, 3)):
            shape[axis] = draw.number(1, 3)
            arrays.append(draw.array(*shape))
        return lambda K, *all_: K.concatenate(list(all_), axis=axis), arrays, ("concatenate", axis)
    arrays = [draw.array(*shape) for _ in range(draw.number(1, 3))]
    return lambda K, *all_: K.stack(list(all_), axis=axis), arrays, ("stack", axis)


def shaping(draw):
    shape = draw.numbers(draw.number(2, 4), 1, 4)
    x, rank = draw.array(*shape), len(shape)
    name = draw.one_of(
        [
            "permute_dimensions",
            "repeat",
            "repeat_elements",
            "tile",
            "expand_dims",
            "squeeze",
            "reverse",
            "slice",
            "gather",
            "reshape",
        ]
    )
    axis = draw.number(0, rank - 1)
    if name == "permute_dimensions":
        arguments = [tuple(int(one) for one in draw.source.permutation(rank))]
    elif name == "repeat":
        x, arguments = draw.array(3, 2), [draw.number(1, 4)]
    elif name == "repeat_elements":
        arguments = [draw.number(1, 3), axis]
    elif name == "tile":
        arguments = [draw.one_of([draw.numbers(rank, 1, 3), draw.number(1, 3)])]
    elif name == "expand_dims":
        arguments = [draw.number(-rank - 1, rank)]
    elif name == "squeeze":
        shape[axis] = 1
        x, arguments = draw.array(*shape), [draw.one_of([axis, axis - rank])]
    elif name == "reverse":
        arguments = [draw.one_of([axis, [axis], list(range(rank)), -1])]
    elif name == "slice":
        start = [draw.number(0, size - 1) for size in shape]
        arguments = [start, [draw.one_of([-1, draw.number(1, s - b)]) for s, b in zip(shape, start)]]  # noqa: B905
    elif name == "gather":
        chosen = draw.whole(shape[0], *draw.numbers(draw.number(1, 3), 1, 3))
        return lambda K, x: K.gather(x, K.constant(chosen, dtype="int32")), [x], "gather"
    else:
        arguments = [draw.one_of([(-1,), (shape[0], -1), (-1, shape[-1]), tuple(reversed(shape))])]
    return lambda K, x: getattr(K, name)(x, *arguments), [x], (name, arguments)


def paddings(draw):
    rank = draw.number(1, 3)
    both = [tuple(draw.numbers(2, 0, 2)) for _ in range(rank)]
    if rank == 1:
        return lambda K, x: K.temporal_padding(x, both[0]), [draw.array(2, 3, 2)], ("temporal", both)
    name = f"spatial_{rank}d_padding"
    x, data_format = draw.array(2, *draw.numbers(rank + 1, 1, 3)), draw.one_of([None, *FORMATS])
    return lambda K, x: getattr(K, name)(x, tuple(both), data_format), [x], (name, both, data_format)


def resizing(draw):
    data_format = draw.one_of(FORMATS)
    if draw.chance(0.3):
        x, factors = draw.array(1, *draw.numbers(4, 1, 3)), draw.numbers(3, 1, 3)
        return (
            lambda K, x: K.resize_volumes(x, *([*factors, data_format])),
            [x],
            ("volumes", factors, data_format),
        )
    x, factors = draw.array(2, *draw.numbers(3, 1, 4)), draw.numbers(2, 1, 3)
    how = draw.one_of(["nearest", "bilinear"])
    told = ("resize_images", factors, data_format, how)

    def call(K, x):
        # TensorFlow makes float32 of what it interpolates.
        taken = how if K.floatx() == "float32" else "nearest"
        return K.resize_images(x, factors[0], factors[1], data_format, interpolation=taken)

    return call, [x], told


def shape_of(draw, rank, channels, data_format, low=4, high=7):
    space = draw.numbers(rank, low, high)
    return [2, channels, *space] if data_format == "channels_first" else [2, *space, channels]


def pooling(draw):
    rank, data_format = draw.number(2, 3), draw.one_of(FORMATS)
    x = draw.array(*shape_of(draw, rank, draw.number(1, 3), data_format, 3, 6))
    arguments = {
        "pool_size": tuple(draw.numbers(rank, 1, 3)),
        "strides": tuple(draw.numbers(rank, 1, 3)),
        "padding": draw.one_of(["valid", "same"]),
        "data_format": data_format,
        "pool_mode": draw.one_of(["max", "avg"]),
    }
    return lambda K, x: getattr(K, f"pool{rank}d")(x, **arguments), [x], ("pool", arguments)


def convolutions(draw):
    rank, data_format = draw.number(1, 3), draw.one_of(FORMATS)
    channels, filters = draw.number(1, 3), draw.number(1, 3)
    x = draw.array(*shape_of(draw, rank, channels, data_format))
    kernel = draw.array(*([*draw.numbers(rank, 1, 3), channels, filters]))
    padding = draw.one_of(["valid", "same", "causal"] if rank == 1 else ["valid", "same"])
    arguments = {"padding": padding, "data_format": data_format}
    size = draw.number(1, 3), draw.number(1, 3), draw.number(1, 3)
    size = size[0] if rank == 1 else size[:rank]
    arguments[draw.one_of(["strides", "dilation_rate"])] = size
    told = ("conv", rank, arguments)
    return lambda K, x, y: getattr(K, f"conv{rank}d")(x, y, **arguments), [x, kernel], told


def transposed(draw):
    rank, data_format = draw.number(2, 3), draw.one_of(FORMATS)
    channels, filters = draw.number(1, 3), draw.number(1, 3)
    space, sizes, strides = draw.numbers(rank, 2, 4), draw.numbers(rank, 1, 3), draw.numbers(rank, 1, 3)
    padding = draw.one_of(["valid", "same"])
    if padding == "same":
        after = [one * by for one, by in zip(space, strides)]  # noqa: B905
    else:
        after = [(one - 1) * by + max(by, size) for one, by, size in zip(space, strides, sizes)]  # noqa: B905
    first = data_format == "channels_first"
    x = draw.array(*([2, channels, *space] if first else [2, *space, channels]))
    shape = (2, filters, *after) if first else (2, *after, filters)
    arguments = {"strides": tuple(strides), "padding": padding, "data_format": data_format}
    told = ("transposed", rank, arguments, sizes)
    name = f"conv{rank}d_transpose"
    return (
        lambda K, x, y: getattr(K, name)(x, y, shape, **arguments),
        [
            x,
            draw.array(*sizes, filters, channels),
        ],
        told,
    )


def by_channel(draw):
    rank, data_format = draw.number(1, 2), draw.one_of(FORMATS)
    channels, times, filters = draw.number(1, 3), draw.number(1, 3), draw.number(1, 3)
    x = draw.array(*shape_of(draw, rank, channels, data_format))
    deep = draw.array(*([*draw.numbers(rank, 1, 3), channels, times]))
    arguments = {"padding": draw.one_of(["valid", "same"]), "data_format": data_format}
    size = draw.number(1, 2)
    arguments[draw.one_of(["strides", "dilation_rate"])] = size if rank == 1 else (size, size)
    if rank == 2 and draw.chance(0.4):
        return lambda K, x, y: K.depthwise_conv2d(x, y, **arguments), [x, deep], ("depthwise", arguments)
    point = draw.array(*([1] * rank + [channels * times, filters]))
    name = f"separable_conv{rank}d"
    return lambda K, x, y, z: getattr(K, name)(x, y, z, **arguments), [x, deep, point], (name, arguments)


def local(draw):
    rank = draw.number(1, 2)
    data_format = draw.one_of(FORMATS) if rank == 2 else "channels_last"
    channels, filters = draw.number(1, 3), draw.number(1, 3)
    sizes, strides, space = draw.numbers(rank, 1, 3), draw.numbers(rank, 1, 2), draw.numbers(rank, 3, 5)
    after = [(one - size) // by + 1 for one, size, by in zip(space, sizes, strides)]  # noqa: B905
    first = data_format == "channels_first"
    x = draw.array(*([2, channels, *space] if first else [2, *space, channels]))
    kernel = draw.array(int(np.prod(after)), int(np.prod(sizes)) * channels, filters)
    told = ("local", rank, sizes, strides, space, data_format)
    if rank == 1:
        return lambda K, x, y: K.local_conv1d(x, y, tuple(sizes), tuple(strides)), [x, kernel], told
    return (
        lambda K, x, y: K.local_conv2d(x, y, tuple(sizes), tuple(strides), tuple(after), data_format),
        [x, kernel],
        told,
    )


def losses(draw):
    shape = [*draw.numbers(draw.number(1, 3), 1, 4), draw.number(2, 4)]
    target = draw.array(*shape, low=0.05, high=1)
    output = draw.array(*shape, low=0.05, high=1)
    kind, logits = draw.one_of(["categorical", "sparse", "binary"]), draw.chance(0.5)
    axis = draw.one_of([-1, -1, *range(1, len(shape))])
    if logits and kind == "categorical":  # there Keras 2.2.4 forgets the axis
        axis = -1
    target, output = (one / one.sum(axis, keepdims=True) for one in (target, output))
    if logits:
        output = draw.array(*shape)
    if kind == "binary":
        return lambda K, x: K.binary_crossentropy(K.constant(target), x, logits), [output], (kind, logits)
    told = (kind, logits, axis)
    if kind == "categorical":
        return lambda K, x: K.categorical_crossentropy(K.constant(target), x, logits, axis), [output], told
    classes = draw.whole(
        shape[axis], *[size for place, size in enumerate(shape) if place != axis % len(shape)]
    )
    return (
        lambda K, x: K.sparse_categorical_crossentropy(K.constant(classes, dtype="int32"), x, logits, axis),
        [output],
        told,
    )


def normalizing(draw):
    rank = draw.number(2, 4)
    shape = draw.numbers(rank, 2, 4)
    axis = draw.number(1, rank - 1)
    size = shape[axis]
    x, mean, beta, gamma = draw.array(*shape), draw.array(size), draw.array(size), draw.array(size)
    var = draw.array(size, low=0.2, high=2)
    if draw.chance(0.5):
        wide = [1] * rank
        wide[axis] = size
        given = [one.reshape(wide) for one in (mean, var, beta, gamma)]
        epsilon = draw.one_of([1e-3, 0.1])
        return (
            lambda K, x, m, v, b, g: K.batch_normalization(x, m, v, b, g, axis=axis, epsilon=epsilon),
            [x, *given],
            ("batch_normalization", axis),
        )
    over = [place for place in range(rank) if place != axis]
    return (
        lambda K, x, g, b: list(K.normalize_batch_in_training(x, g, b, over)),
        [x, gamma, beta],
        ("normalize_batch_in_training", over, shape),
    )


def bias(draw):
    rank, data_format = draw.number(1, 4), draw.one_of([None, *FORMATS])
    shape = draw.numbers(rank + 1, 2, 4)
    first = data_format == "channels_first" and rank > 0
    channel = 1 if first else -1
    if draw.chance(0.5) and rank > 1:
        space = shape[2:] if first else shape[1:-1]
        added = [*space, shape[channel]]
    else:
        added = [shape[channel]]
    told = ("bias_add", shape, added, data_format)
    return lambda K, x, b: K.bias_add(x, b, data_format), [draw.array(*shape), draw.array(*added)], told


def choosing(draw):
    kind = draw.one_of(["switch", "switch_one", "phase", "top", "one_hot", "eye"])
    shape = draw.numbers(draw.number(1, 3), 2, 4)
    x, y = draw.array(*shape), draw.array(*shape)
    if kind == "switch":
        rank = draw.number(1, len(shape))
        chosen = draw.array(*shape[:rank])
        return lambda K, x, y: K.switch(K.greater(K.constant(chosen), 0.0), x, y), [x, y], (kind, rank)
    if kind == "switch_one":
        return (
            lambda K, x, y: K.switch(K.greater(K.sum(x), 0.0), lambda: x * 2.0, lambda: y + 1.0),
            [x, y],
            kind,
        )
    if kind == "phase":
        name, phase = draw.one_of(["in_train_phase", "in_test_phase"]), draw.one_of([0, 1, True, False])
        return lambda K, x, y: getattr(K, name)(x, lambda: y, training=phase), [x, y], (name, phase)
    if kind == "top":
        x, k = draw.array(5, 4), draw.number(1, 4)
        classes = draw.whole(4, 5)
        return lambda K, x: K.in_top_k(x, K.constant(classes, dtype="int32"), k), [x], (kind, k)
    if kind == "eye":
        size = draw.number(1, 4)
        return lambda K, x: K.dot(x, K.eye(size)), [draw.array(2, size)], kind
    classes = draw.whole(5, *shape)
    count = draw.number(3, 6)
    return lambda K, x: K.one_hot(K.constant(classes, dtype="int32"), count) * K.sum(x), [x], (kind, count)


def folds(draw):
    kind, rate = draw.one_of(["map_fn", "foldl", "foldr", "initial", "two"]), draw.real(-1, 1)
    x = draw.array(*draw.numbers(draw.number(1, 3), 1, 4))
    if kind == "map_fn":
        return lambda K, x: K.map_fn(lambda one: K.sum(K.tanh(one) * rate), x), [x], kind
    if kind == "two":
        return (
            lambda K, x, y: K.map_fn(lambda one: one[0] * one[1], (x, y), dtype=K.floatx()),
            [x, draw.array(*x.shape)],
            kind,
        )
    name = "foldr" if kind == "foldr" or draw.chance(0.3) else "foldl"
    first = np.full(x.shape[1:], 0.5)
    if kind == "initial":
        return (
            lambda K, x: getattr(K, name)(lambda a, one: a * rate + one, x, K.constant(first)),
            [x],
            (name, "initial"),
        )
    return lambda K, x: getattr(K, name)(lambda a, one: K.tanh(a * rate + one), x), [x], name


def rnns(draw):
    rows, steps, features = draw.number(1, 3), draw.number(2, 4), draw.number(1, 3)
    x, state = draw.array(rows, steps, features), draw.array(rows, features)
    kernel = draw.array(features, features) / 2
    mask = draw.array(rows, steps) > -0.7 if draw.chance(0.6) else None
    constant = draw.array(rows, features) if draw.chance(0.4) else None
    arguments = {"go_backwards": draw.chance(0.4), "unroll": draw.chance(0.5)}
    two = draw.chance(0.4)
    if draw.chance(0.4):
        arguments["input_length"] = steps

    def call(K, x, state, kernel):
        more = dict(arguments)
        if mask is not None:
            more["mask"] = K.constant(mask, dtype="bool")
        if constant is not None:
            more["constants"] = [K.constant(constant)]

        def step(one, states):
            output = K.tanh(one + K.dot(states[0], kernel))
            if constant is not None:
                output = output + states[-1] / 2
            return output, [output, output * states[1]] if two else [output]

        states = [state, state * 0.5] if two else [state]
        last, outputs, states = K.rnn(step, x, states, **more)
        return [last, outputs, *list(states)]

    told = ("rnn", arguments, mask is not None, constant is not None, two)
    return call, [x, state, kernel], told


def ctc(draw):
    rows, steps, classes = draw.number(1, 3), draw.number(5, 8), draw.number(3, 5)
    output = draw.array(rows, steps, classes, low=0.05, high=1)
    output = output / output.sum(-1, keepdims=True)
    size = draw.number(1, 3)
    labels = draw.whole(classes - 1, rows, size)
    lengths = (
        np.minimum(steps, draw.source.randint(2 * size + 1, steps + 2, (rows, 1)))
        if 2 * size < steps
        else None
    )
    if lengths is None:
        lengths = np.full((rows, 1), steps)
    used = draw.source.randint(1, size + 1, (rows, 1))
    if draw.chance(0.5):
        return (
            lambda K, x: K.ctc_batch_cost(
                K.constant(labels, dtype="int32"),
                x,
                K.constant(lengths, dtype="int32"),
                K.constant(used, dtype="int32"),
            ),
            [output],
            "ctc_batch_cost",
        )
    greedy, paths = draw.chance(0.5), draw.number(1, 3)

    def decode(K, x):
        more = {} if greedy else {"beam_width": 30, "top_paths": paths}
        found, scores = K.ctc_decode(x, K.constant(lengths[:, 0], dtype="int32"), greedy=greedy, **more)
        return [*list(found), scores]

    return decode, [output], ("ctc_decode", greedy, paths)


def twice(draw):
    x = draw.array(*draw.numbers(draw.number(1, 2), 2, 3), low=0.2, high=1.5)
    name = draw.one_of(["square", "exp", "sin", "tanh", "sigmoid", "log", "sqrt", "softplus"])

    def call(K, x):
        (first,) = K.gradients(K.sum(getattr(K, name)(x) * x), [x])
        return K.gradients(K.sum(K.square(first)), [x])

    return call, [x], ("gradients of gradients", name)


def several(draw):
    """An expression of operators of Python on tensors."""
    shape = draw.numbers(draw.number(1, 3), 2, 4)
    x, y = draw.array(*shape), draw.array(*shape, low=0.3, high=2)
    number = draw.real(0.5, 2)
    kind = draw.number(0, 9)
    calls = [
        lambda K, x, y: x + y * number - x / y,
        lambda K, x, y: number - x,
        lambda K, x, y: number / y + (-x),
        lambda K, x, y: y**2 + y**number,
        lambda K, x, y: K.cast(x > y, K.floatx()) * x + K.cast(x <= number, K.floatx()),
        lambda K, x, y: K.cast(K.cast(x * 3, "int32"), K.floatx()) + y,
        lambda K, x, y: x[0] + y[-1],
        lambda K, x, y: x[..., 1:] * y[..., :-1],
        lambda K, x, y: K.abs(x) % y,
        lambda K, x, y: x[:, None] * K.expand_dims(y, 1),
    ]
    return calls[kind], [x, y], ("operators", kind, number)


KINDS = (
    elementwise,
    with_arguments,
    reductions,
    scans,
    flags,
    pairs,
    dots,
    batch_dots,
    batch_dots,
    joined,
    shaping,
    shaping,
    paddings,
    resizing,
    pooling,
    convolutions,
    convolutions,
    transposed,
    by_channel,
    local,
    losses,
    normalizing,
    bias,
    choosing,
    folds,
    rnns,
    rnns,
    ctc,
    twice,
    several,
)


def program(k, seed):
    """Calls a function on variables; then on placeholders, with the gradients of what it gives."""
    K, draw, notes = k.backend, Draw(seed), Notes()
    call, arrays, told = draw.one_of(KINDS)(draw)
    notes.text("call", told)
    found = as_list(call(K, *[K.variable(one) for one in arrays]))
    notes.text("dtypes", [K.dtype(one) for one in found])
    notes.numbers("variables", [K.eval(one) for one in found])
    placed = [K.placeholder(shape=one.shape) for one in arrays]
    found = as_list(call(K, *placed))
    decoded = told[0] == "ctc_decode"  # of shapes that TensorFlow does not know, and without gradients there
    if not decoded:
        notes.text("shapes", [K.int_shape(one) for one in found])
    smooth = [one for one in found if K.dtype(one) == K.floatx() and not decoded]
    total = 0.0
    for one in smooth:
        total = total + K.sum(K.sin(one + 0.3))
    gradients = K.gradients(total, placed) if smooth else []
    known = [place for place, one in enumerate(gradients) if one is not None]
    values = K.function(placed, found + [K.identity(gradients[place]) for place in known])(arrays)
    notes.numbers("placeholders", values[: len(found)])
    for place, value in zip(known, values[len(found) :]):  # noqa: B905
        notes.numbers(f"gradient{place:02d}", value)
    if draw.chance(0.3) and "ctc" not in str(told):
        placed = [K.placeholder(ndim=arrays[0].ndim), *[K.placeholder(shape=one.shape) for one in arrays[1:]]]
        notes.numbers("of_rank", K.function(placed, as_list(call(K, *placed)))(arrays))
    return notes.found


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]
