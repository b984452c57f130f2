"""What several programs do with models: weights from a seed, outputs, gradients, what configurations say."""

import json

import numpy as np

from .notes import plain


def name_of(weight):
    return getattr(weight, "keras_name", None) or weight.name


def fill(model, draw):
    """Gives a model or layer random weights, small enough for what follows."""
    names = [name_of(one) for layer in getattr(model, "layers", [model]) for one in layer.weights]
    given, arrays = model.get_weights(), []
    assert len(names) == len(given)
    for name, old in zip(names, given):  # noqa: B905
        limit = max(0.1, min(0.7, 1.5 / np.sqrt(max(1, np.prod(old.shape[:-1])))))
        low, high = (0.5, 1.5) if "variance" in name else (-limit, limit)
        arrays.append(draw.array(*old.shape, low=low, high=high))
    model.set_weights(arrays)


def describe(notes, model):
    """Notes names and shapes of weights, and the configuration as JSON text."""
    notes.text("weights", [[name_of(one), list(shape_of(one))] for one in model.weights])
    notes.text("trainable", [name_of(one) for one in model.trainable_weights])
    notes.text("shapes", model.output_shape)
    notes.text("counts", [layer.count_params() for layer in model.layers])
    notes.text("config", json.loads(json.dumps(model.get_config(), default=plain)))


def shape_of(weight):
    found = weight.shape
    return tuple(int(one) for one in (found.as_list() if hasattr(found, "as_list") else found))


def differentiate(k, notes, model, x, phase=0):
    """Notes what a model computes, its losses, and the gradients of both, for inputs and weights."""
    K = k.backend
    total = 0.0
    for output in model.outputs:
        total = total + K.sum(K.sin(output + 0.3))
    losses = list(model.losses)
    notes.text("count of losses", len(losses))
    for one in losses:
        total = total + K.sum(one)
    sources = [one for one in model.inputs if K.dtype(one) == K.floatx()] + list(model.trainable_weights)
    gradients = K.gradients(total, sources)
    known = [place for place, one in enumerate(gradients) if one is not None]
    compute = K.function(
        [*model.inputs, K.learning_phase()],
        list(model.outputs) + [K.identity(total)] + [K.identity(gradients[place]) for place in known],
    )
    values = compute([*(x if isinstance(x, list) else [x]), phase])
    count = len(model.outputs) + 1
    notes.numbers("computed", values[:count])
    for place, value in zip(known, values[count:]):  # noqa: B905
        notes.numbers(f"gradient{place:02d}", value)


def copied(k, notes, model, x, custom_objects=None):
    """Notes what a copy from the configuration computes."""
    copy = model.__class__.from_config(model.get_config(), custom_objects=custom_objects)
    copy.set_weights(model.get_weights())
    notes.numbers("copy", copy.predict(x))
