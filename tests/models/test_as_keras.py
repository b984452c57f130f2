"""Scripts of Keras's time run unchanged; each in a process of its own: the alias holds for all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import batchyard.models
from batchyard.models.compat.keras_1 import Spelling, translating

DATA = Path(__file__).parent / "data"
ROOT = Path(batchyard.models.__file__).parents[2]


def python(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=300
    )


def test_an_unchanged_script_runs_from_the_command_line():
    done = python("-m", "batchyard.models", str(DATA / "keras_script.py"), "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")


#: Makes the convolutions, whose constructors call one another's.
CONVOLUTIONS = """
import batchyard.models as m; m.as_keras()
from keras import layers
families = ("Conv", "SeparableConv", "LocallyConnected", "UpSampling")
kinds = [f"{one}{n}D" for one in families for n in (1, 2)]
for name in [*kinds, "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv2D", "ConvLSTM2D"]:
    sizes = [] if name.startswith("Up") else [2] if name.startswith("Depth") else [2, 3]
    print(getattr(layers, name)(*sizes, name="made").name)
"""


def test_all_convolutions_can_be_made_under_the_alias():
    done = python("-c", CONVOLUTIONS)
    assert done.stdout.split() == ["made"] * 13, done.stderr


def test_the_alias_may_be_asked_for_twice_and_refuses_to_hide_another_keras():
    done = python(
        "-c",
        "import batchyard.models as m; m.as_keras(); m.as_keras(); from keras.layers import *; print(Dense)\n"
        "import keras; print(keras.utils.np_utils.to_categorical, keras.backend.common.floatx())",
    )
    assert "batchyard.models.layers.core.dense.Dense" in done.stdout, done.stderr
    assert "to_categorical" in done.stdout
    done = python(
        "-c",
        "import sys, types; sys.modules['keras'] = types.ModuleType('keras')\n"
        "import batchyard.models as m; m.as_keras()",
    )
    assert "Another keras was imported before" in done.stderr


def test_without_a_script_the_usage_is_shown():
    done = python("-m", "batchyard.models")
    assert done.returncode == 2
    assert "usage:" in done.stdout


def test_nothing_outside_the_corner_knows_of_it():
    root = Path(batchyard.models.__file__).parent
    knows = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "batchyard.models.compat" in path.read_text() and path.parent.name != "compat"
    ]
    assert sorted(knows) == ["__init__.py", "__main__.py"]


def test_an_old_name_beside_the_new_one_is_refused():
    class Thing:
        def __init__(self, size=1):
            self.size = size

        resize = translating(Spelling({"length": "size"}), "resize")(__init__)

    thing = Thing()
    with pytest.warns(UserWarning, match=r"Update your `resize` call to the Keras 2 API: `resize\(size=5\)`"):
        thing.resize(length=5)
    assert thing.size == 5
    with pytest.raises(TypeError, match="Keras 1's name"):
        thing.resize(length=5, size=4)


def test_who_seeds_numpy_fixes_weights_and_training():
    done = python(
        "-c",
        "import batchyard.models as m; m.as_keras()\n"
        "import numpy as np\n"
        "from keras.models import Sequential\n"
        "from keras.layers import Dense, Dropout\n"
        "def trained(seed):\n"
        "    np.random.seed(seed)\n"
        "    x = np.random.rand(20, 3)\n"
        "    model = Sequential([Dense(4, input_shape=(3,)), Dropout(0.5), Dense(1)])\n"
        "    model.compile('sgd', 'mse')\n"
        "    model.fit(x, x[:, :1], batch_size=4, epochs=2, verbose=0)\n"
        "    return np.concatenate([w.ravel() for w in model.get_weights()])\n"
        "assert (trained(7) == trained(7)).all()\n"
        "assert (trained(7) != trained(8)).any()\n"
        "np.random.seed(5); a = np.random.rand(); assert a == np.random.RandomState(5).rand()\n"
        "np.random.seed(); assert np.random.rand() != a",
    )
    assert done.returncode == 0, done.stderr
