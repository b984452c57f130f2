"""Models of a single layer that keeps no state: dense, convolutional, pooling, noise, merging and so on."""

from tests.oracle import spatial_layer_cases
from tests.oracle.random_cases.draw import Draw, chain, layer

#: Names of the weights that penalties and constraints may be put on, and how many axes kernels have.
_WEIGHTS = {
    "Conv1D": (("kernel", "bias"), 3),
    "Conv2D": (("kernel", "bias"), 4),
    "Conv3D": (("kernel", "bias"), 5),
    "Conv2DTranspose": (("kernel", "bias"), 4),
    "Conv3DTranspose": (("kernel", "bias"), 5),
    "SeparableConv1D": (("depthwise", "pointwise", "bias"), 3),
    "SeparableConv2D": (("depthwise", "pointwise", "bias"), 4),
    "DepthwiseConv2D": (("depthwise", "bias"), 4),
    "LocallyConnected1D": (("kernel", "bias"), 2),
    "LocallyConnected2D": (("kernel", "bias"), 2),
}
_RANDOM_IN_TRAINING = ("Dropout", "SpatialDropout", "Gaussian", "AlphaDropout")


def spatial(draw):
    """A layer of spatial_layer_cases.py, with other arguments, penalties and constraints."""
    class_name, make, _ = draw.one_of(spatial_layer_cases.KINDS)
    arguments, shape = make(draw)
    names, axes = _WEIGHTS.get(class_name, ((), 0))
    if names:
        arguments["activation"] = draw.activation()
        arguments |= draw.extras(names, axes)
    noisy = class_name.startswith(_RANDOM_IN_TRAINING)
    return chain({"shape": list(shape)}, [layer(class_name, **arguments)]), not noisy


def dense(draw):
    shape = draw.numbers(draw.number(1, 3), 2, 5)
    arguments = {"units": draw.number(1, 5), "activation": draw.activation(), "use_bias": draw.chance(0.7)}
    arguments |= draw.extras(("kernel", "bias"), 2)
    return chain({"shape": shape}, [layer("Dense", **arguments)]), True


def embedding(draw):
    limit, length = draw.number(2, 8), draw.number(1, 6)
    arguments = {"input_dim": limit, "output_dim": draw.number(1, 4)}
    arguments |= draw.some(mask_zero=[True, False], input_length=[length])
    arguments |= draw.extras(("embeddings",), 2)
    return chain(
        {"shape": [length], "numbers": "ids", "limit": limit}, [layer("Embedding", **arguments)]
    ), True


def batch_normalization(draw):
    rank = draw.number(1, 4)
    shape = draw.numbers(rank, 2, 4)
    arguments = draw.some(
        momentum=[0.9, 0.5],
        epsilon=[1e-3, 1e-2],
        center=[True, False],
        scale=[True, False],
        axis=[-1, 1, rank],
    )
    arguments |= draw.extras(("beta", "gamma"), 1)
    arguments.pop("activity_regularizer", None)
    return chain({"shape": shape}, [layer("BatchNormalization", **arguments)]), True


def simple(draw):
    """Layers without weights, and those of advanced activations."""
    shape = draw.numbers(draw.number(1, 3), 2, 5)
    rank = len(shape)
    axis = draw.one_of([-1, *range(1, rank + 1)])
    shared = draw.one_of([None, [1], list(range(1, rank + 1))])
    prelu = {"shared_axes": shared, **draw.extras(("alpha",), 1)}
    prelu.pop("activity_regularizer", None)
    made = draw.one_of(
        [
            layer("Activation", activation=draw.activation()),
            layer("Flatten", data_format=draw.one_of(["channels_first", "channels_last"])),
            layer("ActivityRegularization", l1=draw.real(0, 0.1), l2=draw.real(0, 0.1)),
            layer("PReLU", **prelu),
            layer("LeakyReLU", alpha=draw.real(0, 1)),
            layer("ELU", alpha=draw.real(0.1, 2)),
            layer("ThresholdedReLU", theta=draw.real(0, 1)),
            layer("Softmax", axis=axis),
            layer(
                "ReLU",
                **draw.some(max_value=[0.6, 1.5], negative_slope=[0.1, 0.5], threshold=[0.2, -0.2]),
            ),
            layer("Permute", dims=[int(d) + 1 for d in draw.source.permutation(rank)]),
            layer("Masking", mask_value=0.0),
            layer("Scale", penalty=draw.one_of([0.0, 0.1])),
        ]
    )
    if made["class"] == "Flatten" and rank == 1:
        shape = [*shape, 2]
    if made["class"] == "Masking" and rank == 1:
        shape = [*shape, 3]
    padded = {"padded": "anywhere"} if made["class"] == "Masking" else {}
    return chain({"shape": shape, **padded}, [made]), True


def merging(draw):
    """Several inputs into one."""
    kind = draw.one_of(
        ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot", "Dot"]
    )
    shape = draw.numbers(draw.number(1, 3), 2, 4)
    count = 2 if kind in ("Subtract", "Dot") else draw.number(2, 4)
    given, arguments = [list(shape) for _ in range(count)], {}
    if kind == "Concatenate":
        axis = draw.number(1, len(shape))
        arguments["axis"] = draw.one_of([axis, axis - len(shape) - 1])
        for one in given:
            one[axis - 1] = draw.number(1, 4)
    elif kind == "Dot":
        # TensorFlow's product of more axes wants the others to be equal.
        given = [draw.numbers(draw.number(1, 2), 2, 4) for _ in range(2)]
        axes = [draw.number(1, len(given[0])), 0]
        axes[1] = draw.number(1, len(given[1]))
        given[1][axes[1] - 1] = given[0][axes[0] - 1]
        arguments = {"axes": axes, "normalize": draw.chance(0.3)}
    elif draw.chance(0.2):
        given[1] = [1 if draw.chance(0.5) else size for size in given[1]]
    elif draw.chance(0.2) and len(shape) > 1:
        given[1] = given[1][-draw.number(1, len(shape)) :]
    return {
        "inputs": [{"shape": one} for one in given],
        "layers": [layer(kind, **arguments)],
        "calls": [{"layer": 0, "inputs": list(range(count))}],
        "outputs": [count],
    }, True


def wrapped(draw):
    """`TimeDistributed` of a layer of any kind."""
    make = draw.one_of([spatial, spatial, dense, batch_normalization, simple])
    graph, same_in_training = make(draw)
    inside = graph["layers"][0]
    inside["arguments"].pop("activity_regularizer", None)
    shape = [draw.number(2, 3), *graph["inputs"][0]["shape"]]
    return chain({"shape": shape}, [layer("TimeDistributed", layer=inside)]), same_in_training


def single_layer(seed):
    """A case of one layer: outputs, gradients, and for some ten steps of training."""
    draw = Draw(seed)
    make = draw.one_of([*[spatial] * 4, dense, embedding, batch_normalization, simple, merging, wrapped])
    graph, same_in_training = make(draw)
    case = {
        "kind": "single_layer",
        "seed": seed,
        "rows": draw.number(2, 5),
        "floatx": draw.one_of(["float32", "float64"]),
        "graph": graph,
        "phases": [0, 1] if same_in_training else [0],
    }
    if same_in_training and draw.chance(0.35):
        case["floatx"] = "float64"
        case["compile"] = {"optimizer": draw.optimizer(), "loss": "mse"}
        if make in (simple, merging, wrapped) or (
            make is spatial and graph["layers"][0]["class"] not in _WEIGHTS
        ):
            # The norm of no gradients at all is nothing that Keras can compute.
            case["compile"]["optimizer"]["arguments"].pop("clipnorm", None)
    return case
