"""Runs a described case, by the same lines with Keras 2.2.4 and with this library.

A case is a JSON value: the layers and how they are called, what compile is given, and a seed from which all
numbers follow. What comes back are arrays by name. Python 3.7 must be able to read this file.
"""

# ruff: noqa: B905 (Python 3.7 has no strict zip)

import numpy as np

STEPS = 10


def run(case, k, parts):
    """Returns all that a case computes.

    Args:
        case: the description, as tests/oracle/random_cases makes it.
        k: the library: something with `layers`, `models`, `backend` and `optimizers`.
        parts: random_case_parts.
    """
    k.backend.set_floatx(case["floatx"])
    k.backend.clear_session()
    try:
        return Run(case, k, parts).found
    finally:
        k.backend.set_floatx("float32")


class Run:
    def __init__(self, case, k, parts):
        self.case = case
        self.k = k
        self.functions = parts.custom_functions(k)
        self.found = {}
        self.rows = case["rows"]
        self.classes = parts.custom_layers(k)
        self.model = self.build(case["graph"])
        self.shapes = shapes(self.model.output_shape)
        self.set_weights()
        self.x = [self.numbers(spec, place) for place, spec in enumerate(case["graph"]["inputs"])]
        self.predict()
        if case["phases"]:
            self.gradients(case["phases"])
        if "compile" in case:
            self.train()

    def note(self, name, values):
        for place, value in enumerate(as_list(values)):
            self.found[f"{name}/{place:02d}"] = np.asarray(value)

    # The model.

    def build(self, graph):
        layers = self.k.layers
        made = [self.make(one) for one in graph["layers"]]
        if graph.get("sequential"):
            return self.k.models.Sequential(made)
        tensors = [layers.Input(batch_shape=[one.get("batch"), *one["shape"]]) for one in graph["inputs"]]
        count = len(tensors)
        for call in graph["calls"]:
            given = [tensors[place] for place in call["inputs"]]
            more = {
                name: [tensors[place] for place in call[name]]
                for name in ("initial_state", "constants")
                if name in call
            }
            result = made[call["layer"]](given[0] if len(given) == 1 else given, **more)
            tensors.extend(as_list(result))
        outputs = [tensors[place] for place in graph["outputs"]]
        return self.k.models.Model(tensors[:count], outputs)

    def make(self, value):
        """Turns descriptions of layers within a value into layers."""
        if isinstance(value, list):
            return [self.make(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "model" in value:
            return self.build(value["model"])
        if "class" not in value:
            return value
        kind = self.classes.get(value["class"]) or getattr(self.k.layers, value["class"])
        return kind(**{name: self.make(one) for name, one in value["arguments"].items()})

    def set_weights(self):
        names = [name_of(one) for layer in self.model.layers for one in layer.weights]
        self.note("names", [names])
        self.note("names_of_model", [[name_of(one) for one in self.model.weights]])
        source = np.random.RandomState(self.case["seed"])
        arrays = []
        for name, old in zip(names, self.model.get_weights()):
            limit = max(0.1, min(0.7, 1.5 / np.sqrt(max(1, np.prod(old.shape[:-1])))))
            if "variance" in name:
                arrays.append(source.uniform(0.5, 1.5, old.shape))
            else:
                arrays.append(source.uniform(-limit, limit, old.shape))
        self.model.set_weights(arrays)

    # The data.

    def numbers(self, spec, place):
        """Returns an input, or what belongs to an output."""
        source = np.random.RandomState(self.case["seed"] + 17 * place + 1)
        shape = (self.rows, *spec["shape"])
        kind = spec.get("numbers", "uniform")
        if kind == "ids":
            found = source.randint(1, spec["limit"], shape)
        elif kind == "one_hot":
            found = np.eye(shape[-1])[source.randint(0, shape[-1], shape[:-1])]
        elif kind == "distribution":
            found = source.uniform(0.1, 1, shape)
            found = found / found.sum(-1, keepdims=True)
        elif kind == "classes":
            found = source.randint(0, spec["limit"], (*shape[:-1], 1))
        elif kind == "bits":
            found = source.randint(0, 2, shape)
        elif kind == "signs":
            found = 2 * source.randint(0, 2, shape) - 1
        elif kind == "positive":
            found = source.uniform(0.05, 2, shape)
        else:
            found = source.uniform(-1, 1, shape)
        for row in range(self.rows):
            missing = source.randint(0, shape[1]) if spec.get("padded") else 0
            if missing and spec["padded"] == "before":
                found[row, :missing] = 0
            elif missing and spec["padded"] == "behind":
                found[row, -missing:] = 0
            elif missing:
                found[row, source.permutation(shape[1])[:missing]] = 0
        return found.astype(self.case["floatx"])

    def weights_of_rows(self, kind, shape, place):
        if kind is None:
            return None
        source = np.random.RandomState(self.case["seed"] + 31 * place + 5)
        size = shape[:2] if kind == "steps" else shape[:1]
        found = source.uniform(0.1, 2, size)
        if kind != "positive":
            found[source.uniform(0, 1, size) < 0.3] = 0
            if kind == "steps":
                found[::2, 0] = 1.5  # a batch of which nothing counts has the loss NaN in Keras
            else:
                found[::2] = 1.5
        return found

    # What is compared.

    def predict(self):
        x = one_or_all(self.x)
        self.note("config", [repr_of(self.model.get_config())])
        self.note("shapes", [repr(self.shapes)])
        self.note("predict", self.model.predict(x, batch_size=self.rows))
        if self.case.get("stateful"):
            self.note("predict_2", self.model.predict(x, batch_size=self.rows))
            self.note("predict_3", self.model.predict(x, batch_size=self.rows))
            self.model.reset_states()
            self.note("predict_4", self.model.predict(x, batch_size=self.rows))
            self.model.reset_states()

    def gradients(self, phases):
        K = self.k.backend
        directions = [
            np.random.RandomState(self.case["seed"] + 3 + place).uniform(-1, 1, (self.rows, *shape[1:]))
            for place, shape in enumerate(self.shapes)
        ]
        total = sum(
            K.sum(output * K.constant(direction)) for output, direction in zip(self.model.outputs, directions)
        )
        sources = [
            tensor
            for tensor, spec in zip(self.model.inputs, self.case["graph"]["inputs"])
            if spec.get("numbers") != "ids"
        ] + list(self.model.trainable_weights)
        found = K.gradients(total, sources)
        known = [place for place, one in enumerate(found) if one is not None]
        compute = K.function(
            [*self.model.inputs, K.learning_phase()],
            list(self.model.outputs) + [K.identity(found[place]) for place in known],
        )
        count = len(self.model.outputs)
        for phase in phases:
            values = compute([*self.x, phase])
            self.note(f"phase_{phase}", values[:count])
            for place, value in zip(known, values[count:]):
                self.found[f"gradient_{phase}/{place:02d}"] = value

    def train(self):
        case, model = self.case, self.model
        told = dict(case["compile"])
        for name in ("loss", "metrics", "weighted_metrics"):
            if name in told:
                told[name] = replaced(told[name], self.functions)
        optimizer = told.pop("optimizer")
        told["optimizer"] = getattr(self.k.optimizers, optimizer["class"])(**optimizer["arguments"])
        model.compile(**told)
        layers = [tensor._keras_history[0].name for tensor in model.outputs]
        # Keras calls all outputs of one layer alike, so that its logs have the last of them only.
        self.tells_names = len(set(layers)) == len(layers)
        if self.tells_names:
            self.note("metrics_names", [model.metrics_names])
        x = one_or_all(self.x)
        specs = case.get("targets") or [{}] * len(self.shapes)
        y = one_or_all(
            [
                self.numbers(dict(spec, shape=shape[1:]), 100 + place)
                for place, (spec, shape) in enumerate(zip(specs, self.shapes))
            ]
        )
        kinds = case.get("sample_weight") or [None] * len(self.shapes)
        shaped = [(self.rows, *shape[1:]) for shape in self.shapes]
        weights = one_or_all([self.weights_of_rows(*one) for one in zip(kinds, shaped, range(99))])
        more = {} if not any(kinds) else {"sample_weight": weights}
        by_class = case.get("class_weight")
        if by_class:
            by_class = {"class_weight": {int(number): weight for number, weight in by_class.items()}}
        else:
            by_class = {}
        self.note("evaluate", model.evaluate(x, y, batch_size=self.rows, verbose=0, **more))
        if case.get("small_batches"):
            self.note("evaluate_2", model.evaluate(x, y, batch_size=2, verbose=0, **more))
        logs = [model.train_on_batch(x, y, **dict(more, **by_class)) for _ in range(STEPS)]
        self.note("logs", logs)
        self.note("trained", model.get_weights())
        self.note("optimizer", model.optimizer.get_weights())
        self.note("test_on_batch", model.test_on_batch(x, y, **more))
        if case.get("small_batches"):
            self.fit(x, y, more, by_class)

    def fit(self, x, y, more, by_class):
        validation = (x, y, more["sample_weight"]) if more else (x, y)
        history = self.model.fit(
            x,
            y,
            batch_size=2,
            epochs=2,
            shuffle=False,
            verbose=0,
            validation_data=validation,
            **dict(more, **by_class),
        ).history
        if self.tells_names:
            self.note("history_names", [sorted(history)])
        for name in sorted(history) if self.tells_names else ("loss", "val_loss"):
            self.note("history/" + name, history[name])
        self.note("fitted", self.model.get_weights())


def name_of(weight):
    return getattr(weight, "keras_name", None) or weight.name


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def one_or_all(values):
    return values[0] if len(values) == 1 else values


def shapes(found):
    """Returns a list of shapes, whether there is one or more."""
    return [tuple(one) for one in found] if isinstance(found, list) else [tuple(found)]


def replaced(value, functions):
    """Puts functions for their names."""
    if isinstance(value, dict):
        return {name: replaced(one, functions) for name, one in value.items()}
    if isinstance(value, list):
        return [replaced(one, functions) for one in value]
    return functions.get(value, value)


def repr_of(config):
    """Returns a configuration as text, without what is None and with lists for tuples."""

    def plain(value):
        if isinstance(value, dict):
            forgets = str(value.get("class_name")).startswith("SpatialDropout")  # Keras 2.2.4 its data_format
            if forgets:
                value = dict(value, config=dict(value["config"], data_format=None))
            return {name: plain(one) for name, one in sorted(value.items()) if one is not None}
        if isinstance(value, (list, tuple)):
            return [plain(one) for one in value]
        return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value

    layers = plain(config if isinstance(config, list) else config["layers"])
    return repr([(one["class_name"], one["config"]) for one in layers])
