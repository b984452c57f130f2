"""Layers where sizes are not known, functional forms, Lambda, attributes of layers and of nodes, copies."""

import numpy as np

from tests.oracle import spatial_layer_cases

from .models import copied, describe, differentiate, fill
from .notes import Draw, Notes


def program(k, seed):
    draw, notes = Draw(seed), Notes()
    draw.one_of([open_sizes, open_sizes, lambdas, lambdas, functional, sequential, initializers])(
        k, draw, notes
    )
    return notes.found


def open_sizes(k, draw, notes):
    """Spatial layers on axes of any size."""
    spatial = spatial_layer_cases.Draw(draw.number(0, 10**6))
    name, make, _ = spatial.one_of(spatial_layer_cases.KINDS)
    arguments, shape = make(spatial)
    first = arguments.get("data_format") == "channels_first"
    channel = 0 if first else len(shape) - 1
    known = [size if place == channel or draw.chance(0.3) else None for place, size in enumerate(shape)]
    notes.text("layer", [name, arguments, list(shape), known])
    layer = getattr(k.layers, name)(**arguments)
    inputs = k.layers.Input(tuple(known))
    outputs = layer(inputs)
    notes.text("shape", k.backend.int_shape(outputs))
    notes.text("computed shape", layer.compute_output_shape((None, *known)))
    notes.text("attributes", [layer.input_shape, layer.output_shape])
    model = k.models.Model(inputs, outputs)
    fill(model, draw)
    x = draw.array(2, *shape)
    if name.startswith(("Gaussian", "Dropout", "Spatial", "Alpha")):
        notes.numbers("predict", model.predict(x))
    else:
        differentiate(k, notes, model, x)
    copied(k, notes, model, x)


def lambdas(k, draw, notes):
    """Functions of K within a graph, with arguments and shapes given or not."""
    K, L = k.backend, k.layers
    steps, size = draw.number(2, 4), draw.number(2, 3)
    inputs, other = L.Input((steps, size)), L.Input((steps, size))
    functions = [
        lambda x: K.square(x) - K.mean(x, axis=-1, keepdims=True),
        lambda x: K.l2_normalize(x, axis=-1),
        lambda x: x[:, ::-1],
        lambda x: K.permute_dimensions(x, (0, 2, 1)),
        lambda x: K.batch_dot(x, x, axes=2),
        lambda x: K.softmax(x, axis=1),
        lambda x: K.concatenate([x, K.exp(x)], axis=1),
        lambda x: K.reverse(x, 1) + K.ones_like(x),
        lambda x: K.repeat_elements(x, 2, axis=1),
        lambda x: K.switch(K.greater(x, 0.0), x, K.zeros_like(x)),
        lambda x: K.sum(x, axis=1),
        lambda x: x[:, 0],
        lambda x: K.max(x, axis=1) - K.min(x, axis=-2),
        lambda x: K.expand_dims(x, -1),
        lambda x: K.dot(x, K.constant(np.ones((size, 2)))),
        lambda x: K.tile(x, [1, 2, 1]),
        lambda x: K.cumsum(x, axis=1),
        lambda x: K.temporal_padding(x, (1, 0)),
        lambda x: K.elu(x, 0.5) + K.hard_sigmoid(x),
        lambda x: K.reshape(x, (-1, K.shape(x)[1] * size)),
        lambda x: K.cast(K.argmax(x, axis=-1), K.floatx()),
        lambda x: K.stack([x, x], axis=-1),
        lambda x: K.in_train_phase(x * 2.0, x),
        lambda x: x / K.cast(K.shape(x)[0], K.floatx()),
    ]
    place = draw.number(0, len(functions) - 1)
    notes.text("function", place)
    kind = draw.one_of(["one", "one", "pair", "arguments", "shaped"])
    function = functions[place]
    if kind == "one":
        x = L.Lambda(function)(inputs)
    elif kind == "shaped":
        given = None
        try:
            given = K.int_shape(L.Lambda(function)(inputs))[1:]
        except ValueError:
            notes.text("no shape", True)
        x = L.Lambda(function, output_shape=draw.one_of([given, lambda shape: (shape[0], *given)]))(inputs)
    elif kind == "pair":
        x = L.Lambda(lambda both: function(both[0]) + function(both[1]) * 0.5)([inputs, other])
    else:
        x = L.Lambda(lambda x, by, more=0.0: function(x) * by + more, arguments={"by": 2.0, "more": 0.5})(
            inputs
        )
    if place != 19:  # ours knows the product of sizes
        notes.text("shape", K.int_shape(x))
    used = [inputs, other] if kind == "pair" else [inputs]
    model = k.models.Model(used, x)
    data = [draw.array(3, steps, size) for _ in used]
    differentiate(k, notes, model, data, draw.number(0, 1))
    notes.numbers("predict", model.predict(data))


def functional(k, draw, notes):
    """Functional forms of merge layers; nodes of layers called more than once."""
    L = k.layers
    shape = tuple(draw.numbers(draw.number(1, 2), 2, 3))
    inputs = [L.Input(shape) for _ in range(2)]
    name = draw.one_of(["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot"])
    more = {"axes": -1, "normalize": draw.chance(0.5)} if name == "dot" else {}
    if name == "concatenate":
        more = draw.some(axis=[-1, 1])
    layer = L.Dense(shape[-1])
    first, second = (layer(one) for one in inputs)
    x = getattr(L, name)([first, second], **more)
    notes.text("names", [one.name for one in k.models.Model(inputs, x).layers])
    notes.text("tensor", k.backend.int_shape(x))
    notes.text("nodes", [layer.get_input_shape_at(1), layer.get_output_shape_at(0)])
    notes.text("which", [layer.get_input_at(0) is inputs[0], layer.get_output_at(1) is second])
    notes.text("input shape", layer.input_shape)
    try:
        found = layer.input
    except AttributeError:
        found = "refused"
    notes.text("several", found == "refused")
    model = k.models.Model(inputs, [x, first])
    fill(model, draw)
    describe(notes, model)
    data = [draw.array(2, *shape) for _ in inputs]
    differentiate(k, notes, model, data)
    copied(k, notes, model, data)


def sequential(k, draw, notes):
    """Sequential models with or without shapes, changed after they were made, used within others."""
    L = k.layers
    size = draw.number(2, 4)
    known = draw.chance(0.5)
    more = {"input_shape": (size,)} if known and draw.chance(0.5) else ({"input_dim": size} if known else {})
    model = k.models.Sequential([L.Dense(3, **more), L.Activation("tanh")], **draw.some(name=["mine"]))
    for _ in range(draw.number(0, 3)):
        model.add(draw.one_of([L.Dense(2), L.LeakyReLU(), L.Dense(3, activation="relu"), L.Dropout(0.2)]))
    if draw.chance(0.5):
        model.pop()
        model.add(L.Dense(2))
    notes.text("built", [model.built, len(model.layers), len(model.weights)])
    x = draw.array(4, size)
    if known:
        if draw.chance(0.5):
            inner = model
            model = k.models.Sequential([L.Dense(size, input_shape=(size,)), inner])
            model.add(k.models.Sequential([L.Dense(2, input_shape=(inner.output_shape[-1],))]))
            notes.text("inner", [one.name for one in inner.layers])
    else:
        notes.text("before", json_of(model.get_config()))
        if draw.chance(0.5):
            model.build((None, size))
        else:
            model.compile("sgd", "mse")
            model.fit(
                x,
                draw.array(4, int(model.layers[-1].units if hasattr(model.layers[-1], "units") else 3)),
                verbose=0,
            )
    fill(model, draw)
    describe(notes, model)
    notes.numbers("predict", model.predict(x))
    notes.numbers("predict_proba", model.predict_proba(x))
    notes.numbers("classes", model.predict_classes(x))
    lines = []
    model.summary(print_fn=lines.append)
    notes.text("parameters", [one for one in "\n".join(lines).split("\n") if "params" in one])
    copied(k, notes, model, x)


def json_of(value):
    return repr(value).replace("(", "[").replace(")", "]")


def initializers(k, draw, notes):
    """What configurations say of initializers, and how far numbers drawn by them reach."""
    name = draw.one_of(
        [
            "Zeros",
            "Ones",
            "Constant",
            "RandomNormal",
            "RandomUniform",
            "TruncatedNormal",
            "VarianceScaling",
            "Orthogonal",
            "Identity",
            "glorot_normal",
            "glorot_uniform",
            "he_normal",
            "he_uniform",
            "lecun_normal",
            "lecun_uniform",
        ]
    )
    module = k.initializers
    options = {
        "Constant": {"value": 0.3},
        "RandomNormal": {"mean": 0.1, "stddev": 0.2},
        "RandomUniform": {"minval": -0.2, "maxval": 0.5},
        "TruncatedNormal": {"mean": 0.1, "stddev": 0.5},
        "VarianceScaling": {
            "scale": 2.0,
            "mode": draw.one_of(["fan_in", "fan_out", "fan_avg"]),
            "distribution": draw.one_of(["normal", "uniform"]),
        },
        "Orthogonal": {"gain": 1.5},
        "Identity": {"gain": 2.0},
    }
    made = getattr(module, name)(**options.get(name, {}))
    notes.text("config", [made.__class__.__name__, made.get_config()])
    notes.text("serialized", module.serialize(made))
    shape = (60, 60) if name in ("Orthogonal", "Identity") else (60, draw.number(20, 60), draw.number(2, 4))
    values = made(shape)
    values = values if isinstance(values, np.ndarray) else k.backend.eval(values)
    spread = float(np.std(values))
    notes.text("mean", [abs(float(values.mean()) - expected(name)) < 0.02, values.shape])
    wanted = deviation(name, made.get_config(), shape)
    notes.text("spread", spread == 0 if wanted is None else abs(spread / wanted - 1) < 0.05)
    if name == "Orthogonal":
        notes.numbers("product", values @ values.T)
    if name in ("Identity", "Constant", "Zeros", "Ones"):
        notes.numbers("values", values)


def deviation(name, config, shape):
    """Returns the standard deviation of what is drawn; None where nothing is."""
    if name in ("Zeros", "Ones", "Constant"):
        return None
    if name in ("RandomNormal", "RandomUniform", "TruncatedNormal"):
        return {"RandomNormal": 0.2, "RandomUniform": 0.7 / np.sqrt(12), "TruncatedNormal": 0.5 * 0.8796}[
            name
        ]
    if "mode" not in config:
        return {"Orthogonal": 1.5 / np.sqrt(60), "Identity": 2 * np.sqrt(59) / 60}[name]
    fans = {"fan_in": shape[0] * shape[1], "fan_out": shape[0] * shape[2]}
    fans["fan_avg"] = (fans["fan_in"] + fans["fan_out"]) / 2
    return np.sqrt(config["scale"] / fans[config["mode"]])


def expected(name):
    return {
        "Constant": 0.3,
        "RandomNormal": 0.1,
        "RandomUniform": 0.15,
        "TruncatedNormal": 0.1,
        "Ones": 1,
        "Identity": 2 / 60,
    }.get(name, 0)
