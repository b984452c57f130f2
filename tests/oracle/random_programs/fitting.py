"""Training as programs do it: compile with all it takes, fit, generators, callbacks, changes in between."""

import os
import shutil
import tempfile

import numpy as np

from .models import fill, name_of
from .notes import Draw, Notes

LOSSES = ("mse", "mae", "logcosh", "mean_squared_error", "hinge")
METRICS = ("mae", "mse", "acc", "accuracy", "binary_accuracy", "cosine")


class Programs:
    """A model, its data, and what is done with them, in random order."""

    def __init__(self, k, seed):
        self.k, self.draw, self.notes = k, Draw(seed), Notes()
        self.folder = tempfile.mkdtemp()
        self.rows = self.draw.number(5, 11)
        self.steps = self.draw.number(2, 3) if self.draw.chance(0.3) else 0
        self.build()
        fill(self.model, self.draw)
        self.compile()
        try:
            for number in range(self.draw.number(2, 4)):
                self.number = number
                self.act()
        finally:
            shutil.rmtree(self.folder)

    def note(self, name, value):
        self.notes.numbers(f"{self.number} {name}", value)

    def build(self):
        L, draw = self.k.layers, self.draw
        lead = (self.steps,) if self.steps else ()
        self.inputs = [
            L.Input((*lead, draw.number(2, 4)), name="in_" + name) for name in "ab"[: draw.number(1, 2)]
        ]
        x = self.inputs[0] if len(self.inputs) == 1 else L.concatenate(self.inputs)
        if self.steps and draw.chance(0.6):
            x = L.Masking()(x)
        x = L.Dense(4, activation="tanh", **self.extras())(x)
        if draw.chance(0.3):
            x = L.Dense(3, activation="softplus", trainable=False, **self.extras())(x)
        self.names = ["out_" + name for name in "ab"[: draw.one_of([1, 1, 2])]]
        activations = ["linear", "sigmoid", "tanh"]
        outputs = [
            L.Dense(draw.number(1, 3), activation=draw.one_of(activations), name=name, **self.extras())(x)
            for name in self.names
        ]
        self.model = self.k.models.Model(self.inputs, outputs)
        self.shapes = [tuple(int(one) for one in output.shape[1:]) for output in outputs]

    def extras(self):
        r, c, draw = self.k.regularizers, self.k.constraints, self.draw
        found = {}
        if draw.chance(0.15):
            found["kernel_regularizer"] = draw.one_of([r.l1(0.01), r.l2(0.02), r.l1_l2(0.01, 0.01), "l2"])
        if draw.chance(0.15):
            found["kernel_constraint"] = draw.one_of(
                [c.max_norm(0.8, draw.number(0, 1)), c.unit_norm(1), c.min_max_norm(0.2, 0.9, 0.7), "nonneg"]
            )
        if draw.chance(0.1):
            found["activity_regularizer"] = r.l2(0.01)
        return found

    # What compile takes.

    def optimizer(self):
        draw, name = (
            self.draw,
            self.draw.one_of(["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"]),
        )
        told = {"lr": draw.real(0.005, 0.05)}
        if name == "SGD":
            told.update(draw.some(momentum=[0.9, 0.5], nesterov=[True, False]))
        if name == "Adam":
            told.update(draw.some(amsgrad=[True, False]))
        if name != "Nadam":
            told.update(draw.some(decay=[0.1, 0.01]))
        if draw.chance(0.3):
            told[draw.one_of(["clipnorm", "clipvalue"])] = draw.real(0.05, 0.5)
        if name != "SGD":
            told["epsilon"] = 1e-3
        return getattr(self.k.optimizers, name)(**told)

    def spread(self, values):
        """Returns one value for all, a list, or a dictionary by output."""
        if len(values) == 1:
            return self.draw.one_of([values[0], values, {self.names[0]: values[0]}])
        return self.draw.one_of([values, dict(zip(self.names, values))])  # noqa: B905

    def compile(self):
        draw = self.draw
        losses = [draw.one_of(LOSSES) for _ in self.names]
        self.counted = [True] * len(losses)
        if len(losses) == 2 and draw.chance(0.25):
            place = draw.number(0, 1)
            losses[place], self.counted[place] = None, False
        told = {"loss": draw.one_of(LOSSES) if draw.chance(0.3) and all(losses) else self.spread(losses)}
        if draw.chance(0.7):
            told["metrics"] = self.metrics()
        if draw.chance(0.4):
            told["weighted_metrics"] = self.metrics()
        if draw.chance(0.4):
            factors = [draw.real(0.2, 2) for _ in losses]
            told["loss_weights"] = self.spread(factors) if len(losses) > 1 else factors
        self.modes = [None] * len(losses)
        if self.steps and draw.chance(0.5):
            self.modes = ["temporal" if draw.chance(0.6) else None for _ in losses]
            told["sample_weight_mode"] = draw.one_of([self.modes, dict(zip(self.names, self.modes))])  # noqa: B905
            if len(losses) == 1:
                told["sample_weight_mode"] = self.modes[0]
        self.model.compile(self.optimizer(), **told)
        self.notes.text("metrics_names", self.model.metrics_names)

    def metrics(self):
        draw = self.draw
        if draw.chance(0.5):
            return [draw.one_of(METRICS) for _ in range(draw.number(0, 2))]
        return {
            name: draw.one_of([draw.one_of(METRICS), [draw.one_of(METRICS)]])
            for name in self.names
            if draw.chance(0.8)
        }

    # The data.

    def x(self, rows):
        found = [
            self.draw.array(rows, *[int(one) for one in tensor.shape[1:]], low=-1, high=1)
            for tensor in self.inputs
        ]
        if self.steps:
            for one in found:
                one[::2, -1] = 0
        return found

    def given_x(self, arrays):
        if len(arrays) == 1:
            return self.draw.one_of([arrays[0], arrays, {"in_a": arrays[0]}])
        return self.draw.one_of([arrays, dict(zip(("in_a", "in_b"), arrays))])  # noqa: B905

    def y(self, rows):
        return [self.draw.array(rows, *shape, low=0, high=1).round() for shape in self.shapes]

    def given_y(self, arrays):
        kept = [(name, one) for name, one, used in zip(self.names, arrays, self.counted) if used]  # noqa: B905
        if len(kept) == 1 and len(self.names) == 1:
            return self.draw.one_of([arrays[0], arrays])
        if len(kept) == 1:
            return self.draw.one_of([kept[0][1], dict(kept)])
        return self.draw.one_of([arrays, dict(kept)])

    def weights(self, rows):
        found = []
        for mode in self.modes:
            size = (rows, self.steps) if mode else (rows,)
            one = self.draw.array(*size, low=0.1, high=2)
            if mode:  # a batch of which nothing counts has the loss NaN in Keras
                one[1::3, -1] = 0
            found.append(one)
        if len(found) == 1:
            return found[0]
        if not all(self.counted):
            kept = [one for one, used in zip(found, self.counted) if used]  # noqa: B905
            return {name: kept[0] for name, used in zip(self.names, self.counted) if used}  # noqa: B905
        return self.draw.one_of([found, dict(zip(self.names, found))])  # noqa: B905

    def arrays(self, rows, weighted):
        given = [self.given_x(self.x(rows)), self.given_y(self.y(rows))]
        return [*given, self.weights(rows)] if weighted else given

    # What is done.

    def act(self):
        kinds = ["fit", "fit", "fit_generator", "fit_generator", "evaluate", "predict", "batches", "freeze"]
        kind = self.draw.one_of([*kinds, "recompile", "set_lr", "generators"])
        self.notes.text(f"{self.number} kind", kind)
        getattr(self, kind)()
        if kind.startswith("fit") or kind in ("batches", "freeze"):
            self.note("weights", self.model.get_weights())
            self.note("optimizer", self.state())
            self.note("lr", float(self.k.backend.get_value(self.model.optimizer.lr)))

    def state(self):
        """Returns what the optimizer keeps; before the first step ours has nothing."""
        found = self.model.optimizer.get_weights()
        return found if self.k.backend.get_value(self.model.optimizer.iterations) else []

    def callbacks(self, validated):
        k, draw, told = self.k, self.draw, []
        C, number = k.callbacks, self.number
        monitor = "val_loss" if validated else "loss"

        def tell(name, *parts):
            told.append([name, *parts])

        spy = C.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: tell("epoch", epoch, sorted(logs)),
            # With generators what one epoch's callbacks wrote is there in the next in Keras 2.2.4.
            on_epoch_end=lambda epoch, logs: tell("end", epoch, sorted(set(logs) - {"lr"})),
            on_batch_begin=lambda batch, logs: tell("batch", batch, sorted(logs), int(logs.get("size", -1))),
            on_batch_end=lambda batch, logs: tell(
                "batch end", batch, sorted(logs), int(logs.get("size", -1))
            ),
            on_train_begin=lambda logs: tell("begin", sorted(logs)),
            on_train_end=lambda logs: tell("over", sorted(logs)),
        )
        losses = C.LambdaCallback(on_batch_end=lambda batch, logs: values.append(float(logs["loss"])))
        values = []
        self.spied, self.values = told, values
        found = [spy, losses]
        if draw.chance(0.4):
            rate = draw.one_of([lambda epoch: 0.05 / (epoch + 1), lambda epoch, lr: float(lr) * 0.7])
            found.append(C.LearningRateScheduler(rate))
        elif draw.chance(0.4):
            told_ = draw.some(factor=[0.5, 0.3], patience=[1, 2], min_delta=[0.01, 0.5], cooldown=[1, 0])
            found.append(C.ReduceLROnPlateau(monitor=monitor, **dict({"patience": 1}, **told_)))
        if draw.chance(0.3):
            told_ = draw.some(min_delta=[0.3, 0.01], restore_best_weights=[True, False], baseline=[0.3])
            found.append(C.EarlyStopping(monitor=monitor, patience=draw.number(0, 2), **told_))
        if draw.chance(0.3):
            found.append(C.CSVLogger(os.path.join(self.folder, f"{number}.csv")))
        if draw.chance(0.3):
            path = os.path.join(self.folder, f"{number}-{{epoch:03d}}.h5")
            told_ = draw.some(save_best_only=[True, False], period=[1, 2], save_weights_only=[True])
            found.append(C.ModelCheckpoint(path, monitor=monitor, **told_))
        if draw.chance(0.2):
            found.append(C.TerminateOnNaN())
        self.made = found
        return found

    def after(self, history):
        self.notes.text(f"{self.number} spied", self.spied)
        self.note("batch losses", np.array(self.values))
        self.notes.text(f"{self.number} epochs", history.epoch)
        self.notes.text(f"{self.number} logs", sorted(history.history))
        params = {name: one for name, one in history.params.items() if name != "metrics"}
        self.notes.text(f"{self.number} params", params)
        self.notes.text(f"{self.number} params' metrics", history.params["metrics"])
        for name in sorted(history.history):
            self.note("history " + name, np.array(history.history[name], "float64"))
        for file in sorted(os.listdir(self.folder)):
            if file.endswith(".csv") and history.epoch:
                with open(os.path.join(self.folder, file)) as opened:
                    lines = opened.read().strip().split("\n")
                self.notes.text(f"{self.number} {file}", lines[0])
                numbers = [[float(one) for one in line.split(",")] for line in lines[1:]]
                self.note(file, np.array(numbers))
        files = [file for file in sorted(os.listdir(self.folder)) if history.epoch or "csv" not in file]
        self.notes.text(f"{self.number} files", files)  # without an epoch ours begins none
        stopped = [getattr(one, "stopped_epoch", None) for one in self.made]
        self.notes.text(f"{self.number} stopped", stopped)

    def fit(self):
        draw = self.draw
        weighted = draw.chance(0.5)
        x, y, *weights = self.arrays(self.rows, weighted)
        told = {"epochs": draw.number(1, 4), "batch_size": draw.number(2, 6), "shuffle": False, "verbose": 0}
        if weights:
            told["sample_weight"] = weights[0]
        way = draw.one_of(["none", "split", "data", "data"])
        if way == "split":
            told["validation_split"] = draw.real(0.2, 0.5)
        elif way == "data":
            told["validation_data"] = tuple(self.arrays(draw.number(3, 6), draw.chance(0.5)))
        if draw.chance(0.2):
            told["initial_epoch"] = draw.number(0, 2)
        told["callbacks"] = self.callbacks(way != "none")
        self.after(self.model.fit(x, y, **told))

    def fit_generator(self):
        draw, k = self.draw, self.k
        size, count = draw.number(2, 4), draw.number(2, 3)
        weighted = draw.chance(0.4)
        told = {"epochs": draw.number(1, 3), "shuffle": False, "verbose": 0, "workers": draw.one_of([0, 1])}
        plain_y = len(self.names) == 1 and not self.steps and self.shapes[0] == (1,)
        way = draw.one_of(["none", "arrays", "generator", "sequence"])
        # Arrays are evaluated in batches of the size that the first had here, and the last in Keras.
        source = self.source(size, count, weighted, smaller=int(way != "arrays"))
        if not isinstance(source, k.utils.Sequence) or draw.chance(0.3):
            told["steps_per_epoch"] = draw.number(1, count)
        if plain_y and draw.chance(0.6):
            told["class_weight"] = {0: draw.real(0.2, 2), 1: draw.real(0.2, 2)}
        if way == "arrays":
            told["validation_data"] = tuple(self.arrays(draw.number(3, 6), draw.chance(0.5)))
        elif way != "none":
            told["validation_data"] = self.source(size, count, draw.chance(0.3), way)
            if way == "generator":
                told["validation_steps"] = draw.number(1, count)
        if draw.chance(0.2):
            told["initial_epoch"] = 1
        told["callbacks"] = self.callbacks(way != "none")
        self.after(self.model.fit_generator(source, **told))

    def source(self, size, count, weighted, kind=None, smaller=1):
        batches = [tuple(self.arrays(max(1, size - place * smaller), weighted)) for place in range(count)]
        if (kind or self.draw.one_of(["generator", "sequence"])) == "generator":

            def generate():
                while True:
                    yield from batches

            return generate()

        class Batches(self.k.utils.Sequence):
            def __len__(self):
                return len(batches)

            def __getitem__(self, place):
                return batches[place]

        return Batches()

    def evaluate(self):
        x, y, *weights = self.arrays(self.rows, self.draw.chance(0.5))
        more = {"sample_weight": weights[0]} if weights else {}
        size = self.draw.number(2, 6)
        self.note("found", self.model.evaluate(x, y, batch_size=size, verbose=0, **more))

    def predict(self):
        x = self.given_x(self.x(self.rows))
        self.note("found", self.model.predict(x, batch_size=self.draw.number(2, 6)))

    def generators(self):
        size, count = self.draw.number(2, 4), self.draw.number(2, 3)
        weighted, kind = self.draw.chance(0.4), self.draw.one_of(["generator", "sequence"])
        more = {"steps": self.draw.number(1, count)} if kind == "generator" else {}
        source = self.source(size, count, weighted, kind)
        self.note("evaluated", self.model.evaluate_generator(source, workers=0, **more))
        source = self.source(size, count, weighted, kind)
        self.note("predicted", self.model.predict_generator(source, workers=0, **more))

    def batches(self):
        for number in range(self.draw.number(1, 3)):
            x, y, *weights = self.arrays(self.rows, self.draw.chance(0.5))
            more = {"sample_weight": weights[0]} if weights else {}
            self.note(f"train {number}", self.model.train_on_batch(x, y, **more))
            self.note(f"test {number}", self.model.test_on_batch(x, y, **more))

    def freeze(self):
        """Trainable flags count when the model is compiled, not before."""
        layer = self.draw.one_of([one for one in self.model.layers if one.weights])
        layer.trainable = not layer.trainable
        self.notes.text(f"{self.number} trainable", [name_of(one) for one in self.model.trainable_weights])
        self.batches()
        self.compile()
        self.batches()

    def recompile(self):
        self.compile()
        self.batches()

    def set_lr(self):
        K, optimizer = self.k.backend, self.model.optimizer
        K.set_value(optimizer.lr, self.draw.real(0.001, 0.05))
        self.note("iterations", K.get_value(optimizer.iterations))
        config = optimizer.get_config()
        for name in sorted(config):
            if not isinstance(config[name], bool) and config[name] is not None:
                self.note("config " + name, config[name])


def program(k, seed):
    return Programs(k, seed).notes.found
