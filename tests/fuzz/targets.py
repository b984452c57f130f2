"""What a spoiled file is given to, by its kind."""

import io
import random
import warnings

from batchyard.models import load_model, model_from_json, model_from_yaml
from batchyard.models.saving.conversion import load_tensors
from batchyard.models.saving.inspection import inspect_file
from batchyard.models.saving.tensors import read_tensors, set_tensors
from batchyard.models.training.state import unpack
from tests.fuzz import mutations
from tests.fuzz.seeds import layers_in, make_seeds

_HDF5 = [
    mutations.spoil_bytes,
    mutations.spoil_signatures,
    mutations.spoil_pointers,
    mutations.spoil_hdf5,
    mutations.spoil_hdf5,
]
#: Kinds of files by the weight with which they are drawn, with the mutations that suit them.
KINDS = {
    "h5": (6, _HDF5),
    "keras": (
        3,
        [mutations.spoil_bytes, mutations.spoil_signatures, mutations.spoil_archive, mutations.spoil_archive],
    ),
    "weights": (2, _HDF5),
    "weights3": (2, _HDF5),
    "json": (4, [mutations.spoil_json]),
    "yaml": (2, [mutations.spoil_yaml]),
    "safetensors": (1, [mutations.spoil_bytes, mutations.spoil_safetensors]),
    "pt": (1, [mutations.spoil_bytes, mutations.spoil_signatures]),
    "state": (1, [mutations.spoil_bytes]),
}


class Targets:
    """Makes inputs by number, and runs them."""

    def __init__(self, path, seed=0):
        self.path = path
        self.seed = seed
        self.seeds, self.models = make_seeds()
        mutations.GRAFTS[:] = layers_in(self.seeds["json"])

    def make(self, number):
        """Return kind, place among the seeds, and content of an input; the same for the same number."""
        dice = random.Random(f"{self.seed}/{number}")
        kind = dice.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        # the smallest model most often: it takes the least time
        place = min(dice.randrange(len(self.seeds[kind])) for _ in range(2))
        spoil = dice.choice(KINDS[kind][1])
        return kind, place, spoil(dice, self.seeds[kind][place])

    def run(self, kind, place, content):
        """Read an input as a user would; return how many numbers a model has that is made from text alone."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind in ("json", "yaml"):
                if len(content) % 8 == 0:
                    inspect_file(self._written(f"{self.path}.{kind}", content.encode("utf-8", "replace")))
                else:
                    model = {"json": model_from_json, "yaml": model_from_yaml}[kind](content)
                    return sum(weight.numel() for weight in model.weights)
            elif kind == "state":
                unpack(content, self.models[kind][place])
            elif kind in ("safetensors", "pt"):
                path = self._written(f"{self.path}.{kind}", content)
                if len(content) % 4 == 0:
                    inspect_file(path)
                elif kind == "safetensors":
                    load_tensors(path)
                else:
                    model = self.models[kind][place]
                    set_tensors(model, read_tensors(path), path)
            elif kind in ("weights", "weights3"):
                path = self.path + (".weights.h5" if kind == "weights3" else ".h5")
                self.models[kind][place].load_weights(self._written(path, content))
            else:
                path = self._written(f"{self.path}.{kind}", content)
                if len(content) % 4 == 0:
                    inspect_file(path, try_to_load=False)
                if place % 2 or kind == "keras":
                    load_model(path)
                else:
                    load_model(io.BytesIO(content))
        return 0

    @staticmethod
    def _written(path, content):
        with open(path, "wb") as file:
            file.write(content)
        return path
