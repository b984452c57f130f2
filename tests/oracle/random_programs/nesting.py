"""Wrappers around wrappers and models, layers and models called many times, masks through all of it."""

from .models import copied, describe, differentiate, fill
from .notes import Draw, Notes


def program(k, seed):
    draw, notes = Draw(seed), Notes()
    draw.one_of([wrappers, wrappers, shared, shared, masks])(k, draw, notes)
    return notes.found


def penalized(k, draw, name):
    r = k.regularizers
    return {name: draw.one_of([r.l1(0.02), r.l2(0.05), r.l1_l2(0.01, 0.03)])} if draw.chance(0.4) else {}


def inside_model(k, draw, shape):
    """A model to be called on single steps or rows."""
    L = k.layers
    inputs = L.Input(shape)
    x = L.Dense(draw.number(2, 3), activation="tanh", **penalized(k, draw, "kernel_regularizer"))(inputs)
    kind = draw.one_of(["plain", "sum", "two", "deep"])
    if kind == "sum":
        x = L.add([x, L.Dense(int(x.shape[-1]))(inputs)])
    elif kind == "deep":
        x = k.models.Sequential([L.Dense(2, input_shape=tuple(int(one) for one in x.shape[1:]))])(x)
    if len(shape) > 1 and draw.chance(0.6):
        x = draw.one_of([L.Flatten(), L.GRU(2), L.GlobalAveragePooling1D(), L.Bidirectional(L.LSTM(1))])(x)
    if draw.chance(0.3):  # within TimeDistributed Keras 2.2.4 forgets the phase of what is not last
        x = L.BatchNormalization()(x)
    return k.models.Model(inputs, x)


def wrappers(k, draw, notes):
    """`TimeDistributed` and `Bidirectional` around models and each other."""
    L = k.layers
    shape = draw.numbers(draw.one_of([2, 3]), 2, 3)
    inputs = L.Input(tuple(shape))
    T = L.TimeDistributed
    if len(shape) == 2:
        made = draw.one_of(
            [
                lambda: T(inside_model(k, draw, tuple(shape[1:]))),
                lambda: L.Bidirectional(
                    L.LSTM(2, return_sequences=True, **penalized(k, draw, "kernel_regularizer"))
                ),
                lambda: L.Bidirectional(
                    L.RNN([L.GRUCell(2), L.LSTMCell(2)], return_sequences=draw.chance(0.5))
                ),
                lambda: T(L.Dense(2, **penalized(k, draw, "bias_regularizer")), trainable=draw.chance(0.7)),
                lambda: T(k.models.Sequential([L.Dense(2, input_shape=(shape[1],)), L.BatchNormalization()])),
            ]
        )()
    else:
        made = draw.one_of(
            [
                lambda: T(inside_model(k, draw, tuple(shape[1:]))),
                lambda: T(T(inside_model(k, draw, tuple(shape[2:])))),
                lambda: T(T(L.Dense(2, activation="relu"))),
                lambda: T(L.Bidirectional(L.GRU(2, return_sequences=draw.chance(0.5)))),
                lambda: T(L.LSTM(2, return_sequences=True)),
                lambda: T(L.Bidirectional(L.LSTM(1, return_sequences=True), merge_mode="sum")),
                lambda: T(L.Conv1D(2, 2, padding=draw.one_of(["same", "causal"]))),
                lambda: T(L.Masking()),
                lambda: T(L.Flatten()),
            ]
        )()
    x = made(inputs)
    if draw.chance(0.4):
        x = L.Activation("tanh")(x)
    model = k.models.Model(inputs, x)
    finish(k, draw, notes, model, draw.array(3, *shape))


def finish(k, draw, notes, model, x):
    fill(model, draw)
    describe(notes, model)
    notes.text("updates", len(model.updates))
    differentiate(k, notes, model, x, draw.number(0, 1))
    notes.numbers("predict", model.predict(x, batch_size=2))
    copied(k, notes, model, x)
    model.compile("sgd", "mse")
    shapes = model.output_shape if isinstance(model.output_shape, list) else [model.output_shape]
    y = [draw.array(*(3, *shape[1:])) for shape in shapes]
    y = y if len(y) > 1 else y[0]
    notes.numbers("trained on", [model.train_on_batch(x, y) for _ in range(2)][-1])
    notes.numbers("trained", model.get_weights())


def shared(k, draw, notes):
    """Layers and models called on several tensors; some of their penalties depend on inputs."""
    L, size = k.layers, draw.number(2, 3)
    inputs = [L.Input((size,)) for _ in range(draw.number(1, 3))]
    calls = [
        L.Dense(size, activation="tanh", **penalized(k, draw, "kernel_regularizer")),
        L.Dense(size, **penalized(k, draw, "activity_regularizer")),
        L.BatchNormalization(),
        L.ActivityRegularization(l2=0.02),
        k.models.Sequential(
            [L.Dense(size, input_shape=(size,), **penalized(k, draw, "activity_regularizer"))]
        ),
        k.models.Sequential([L.Dense(3, input_shape=(size,)), L.BatchNormalization(), L.Dense(size)]),
    ]
    a = L.Input((size,))
    calls.append(k.models.Model(a, L.add([a, calls[0](a)])))
    changing = {id(calls[2]), id(calls[5])}  # TensorFlow updates averages twice in no order
    calls = [draw.one_of(calls) for _ in range(draw.number(1, 3))]
    tensors, called = list(inputs), set()
    for _ in range(draw.number(2, 5)):
        one, place = draw.number(0, len(tensors) - 1), draw.number(0, len(calls) - 1)
        again = any(id(calls[place]) == other for _, other in called)
        if (one, id(calls[place])) in called or (again and id(calls[place]) in changing):
            continue  # Keras computes no model again on the same tensor, and forgets the first call
        called.add((one, id(calls[place])))
        tensors.append(calls[place](tensors[one]))
        if draw.chance(0.3):
            tensors.append(
                draw.one_of([L.add, L.multiply, L.maximum])([tensors[-1], draw.one_of(tensors[:-1])])
            )
    count = draw.number(1, 2)
    outputs = tensors[-count:]
    if draw.chance(0.5):
        outputs = [L.concatenate([*tensors[len(inputs) :], outputs[0]])]
    outputs = [L.Dense(2)(one) if draw.chance(0.5) else one for one in outputs]
    outputs = [one for place, one in enumerate(outputs) if not any(one is other for other in outputs[:place])]
    used = k.utils.get_source_inputs
    found = []
    for one in outputs:
        for source in used(one):
            if not any(source is other for other in found):
                found.append(source)
    model = k.models.Model(found, outputs)
    if draw.chance(0.3) and not changing & {other for _, other in called}:
        model = around(k, draw, model)
    x = [draw.array(3, size) for _ in model.inputs]
    finish(k, draw, notes, model, x if len(x) > 1 else x[0])


def around(k, draw, model):
    """The model called twice within another."""
    L = k.layers
    inputs = [L.Input(tuple(int(one) for one in tensor.shape[1:])) for tensor in model.inputs]
    first = model(inputs if len(inputs) > 1 else inputs[0])
    again = [L.Activation("tanh")(one) for one in inputs]
    second = model(again if len(again) > 1 else again[0])
    first, second = (one if isinstance(one, list) else [one] for one in (first, second))
    if draw.chance(0.5):
        model.trainable = False
    return k.models.Model(inputs, [L.add([first[0], second[0]]), *first[1:]])


def masks(k, draw, notes):
    """Which masks layers pass on, and what they are."""
    L, K = k.layers, k.backend
    steps, size = draw.number(2, 4), draw.number(2, 3)
    inputs = L.Input((steps, size))
    x = L.Masking()(inputs)
    other = L.Masking(0.5)(inputs)
    for _ in range(draw.number(1, 3)):
        x = passed_on(k, draw, x, other, inputs)
        other = x if draw.chance(0.3) else other
        if K.int_shape(other) != K.int_shape(x):
            other = L.Masking(-1.0)(x)
    layer, node, _ = x._keras_history
    mask = layer.get_output_mask_at(node)
    notes.text("masked", mask is not None)
    data = draw.array(3, steps, int(inputs.shape[-1]))
    data[0, 0] = 0
    data[1, -1] = 0.5
    if mask is not None:
        notes.numbers("mask", K.function([inputs], [K.cast(mask, "float32")])([data]))
    x = draw.one_of([lambda x: x, lambda x: L.GRU(2)(x), lambda x: L.Lambda(lambda t: K.sum(t, axis=1))(x)])(
        x
    )
    model = k.models.Model(inputs, x)
    fill(model, draw)
    differentiate(k, notes, model, data)
    model.compile("sgd", "mae")
    y = draw.array(*(3, *model.output_shape[1:]))
    notes.numbers("trained on", [model.train_on_batch(data, y) for _ in range(3)])
    notes.numbers("trained", model.get_weights())


def passed_on(k, draw, x, other, inputs):
    """Returns what a layer makes of masked steps."""
    L, shape = k.layers, k.backend.int_shape(x)
    size = shape[-1]
    calls = [
        lambda: L.Dense(size)(x),
        lambda: L.TimeDistributed(L.Dense(size))(x),
        lambda: L.LSTM(size, return_sequences=True)(x),
        lambda: L.Bidirectional(L.GRU(size, return_sequences=True), merge_mode="sum")(x),
        lambda: L.add([x, other]),
        lambda: L.maximum([x, inputs]),
        lambda: L.concatenate([x, other], axis=1),
        lambda: L.concatenate([x, inputs], axis=-1),
        lambda: L.Dropout(0.0)(x),
        lambda: L.Activation("tanh")(x),
        lambda: L.Lambda(lambda t: t * 2.0, mask=lambda t, m: m)(x),
        lambda: L.Lambda(lambda t: t * 2.0)(x),
        lambda: L.BatchNormalization()(x),
        lambda: k.models.Sequential([L.Masking(1.0, input_shape=shape[1:])])(x),
    ]
    return draw.one_of(calls)()
