"""Models of one recurrent layer or wrapper, with masks, initial states, constants and batches that go on."""

from tests.oracle.random_cases.draw import Draw, layer

_RECURRENT = ("linear", "tanh", "sigmoid", "hard_sigmoid", "softsign", "relu")


def gates(draw, kind):
    """Arguments that layers and cells have in common."""
    found = draw.some(use_bias=[True, False], activation=[*_RECURRENT, "softmax"])
    if kind != "SimpleRNN":
        found |= draw.some(recurrent_activation=_RECURRENT, implementation=[1, 2])
    if kind == "GRU":
        found |= draw.some(reset_after=[True, False])
    if kind == "LSTM":
        found |= draw.some(unit_forget_bias=[True, False])
    if draw.chance(0.15):
        found |= {"dropout": 0.3, "recurrent_dropout": 0.2}
    return found


def flags(draw, names=("return_sequences", "return_state", "go_backwards", "unroll", "stateful")):
    return {name: draw.chance(0.2 if name == "stateful" else 0.35) for name in names}


def plain(draw, units=None):
    kind = draw.one_of(["SimpleRNN", "GRU", "LSTM"])
    arguments = {"units": units or draw.number(1, 5), **gates(draw, kind), **flags(draw)}
    arguments |= draw.extras(("kernel", "recurrent", "bias"), 2)
    if draw.chance(0.05):
        arguments["implementation"] = 0
        if kind == "SimpleRNN":
            del arguments["implementation"]
    return layer(kind, **arguments), [arguments["units"]] * (2 if kind == "LSTM" else 1)


def cell(draw):
    kind = draw.one_of(["SimpleRNN", "GRU", "LSTM"])
    units = draw.number(1, 4)
    arguments = {"units": units, **gates(draw, kind), **draw.extras(("kernel", "recurrent", "bias"), 2)}
    arguments.pop("activity_regularizer", None)
    return layer(f"{kind}Cell", **arguments), [units] * (2 if kind == "LSTM" else 1)


def of_cells(draw):
    """`RNN` of a cell, of a list of cells, or of `StackedRNNCells`."""
    cells = [cell(draw) for _ in range(draw.number(1, 3))]
    given = [one for one, _ in cells]
    if draw.chance(0.5):
        made = layer("StackedRNNCells", cells=given)
    else:
        made = given if len(given) > 1 or draw.chance(0.3) else given[0]
    states = [size for _, sizes in cells for size in sizes]
    return layer("RNN", cell=made, **flags(draw)), states


def with_constant(draw):
    units = draw.number(1, 4)
    cells = layer("CellWithConstant", units=units)
    return layer("RNN", cell=cells, **flags(draw)), [units]


def convolutional(draw):
    data_format = draw.one_of(["channels_first", "channels_last"])
    arguments = {
        "filters": draw.number(1, 3),
        "kernel_size": draw.numbers(2, 1, 3),
        "padding": draw.one_of(["valid", "same"]),
        "data_format": data_format,
        **gates(draw, "LSTM"),
        **flags(draw, ("return_sequences", "return_state", "go_backwards", "stateful")),
        **draw.extras(("kernel", "recurrent", "bias"), 4),
    }
    arguments.pop("implementation", None)
    arguments |= draw.some(strides=[1, 2]) if draw.chance(0.5) else draw.some(dilation_rate=[2])
    space, channels = [draw.number(5, 6), draw.number(5, 6)], draw.number(1, 3)
    shape = [channels, *space] if data_format == "channels_first" else [*space, channels]
    return layer("ConvLSTM2D", **arguments), [3, *shape]


def recurrent(seed):
    """A case of one recurrent layer."""
    draw = Draw(seed)
    case = {"kind": "recurrent", "seed": seed, "rows": draw.number(2, 4)}
    steps, features = draw.number(1, 5), draw.number(1, 4)
    inputs, layers, calls = [{"shape": [steps, features]}], [], []
    states = []
    kind = draw.one_of(
        ["plain"] * 4 + ["cells"] * 2 + ["convolutional", "bidirectional", "bidirectional", "constant"]
    )
    if kind == "convolutional":
        made, shape = convolutional(draw)
        inputs[0]["shape"] = shape
    elif kind == "cells":
        made, states = of_cells(draw)
    elif kind == "constant":
        made, states = with_constant(draw)
        inputs.append({"shape": [draw.number(1, 3)]})
    else:
        made, states = plain(draw)
    arguments = made["arguments"]
    stateful = arguments.get("stateful", False)
    if steps == 1:
        arguments.pop("unroll", None)  # Keras refuses it
    masked = kind not in ("convolutional",) and steps > 1 and draw.chance(0.5)
    if masked:
        inputs[0]["padded"] = draw.one_of(["before", "behind", "anywhere"])
        if draw.chance(0.5):
            limit = draw.number(3, 8)
            inputs[0] |= {"shape": [steps], "numbers": "ids", "limit": limit}
            layers.append(layer("Embedding", input_dim=limit, output_dim=features, mask_zero=True))
        else:
            layers.append(layer("Masking"))
    if kind == "bidirectional":
        arguments["stateful"] = stateful = False
        arguments.pop("activity_regularizer", None)
        mode = draw.one_of(["concat", "sum", "mul", "ave", None])
        if arguments["return_state"] and mode is None:
            mode = "sum"
        made = layer("Bidirectional", layer=made, merge_mode=mode)
        states = states * 2
    call = {"layer": len(layers), "inputs": [0]}
    layers.append(made)
    if states and draw.chance(0.3) and not stateful:
        call["initial_state"] = list(range(len(inputs), len(inputs) + len(states)))
        inputs += [{"shape": [size]} for size in states]
    if kind == "constant":
        call["constants"] = [1]
    if masked:
        calls.append({"layer": 0, "inputs": [0]})
        call["inputs"] = [len(inputs)]
    calls.append(call)
    outputs = 1
    if arguments.get("return_state"):
        outputs += 2 if kind == "convolutional" else len(states)
    if kind == "bidirectional" and made["arguments"]["merge_mode"] is None:
        outputs += 1
    first = len(inputs) + len(calls) - 1
    if stateful:
        case["stateful"] = True
        for one in inputs:
            one["batch"] = case["rows"]
    case["graph"] = {
        "inputs": inputs,
        "layers": layers,
        "calls": calls,
        "outputs": list(range(first, first + outputs)),
    }
    dropped = "dropout" in str(made)
    if dropped and stateful:  # refused with TensorFlow's resource variables
        return recurrent(seed + 1_000_000)
    case["phases"] = [0] if dropped else [0, 1]
    case["floatx"] = draw.one_of(["float32", "float64"])
    if not dropped and draw.chance(0.4):
        case["floatx"] = "float64"
        case["compile"] = {"optimizer": draw.optimizer(), "loss": "mse"}
    return case
