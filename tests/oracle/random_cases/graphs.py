"""Models of several layers: joining inputs, branching outputs, shared layers, models within models, masks."""

from tests.oracle.random_cases.draw import SMOOTH, Draw, chain, layer


class Graph:
    """Grows a graph call by call; knows the shape of each tensor, and which have masks."""

    def __init__(self, draw):
        self.draw = draw
        self.inputs, self.layers, self.calls = [], [], []
        self.shapes, self.masked = [], []
        self.used = set()
        #: Places of whole numbers, which only an embedding takes.
        self.whole = set()
        #: Calls of layers that may be called again: layer and shape of its input and output.
        self.again = []

    def input(self, shape, **more):
        self.inputs.append({"shape": shape, **more})
        self._add(shape, False)

    def _add(self, shape, masked):
        self.shapes.append(list(shape))
        self.masked.append(masked)

    def call(self, made, places, shape, masked=False):
        if "arguments" in made and self.draw.chance(0.1):
            made["arguments"]["trainable"] = False
        self.layers.append(made)
        self._call(len(self.layers) - 1, places, shape, masked)
        if len(places) == 1:
            self.again.append((len(self.layers) - 1, self.shapes[places[0]], shape))

    def _call(self, number, places, shape, masked):
        self.calls.append({"layer": number, "inputs": list(places)})
        self.used.update(places)
        self._add(shape, masked)

    def grow(self):
        """Adds a layer after one or more of the tensors, rather after new ones; never after whole numbers."""
        draw = self.draw
        places = [place for place in range(len(self.shapes)) if place not in self.whole]
        place = max(draw.one_of(places), draw.one_of(places))
        shape, masked = self.shapes[place], self.masked[place]
        for number, before, after in self.again:
            if before == shape and draw.chance(0.25):
                self._call(number, [place], after, masked and len(after) > 1)
                return
        same = [p for p, s in enumerate(self.shapes) if s == shape and p != place and p not in self.whole]
        if same and draw.chance(0.4):
            self.merge(place, draw.one_of(same))
        elif len(shape) == 1:
            self.from_vector(place)
        elif len(shape) == 2:
            self.from_sequence(place)
        else:
            self.from_image(place)

    def merge(self, place, other):
        draw, shape = self.draw, self.shapes[place]
        kind = draw.one_of(["Add", "Multiply", "Average", "Maximum", "Subtract", "Concatenate"])
        masked = self.masked[place] or self.masked[other]
        if kind == "Concatenate":
            shape = [*shape[:-1], 2 * shape[-1]]
        self.call(layer(kind), [place, other], shape, masked)

    def anything(self, place):
        draw, shape = self.draw, self.shapes[place]
        made = draw.one_of(
            [
                layer("Activation", activation=draw.one_of(SMOOTH)),
                layer("BatchNormalization"),
                layer("Scale", penalty=draw.one_of([0.0, 0.05])),
                layer("LeakyReLU"),
                layer("ActivityRegularization", l2=0.01),
            ]
        )
        self.call(made, [place], shape, self.masked[place])

    def from_vector(self, place):
        draw, (size,) = self.draw, self.shapes[place]
        units = draw.one_of([2, 3, 4])
        kind = draw.one_of(["Dense", "Dense", "model", "RepeatVector", "any", "Reshape"])
        if kind == "Dense":
            made = layer("Dense", units=units, activation=draw.one_of(SMOOTH))
            self.call(
                {**made, "arguments": made["arguments"] | draw.extras(("kernel",), 2)}, [place], [units]
            )
        elif kind == "model":
            inside = [layer("Dense", units=3, activation="tanh"), layer("Dense", units=units)]
            if draw.chance(0.5):
                inside.insert(1, layer("BatchNormalization"))
            if draw.chance(0.4):
                inside[0]["arguments"]["batch_input_shape"] = [None, size]
                made = {"model": {"sequential": True, "layers": inside}}
            else:
                made = {"model": chain({"shape": [size]}, inside)}
            self.call(made, [place], [units])
        elif kind == "RepeatVector":
            self.call(layer("RepeatVector", n=3), [place], [3, size])
        elif kind == "Reshape":
            self.call(layer("Reshape", target_shape=[size, 1]), [place], [size, 1])
        else:
            self.anything(place)

    def from_sequence(self, place):
        draw, (steps, size) = self.draw, self.shapes[place]
        masked, units = self.masked[place], draw.one_of([2, 3])
        kinds = ["LSTM", "GRU", "SimpleRNN", "sequence", "Bidirectional", "TimeDistributed", "any", "model"]
        if not masked:
            kinds += ["Conv1D", "Flatten", "Permute", "GlobalMaxPooling1D", "Masking", "ZeroPadding1D"]
        kind = draw.one_of([*kinds, "GlobalAveragePooling1D", "Dense"])
        if kind in ("LSTM", "GRU", "SimpleRNN"):
            self.call(layer(kind, units=units), [place], [units])
        elif kind == "sequence":
            made = layer(draw.one_of(["LSTM", "GRU"]), units=units, return_sequences=True)
            self.call(made, [place], [steps, units], masked)
        elif kind == "Bidirectional":
            made = layer("Bidirectional", layer=layer("GRU", units=2, return_sequences=True))
            self.call(made, [place], [steps, 4], masked)
        elif kind == "TimeDistributed":
            inside = layer("Dense", units=units, activation="tanh")
            if draw.chance(0.4):
                inside = {"model": chain({"shape": [size]}, [inside])}
            self.call(layer("TimeDistributed", layer=inside), [place], [steps, units], masked)
        elif kind == "Dense":
            self.call(layer("Dense", units=units), [place], [steps, units], masked)
        elif kind == "model":
            inside = [layer("LSTM", units=units, return_sequences=True)]
            if draw.chance(0.5) and not masked:
                inside.insert(0, layer("Masking"))
            made = {"model": chain({"shape": [steps, size]}, inside)}
            self.call(made, [place], [steps, units], masked or len(inside) > 1)
        elif kind == "Conv1D":
            made = layer("Conv1D", filters=units, kernel_size=2, padding=draw.one_of(["same", "causal"]))
            self.call(made, [place], [steps, units])
        elif kind == "Masking":
            self.call(layer("Masking"), [place], [steps, size], True)
        elif kind == "ZeroPadding1D":
            self.call(layer("ZeroPadding1D"), [place], [steps + 2, size])
        elif kind == "Flatten":
            self.call(layer("Flatten"), [place], [steps * size])
        elif kind == "Permute":
            self.call(layer("Permute", dims=[2, 1]), [place], [size, steps])
        elif kind.startswith("Global"):
            self.call(layer(kind), [place], [size])
        else:
            self.anything(place)

    def from_image(self, place):
        draw, (height, width, channels) = self.draw, self.shapes[place]
        kind = draw.one_of(["Conv2D", "Depthwise", "Pooling", "Flatten", "Global", "Time", "any", "Time"])
        if kind == "Conv2D":
            made = layer("Conv2D", filters=2, kernel_size=2, padding="same", activation="tanh")
            self.call(made, [place], [height, width, 2])
        elif kind == "Depthwise":
            made = layer("SeparableConv2D", filters=3, kernel_size=2, padding="same")
            self.call(made, [place], [height, width, 3])
        elif kind == "Pooling":
            made = layer("AveragePooling2D", pool_size=2, strides=1, padding="same")
            self.call(made, [place], [height, width, channels])
        elif kind == "Flatten":
            self.call(layer("Flatten"), [place], [height * width * channels])
        elif kind == "Global":
            self.call(layer("GlobalAveragePooling2D"), [place], [channels])
        elif kind == "Time":
            inside, after = draw.one_of(
                [
                    (layer("Flatten"), [width * channels]),
                    (layer("LSTM", units=2), [2]),
                    (layer("Conv1D", filters=2, kernel_size=2, padding="same"), [width, 2]),
                    (layer("BatchNormalization"), [width, channels]),
                    (layer("GlobalAveragePooling1D"), [channels]),
                ]
            )
            self.call(layer("TimeDistributed", layer=inside), [place], [height, *after])
        else:
            self.anything(place)


def graphs(seed):
    """A case of a model of several layers."""
    draw = Draw(seed)
    graph = Graph(draw)
    for _ in range(draw.one_of([1, 1, 2, 3])):
        kind = draw.one_of(["vector", "sequence", "image", "ids"])
        if kind == "vector":
            graph.input([draw.number(2, 4)])
        elif kind == "sequence":
            graph.input([3, draw.number(2, 3)], padded=draw.one_of(["before", "behind", "anywhere"]))
        elif kind == "image":
            graph.input([3, 3, draw.number(1, 2)])
        else:
            graph.input([3], numbers="ids", limit=6, padded="behind")
    ids = [place for place, one in enumerate(graph.inputs) if "limit" in one]
    for place in ids:
        made = layer("Embedding", input_dim=6, output_dim=draw.number(2, 3), mask_zero=draw.chance(0.6))
        graph.call(made, [place], [3, made["arguments"]["output_dim"]], made["arguments"]["mask_zero"])
        graph.again.clear()
        graph.whole.add(place)
    for _ in range(draw.number(2, 8)):
        graph.grow()
    ends = [p for p in range(len(graph.shapes)) if p not in graph.used and p >= len(graph.inputs)]
    unused = [p for p in range(len(graph.inputs)) if p not in graph.used]
    for place in unused:
        graph.call(layer("Scale"), [place], graph.shapes[place])
        ends.append(len(graph.shapes) - 1)
    case = {
        "kind": "graphs",
        "seed": seed,
        "rows": draw.number(2, 4),
        "floatx": draw.one_of(["float32", "float64", "float64"]),
        "graph": {
            "inputs": graph.inputs,
            "layers": graph.layers,
            "calls": graph.calls,
            "outputs": ends,
        },
        "phases": [0, 1],
    }
    if draw.chance(0.6):
        case["floatx"] = "float64"
        case["compile"] = {"optimizer": draw.optimizer(), "loss": "mse"}
        case["small_batches"] = draw.chance(0.4)
    return case
