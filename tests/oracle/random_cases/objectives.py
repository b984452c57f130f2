"""Losses, metrics, weights of rows, steps, classes and losses; masked outputs; and optimizers."""

from tests.oracle.random_cases.draw import SMOOTH, Draw, layer

#: Losses with the activations and the targets that suit them.
LOSSES = {
    "mean_squared_error": (SMOOTH, "uniform"),
    "mean_absolute_error": (SMOOTH, "uniform"),
    "mean_absolute_percentage_error": (SMOOTH, "uniform"),
    "mean_squared_logarithmic_error": (("softplus", "sigmoid", "linear"), "positive"),
    "squared_hinge": (SMOOTH, "signs"),
    "hinge": (SMOOTH, "signs"),
    "categorical_hinge": (SMOOTH, "one_hot"),
    "logcosh": (SMOOTH, "uniform"),
    "categorical_crossentropy": (("softmax", "softmax", "sigmoid"), "one_hot"),
    "sparse_categorical_crossentropy": (("softmax", "softmax", "sigmoid"), "classes"),
    "binary_crossentropy": (("sigmoid", "sigmoid", "softmax", "tanh"), "bits"),
    "kullback_leibler_divergence": (("softmax", "sigmoid"), "distribution"),
    "poisson": (("softplus", "sigmoid"), "positive"),
    "cosine_proximity": (SMOOTH, "uniform"),
    "$own_loss": (SMOOTH, "uniform"),
    "$elementwise_loss": (SMOOTH, "uniform"),
}
SHORT = {
    "mean_squared_error": ["mse", "MSE"],
    "mean_absolute_error": ["mae", "MAE"],
    "mean_absolute_percentage_error": ["mape", "MAPE"],
    "mean_squared_logarithmic_error": ["msle", "MSLE"],
    "kullback_leibler_divergence": ["kld", "KLD"],
    "cosine_proximity": ["cosine"],
}
_ANY = (
    *("mse", "mae", "mape", "msle", "hinge", "squared_hinge", "logcosh", "cosine", "poisson"),
    *("kullback_leibler_divergence", "binary_accuracy", "categorical_accuracy", "binary_crossentropy"),
    *("accuracy", "acc", "crossentropy", "ce", "$scalar_metric", "$own_metric", "top_k_categorical_accuracy"),
)
_SPARSE = (
    *("accuracy", "acc", "sparse_categorical_accuracy", "sparse_categorical_crossentropy"),
    *("crossentropy", "sparse_top_k_categorical_accuracy", "$scalar_metric"),
)


def output(draw, steps):
    """Returns an output's layer, its loss, and what its targets are."""
    name = draw.one_of([one for one in LOSSES if not (steps and one == "$elementwise_loss")])
    activations, targets = LOSSES[name]
    # The cosine of a single number has no gradient but rounding, which optimizers enlarge.
    single = targets in ("uniform", "signs", "bits", "positive") and name != "cosine_proximity"
    units = draw.number(1 if single else 2, 7)
    arguments = {"units": units, "activation": draw.one_of(activations)}
    made = layer("Dense", **arguments, **draw.extras(("kernel", "bias"), 2))
    if steps and draw.chance(0.5):
        made = layer("TimeDistributed", layer=made)
    spec = {"numbers": targets, "limit": units}
    loss = draw.one_of([name, *SHORT.get(name, [])])
    return made, loss, spec


def metrics(draw, spec, steps):
    names = _SPARSE if spec["numbers"] == "classes" else _ANY
    if steps and names is _SPARSE:  # Keras compares classes of one axis with those of two
        names = ("sparse_categorical_crossentropy", "crossentropy", "$scalar_metric")
    found = []
    for _ in range(draw.number(0, 3)):
        name = draw.one_of(names)
        if name not in found and not {name, *found} >= {"acc", "accuracy"}:
            found.append(name)
    few = steps or spec.get("limit", 0) < 5  # Keras takes the first five of at least five, without time steps
    return [name for name in found if not (few and "top_k" in name)]


def body(draw, steps):
    """Returns inputs and layers up to what the outputs share."""
    if not steps:
        return [{"shape": [4]}], [layer("Dense", units=5, activation=draw.one_of(SMOOTH))]
    inputs = {"shape": [steps, 3]}
    hidden = draw.one_of(["LSTM", "GRU", "SimpleRNN", "Conv1D", "Dense"])
    if hidden == "Conv1D":
        return [inputs], [layer("Conv1D", filters=4, kernel_size=3, padding="causal")]
    made = layer(hidden, units=4, **({} if hidden == "Dense" else {"return_sequences": True}))
    if draw.chance(0.5):
        inputs["padded"] = draw.one_of(["before", "behind", "anywhere"])
        return [inputs], [layer("Masking"), made]
    return [inputs], [made]


def objectives(seed):
    """A case of one or two outputs, each with a loss, metrics and weights."""
    draw = Draw(seed)
    steps = draw.number(2, 4) if draw.chance(0.45) else 0
    inputs, layers = body(draw, steps)
    calls = [{"layer": number, "inputs": [number]} for number in range(len(layers))]
    shared = len(layers)
    parts = [output(draw, steps) for _ in range(draw.one_of([1, 1, 2, 3]))]
    for made, _, _ in parts:
        calls.append({"layer": len(layers), "inputs": [shared]})
        layers.append(made)
    several = len(parts) > 1
    names = [f"output_{number}" for number in range(len(parts))]
    for name, (made, _, _) in zip(names, parts, strict=True):
        made["arguments"]["name"] = name
    compiled = {"optimizer": draw.optimizer()}
    compiled["loss"] = spread(draw, names, [loss for _, loss, _ in parts])
    compiled["metrics"] = spread(
        draw, names, [metrics(draw, spec, steps) for _, _, spec in parts], lists=True
    )
    if draw.chance(0.4):
        found = [metrics(draw, spec, steps) for _, _, spec in parts]
        compiled["weighted_metrics"] = spread(draw, names, found, lists=True)
    if draw.chance(0.4):
        factors = [draw.real(0.1, 2) for _ in parts]
        compiled["loss_weights"] = spread(draw, names, factors) if several else factors
    kinds = [draw.one_of([None, None, "rows", "positive"]) for _ in parts]
    if steps and draw.chance(0.5):
        kinds = [draw.one_of([None, "steps"]) for _ in parts]
        modes = ["temporal" if kind or draw.chance(0.5) else None for kind in kinds]
        if any(modes):
            compiled["sample_weight_mode"] = modes if several else modes[0]
    case = {
        "kind": "objectives",
        "seed": seed,
        "rows": draw.number(3, 6),
        "floatx": draw.one_of(["float64", "float64", "float64", "float32"]),
        "graph": {
            "inputs": inputs,
            "layers": layers,
            "calls": calls,
            "outputs": [shared + 1 + number for number in range(len(parts))],
        },
        "phases": [],
        "compile": compiled,
        "targets": [spec for _, _, spec in parts],
        "sample_weight": kinds,
        "small_batches": draw.chance(0.5),
    }
    spec = parts[0][2]["numbers"]
    if not several and not steps and spec in ("one_hot", "classes", "bits") and draw.chance(0.5):
        case["class_weight"] = {str(number): draw.real(0, 3) for number in range(8)}
    return case


def spread(draw, names, values, lists=False):
    """Returns what compile is told of the outputs: a list, a dictionary, or for a single output the value."""
    if len(values) == 1:
        return values[0]
    if lists or draw.chance(0.5):
        return dict(zip(names, values, strict=True))
    return values


def optimizers(seed):
    """A case of an optimizer on a small network with penalties and constraints."""
    draw = Draw(seed)
    hidden = layer("Dense", units=4, activation=draw.one_of(SMOOTH), **draw.extras(("kernel", "bias"), 2))
    middle = draw.one_of([layer("BatchNormalization"), layer("PReLU"), layer("Dense", units=3)])
    if middle["class"] == "BatchNormalization":
        hidden["arguments"]["use_bias"] = False  # its gradient would be nothing but rounding
    last = layer("Dense", units=2, **draw.extras(("kernel", "bias"), 2))
    return {
        "kind": "optimizers",
        "seed": seed,
        "rows": draw.number(3, 6),
        "floatx": "float64",
        "graph": {
            "inputs": [{"shape": [3]}],
            "layers": [hidden, middle, last],
            "calls": [{"layer": number, "inputs": [number]} for number in range(3)],
            "outputs": [3],
        },
        "phases": [],
        "compile": {"optimizer": draw.optimizer(tame=False), "loss": draw.one_of(["mse", "$own_loss"])},
        "sample_weight": [draw.one_of([None, "rows"])],
        "small_batches": draw.chance(0.3),
    }
