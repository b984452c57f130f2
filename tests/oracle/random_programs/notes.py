"""What a program has found, by name; and random choices."""

import json

import numpy as np


class Draw:
    """Draws choices and numbers; the same ones for a seed on every version of Python and numpy."""

    def __init__(self, seed):
        self.source = np.random.RandomState(seed)

    def number(self, low, high):
        return int(self.source.randint(low, high + 1))

    def numbers(self, count, low, high):
        return [self.number(low, high) for _ in range(count)]

    def one_of(self, options):
        options = list(options)
        return options[self.number(0, len(options) - 1)]

    def chance(self, probability):
        return float(self.source.uniform()) < probability

    def real(self, low, high):
        return round(float(self.source.uniform(low, high)), 3)

    def some(self, **options):
        """Returns some of the arguments, each drawn from its options."""
        return {name: self.one_of(values) for name, values in sorted(options.items()) if self.chance(0.5)}

    def array(self, *shape, low=-2.0, high=2.0):
        return self.source.uniform(low, high, shape)

    def whole(self, limit, *shape):
        return self.source.randint(0, limit, shape)


class Notes:
    """Arrays and texts by name."""

    def __init__(self):
        self.found = {}

    def numbers(self, name, values):
        for place, value in enumerate(values if isinstance(values, (list, tuple)) else [values]):
            self.found[f"{name}/{place:02d}"] = np.asarray(value)

    def text(self, name, value):
        self.found[name] = np.array([json.dumps(value, sort_keys=True, default=plain)])


def plain(value):
    """Makes of numpy's values what JSON holds."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else repr(value)
