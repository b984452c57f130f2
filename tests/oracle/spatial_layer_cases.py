"""Random configurations of single layers, for Keras 2.2.4 and for this library.

Class, arguments and input shape of convolutions, pooling, locally connected layers, shapes, noise and
advanced activations. Python 3.7 must be able to read this file.
"""

import numpy as np

ROWS = 3
FORMATS = ("channels_last", "channels_first")
ACTIVATIONS = ("linear", "relu", "tanh")


class Draw:
    """Draws arguments; the same ones on every machine and version of numpy."""

    def __init__(self, seed):
        self.source = np.random.RandomState(seed)

    def number(self, low, high):
        return int(self.source.randint(low, high + 1))

    def numbers(self, count, low, high):
        return [self.number(low, high) for _ in range(count)]

    def one_of(self, options):
        return options[self.number(0, len(options) - 1)]

    def shape(self, rank, data_format, low=6, high=9):
        space, channels = self.numbers(rank, low, high), self.number(1, 4)
        return [channels, *space] if data_format == "channels_first" else [*space, channels]

    def pairs(self, rank):
        return [tuple(self.numbers(2, 0, 2)) for _ in range(rank)]


def size(numbers):
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def windows(draw, rank, format_key=True, dilation=True, same=True):
    found = {
        "kernel_size": size(draw.numbers(rank, 1, 4 if rank < 3 else 3)),
        "padding": draw.one_of(("valid", "same")) if same else "valid",
        "activation": draw.one_of(ACTIVATIONS),
        "use_bias": draw.number(0, 3) > 0,
    }
    if dilation and draw.number(0, 2) == 0:
        found["dilation_rate"] = size(draw.numbers(rank, 1, 2))
    else:
        found["strides"] = size(draw.numbers(rank, 1, 3))
    return found


def convolution(rank):
    def make(draw):
        data_format = draw.one_of(FORMATS)
        arguments = dict(windows(draw, rank), filters=draw.number(1, 4), data_format=data_format)
        if rank == 1 and data_format == "channels_last" and draw.number(0, 1):
            arguments["padding"] = "causal"
        return arguments, draw.shape(rank, data_format, 7, 10)

    return make


def transposed(rank):
    def make(draw):
        data_format = draw.one_of(FORMATS)
        arguments = dict(windows(draw, rank, dilation=False), filters=draw.number(1, 4))
        arguments["data_format"] = data_format
        strides = arguments["strides"]
        if min(strides) > 1 and min(arguments["kernel_size"]) > 1 and draw.number(0, 1):
            arguments["output_padding"] = tuple(draw.number(0, s - 1) for s in strides)
        return arguments, draw.shape(rank, data_format, 3, 5)

    return make


def dilated_transposed(draw):
    arguments = dict(windows(draw, 2, dilation=False), filters=draw.number(1, 3), data_format="channels_last")
    del arguments["strides"]
    arguments["dilation_rate"] = draw.number(2, 3)
    return arguments, draw.shape(2, "channels_last", 5, 8)


def separable(rank):
    def make(draw):
        data_format = draw.one_of(FORMATS)
        arguments = dict(windows(draw, rank), filters=draw.number(1, 4), data_format=data_format)
        arguments["depth_multiplier"] = draw.number(1, 3)
        if "strides" in arguments:  # TensorFlow wants them equal
            arguments["strides"] = draw.number(1, 3)
        return arguments, draw.shape(rank, data_format, 7, 10)

    return make


def depthwise(draw):
    arguments, shape = separable(2)(draw)
    del arguments["filters"]
    return arguments, shape


def locally_connected(rank):
    def make(draw):
        # Over one axis Keras 2.2.4 takes channels_first for channels_last in part, and computes nonsense.
        data_format = draw.one_of(FORMATS) if rank > 1 else "channels_last"
        arguments = dict(windows(draw, rank, dilation=False, same=False), filters=draw.number(1, 3))
        arguments["data_format"] = data_format
        return arguments, draw.shape(rank, data_format, 4, 6)

    return make


def pooling(rank):
    def make(draw):
        data_format = draw.one_of(FORMATS)
        arguments = {
            "pool_size": size(draw.numbers(rank, 1, 4)),
            "padding": draw.one_of(("valid", "same")),
            "data_format": data_format,
        }
        if draw.number(0, 1):
            arguments["strides"] = size(draw.numbers(rank, 1, 3))
        return arguments, draw.shape(rank, data_format)

    return make


def global_pooling(rank):
    def make(draw):
        data_format = draw.one_of(FORMATS)
        return {"data_format": data_format}, draw.shape(rank, data_format)

    return make


def with_format(rank, arguments):
    def make(draw):
        found = dict(arguments(draw))
        data_format = draw.one_of(FORMATS) if rank > 1 else "channels_last"
        if rank > 1:
            found["data_format"] = data_format
        return found, draw.shape(rank, data_format, 5, 7)

    return make


def up_sampling(rank):
    return with_format(rank, lambda draw: {"size": size(draw.numbers(rank, 1, 3))})


def bilinear(draw):
    arguments, shape = up_sampling(2)(draw)
    return dict(arguments, interpolation="bilinear"), shape


def sides(rank, name):
    def arguments(draw):
        kind = draw.number(0, 2)
        if kind == 0:
            return {name: draw.number(0, 2)}
        pairs = draw.pairs(rank)
        if rank == 1:
            return {name: pairs[0]}
        return {name: tuple(pairs) if kind == 1 else tuple(draw.numbers(rank, 0, 2))}

    return with_format(rank, arguments)


def fixed(shape, **options):
    """Any combination of the options, with an input of this shape."""

    def make(draw):
        return {name: draw.one_of(values) for name, values in sorted(options.items())}, list(shape)

    return make


#: Class, how to draw its arguments, number of configurations.
KINDS = [
    *[(f"Conv{r}D", convolution(r), 6) for r in (1, 2, 3)],
    *[(f"Conv{r}DTranspose", transposed(r), 6) for r in (2, 3)],
    ("Conv2DTranspose", dilated_transposed, 2),
    *[(f"SeparableConv{r}D", separable(r), 5) for r in (1, 2)],
    ("DepthwiseConv2D", depthwise, 5),
    *[(f"LocallyConnected{r}D", locally_connected(r), 4) for r in (1, 2)],
    *[(f"{kind}Pooling{r}D", pooling(r), 5) for kind in ("Max", "Average") for r in (1, 2, 3)],
    *[(f"Global{k}Pooling{r}D", global_pooling(r), 2) for k in ("Max", "Average") for r in (1, 2, 3)],
    *[(f"UpSampling{r}D", up_sampling(r), 3) for r in (1, 2, 3)],
    ("UpSampling2D", bilinear, 4),
    *[(f"ZeroPadding{r}D", sides(r, "padding"), 3) for r in (1, 2, 3)],
    *[(f"Cropping{r}D", sides(r, "cropping"), 3) for r in (1, 2, 3)],
    ("Reshape", fixed((4, 6), target_shape=[(3, 8), (-1, 2), (2, -1, 3), (24,)]), 4),
    ("Permute", fixed((2, 3, 4), dims=[(3, 1, 2), (2, 1, 3), (1, 3, 2)]), 3),
    ("RepeatVector", fixed((3,), n=[1, 2, 4]), 2),
    ("ActivityRegularization", fixed((3, 2), l1=[0.0, 0.1], l2=[0.0, 0.2]), 2),
    *[(f"SpatialDropout{r}D", fixed((3,) * (r + 1), rate=[0.2, 0.5]), 1) for r in (1, 2, 3)],
    ("GaussianNoise", fixed((3, 2), stddev=[0.5, 1]), 1),
    ("GaussianDropout", fixed((3, 2), rate=[0.5, 0.2]), 1),
    ("AlphaDropout", fixed((3, 2), rate=[0.5, 0.2]), 1),
    ("LeakyReLU", fixed((3, 4), alpha=[0.3, 0.1, 0]), 2),
    ("PReLU", fixed((3, 4, 2), shared_axes=[None, [1], [1, 2], 2]), 4),
    ("ELU", fixed((3, 4), alpha=[1.0, 0.3]), 2),
    ("ThresholdedReLU", fixed((3, 4), theta=[0.3, 0.5]), 2),
    ("Softmax", fixed((3, 4), axis=[-1, 1]), 2),
    (
        "ReLU",
        fixed((5, 4), max_value=[None, 0.5], negative_slope=[0.0, 0.25], threshold=[0.0, 0.2]),
        6,
    ),
    ("MaxoutDense", fixed((4,), output_dim=[2, 3], nb_feature=[1, 4], bias=[True, False]), 3),
    ("Highway", fixed((4,), activation=["linear", "tanh"], bias=[True, False]), 3),
]


def cases():
    """Returns the configurations by name: class name, arguments, input shape without the batch axis."""
    found = {}
    for place, (class_name, make, count) in enumerate(KINDS):
        for number in range(count):
            arguments, shape = make(Draw(1000 * place + number))
            found[f"{place:03d}_{class_name}_{number}"] = (class_name, arguments, tuple(shape))
    return found


CASES = cases()


def inputs(name):
    """Returns the input of a case: no two numbers alike, so that a maximum is one."""
    seed = sum(map(ord, name))
    return np.random.RandomState(seed).uniform(-1, 1, (ROWS, *CASES[name][2])).astype("float32")


def weights(shapes):
    source = np.random.RandomState(42)
    return [source.uniform(-0.6, 0.6, shape).astype("float32") for shape in shapes]


def direction(shape):
    """Returns what the output is multiplied by before it is summed up, for gradients."""
    return np.random.RandomState(7).uniform(-1, 1, shape).astype("float32")
