"""Runs one of Keras's example scripts, unchanged, under the alias `keras`, and makes it short.

    run_keras_example.py SCRIPT [--epochs N] [--steps N] [--fits N] [--seconds N] [-- ARGUMENT …]

It is shortened from outside: so many epochs and steps for each call of `fit`, an end after so many calls of
it, and after so many seconds if training was under way by then. What newer versions of Python and numpy have
dropped is put back, as that is not ours; data sets need not have the hash of the real ones; networks of
`keras.applications` are small ones with the names of layers that the scripts look for.
"""

import argparse
import os
import re
import signal
import sys
from importlib import import_module
from types import ModuleType

import numpy as np

import batchyard.models.training.fit as fitting
from batchyard.models import Input, Model
from batchyard.models.__main__ import main as run_script
from batchyard.models.layers import Conv2D, MaxPooling2D
from batchyard.models.utils import get_source_inputs


class Shortening:
    """Counts what the script trains, and ends it.

    Args:
        epochs: of each fit; None for all.
        steps: of each epoch; None for all.
        fits: calls of `fit`; None for all.
    """

    def __init__(self, epochs, steps, fits):
        self.epochs, self.steps, self.fits = epochs, steps, fits
        self.trained = 0
        self._state = None
        self._fit_loop = fitting.fit_loop

    def fit_loop(self, model, data, *, epochs, state, validation=None, **others):
        """Stands for the loop."""
        if self.fits is not None and self.trained >= self.fits:
            self.end()
        if self.epochs is not None:
            epochs = min(epochs, state.epoch + self.epochs)
        if self.steps is not None:
            data.steps_per_epoch = min(data.steps_per_epoch, self.steps)
            if validation is not None:
                validation.steps = min(validation.steps, self.steps)
        self._state = state
        self._fit_loop(model, data, epochs=epochs, state=state, validation=validation, **others)
        self.trained += 1

    def counting(self, train_on_batch):
        """Returns a method that counts a step as a fit of its own."""

        def train(model, *arguments, **keywords):
            found = train_on_batch(model, *arguments, **keywords)
            self.trained += 1
            return found

        return train

    def end(self, *_):
        """Ends the process: well, if there was any training."""
        steps = 0 if self._state is None else self._state.iterations
        print(f"\nended after {self.trained} calls of fit or train_on_batch, {steps} steps", flush=True)
        sys.stderr.flush()
        os._exit(0 if self.trained or steps else 3)


def put_back_what_2018_had():
    """Gives numpy the names that it had, and lets `re.split` pass over empty matches again."""
    for name, kind in (("float", float), ("int", int), ("object", object)):
        setattr(np, name, kind)
    split = re.split
    re.split = lambda pattern, *rest: [one for one in split(pattern, *rest) if one is not None]


def small_network(names, **arguments):
    """Builds convolutions of some names, one after the other."""
    given = arguments.get("input_tensor")
    found = Input((None, None, 3)) if given is None else given
    inputs = get_source_inputs(found)
    for number, name in enumerate(names):
        found = Conv2D(200 if name == "block5_conv1" else 4, 3, padding="same", activation="relu", name=name)(
            found
        )
        if number in (1, 3):
            found = MaxPooling2D()(found)
    return Model(inputs, found)


def stand_in_for_applications():
    """Offers `keras.applications` with small networks that have random weights."""
    blocks = [f"block{block}_conv{layer}" for block in range(1, 6) for layer in (1, 2)]
    mixed = [f"mixed{number}" for number in range(6)]
    folder = sys.modules["keras.applications"] = ModuleType("keras.applications")
    for module, function, names in (
        ("vgg16", "VGG16", blocks),
        ("vgg19", "VGG19", blocks),
        ("inception_v3", "InceptionV3", mixed),
    ):
        made = ModuleType(f"keras.applications.{module}")
        setattr(made, function, lambda names=names, **arguments: small_network(names, **arguments))
        made.preprocess_input = lambda pixels: pixels / 127.5 - 1.0
        setattr(folder, module, made)
        sys.modules[made.__name__] = made


def main(arguments):
    """Runs the script."""
    own, _, passed_on = " ".join(arguments).partition(" -- ")
    parser = argparse.ArgumentParser()
    parser.add_argument("script")
    for name, default in (("--epochs", None), ("--steps", None), ("--fits", None), ("--seconds", 60)):
        parser.add_argument(name, type=int, default=default)
    options = parser.parse_args(own.split())
    os.environ.setdefault("MPLBACKEND", "Agg")
    short = Shortening(options.epochs, options.steps, options.fits)
    fitting.fit_loop = short.fit_loop
    Model.train_on_batch = short.counting(Model.train_on_batch)
    import_module("batchyard.models.utils.get_file").validate_file = lambda *_: True
    put_back_what_2018_had()
    stand_in_for_applications()
    signal.signal(signal.SIGALRM, short.end)
    signal.alarm(options.seconds)
    return run_script([options.script, *passed_on.split()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
