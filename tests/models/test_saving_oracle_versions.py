"""Files that other versions of Keras write now, of random architectures, predict and train on here as there.

Each variable names the Python of an environment with one producer:

    BATCHYARD_KERAS122_PYTHON   keras==1.2.2 on TensorFlow
    BATCHYARD_KERAS224_PYTHON   keras==2.2.4
    BATCHYARD_KERAS231_PYTHON   keras==2.3.1
    BATCHYARD_TF29_PYTHON       tensorflow-cpu==2.9.3
    BATCHYARD_TF215_PYTHON      tensorflow-cpu==2.15.1
    BATCHYARD_TF_KERAS_PYTHON   tf-keras with a current tensorflow-cpu
    BATCHYARD_KERAS3_PYTHON     keras 3 with torch

BATCHYARD_ORACLE_SEEDS sets the seeds of the random models: the first and the last.
"""

import os
import re
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from batchyard.models import load_model
from batchyard.models.layers import BatchNormalization

ORACLE = Path(__file__).parents[1] / "oracle"
SEEDS = os.environ.get("BATCHYARD_ORACLE_SEEDS", "0 5").split()
PRODUCERS = {
    "BATCHYARD_KERAS224_PYTHON": ("keras", {}),
    "BATCHYARD_KERAS231_PYTHON": ("keras", {}),
    "BATCHYARD_TF29_PYTHON": ("tensorflow.keras", {}),
    "BATCHYARD_TF215_PYTHON": ("tensorflow.keras", {}),
    "BATCHYARD_TF_KERAS_PYTHON": ("tf_keras", {"TF_USE_LEGACY_KERAS": "1"}),
    "BATCHYARD_KERAS3_PYTHON": ("keras", {"KERAS_BACKEND": "torch"}),
}
#: Cases in which the producer trains on otherwise than its own formulas say, and why.
OTHER_TRAINING = {
    "activations": "penalties on outputs are means over the rows in later versions",
}
#: Optimizers, by what follows "optimizer_", with which a model is loaded uncompiled.
UNCOMPILED = (
    "of_adafactor",
    "of_adagrad_epsilon",
    "of_adam_ema",
    "of_ftrl",
    "of_lamb",
    "of_lion",
    "of_muon",
    "scheduled",
)
#: What may be told of a file.
EXPECTED = "(?s)penalty on their output|trained on Theano|by tf.keras's Nadam|without being compiled"

pytestmark = pytest.mark.oracle


def write(variable, script, *arguments, environment):
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} is not set")
    done = subprocess.run(
        [python, str(ORACLE / script), *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def several(record, prefix):
    keys = sorted(key for key in record if key.startswith(prefix) and key[len(prefix) :].isdigit())
    found = [record[key] for key in keys]
    return found[0] if len(found) == 1 else found


def normalizes(model):
    return any(
        isinstance(layer, BatchNormalization) or (hasattr(layer, "layers") and normalizes(layer))
        for layer in model.layers
    )


def as_list(value):
    return value if isinstance(value, list) else [value]


def expect_as_recorded(path, trains_on, keras_2=True):
    with np.load(path.parent / f"{path.name.rsplit('.', 1)[0]}.npz") as stored:
        record = dict(stored)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = load_model(path)
    told = [str(one.message) for one in caught]
    assert all(re.search(EXPECTED, one) for one in told), told
    case = path.name.rsplit(".", 1)[0].removeprefix("optimizer_")
    assert model.is_compiled is (case not in UNCOMPILED), told
    # that of tf.keras does not compute by its formulas in its first steps
    trains_on = trains_on and not any("tf.keras's Nadam" in one for one in told)
    x, y = several(record, "x"), several(record, "y")
    predictions, expected = model.predict(x), several(record, "prediction")
    for one, other in zip(
        predictions if isinstance(predictions, list) else [predictions],
        expected if isinstance(expected, list) else [expected],
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5, err_msg=path.name)
    if trains_on and model.is_compiled:
        losses = [np.ravel(model.train_on_batch(x, y))[0] for _ in record["losses"]]
        tolerance = 1e-4 if normalizes(model) else 2e-5
        np.testing.assert_allclose(losses, record["losses"], rtol=tolerance, atol=1e-6, err_msg=path.name)
        later = several(record, "later") if "later0" in record else None
        # Keras 2 on TensorFlow 1 has hidden variables for moving averages, which no file holds; and the
        # gradient of a bias before BatchNormalization is rounding, of which Adam makes whole steps
        comparable = not normalizes(model) or (case == "normalized" and not keras_2)
        if later is not None and comparable:
            found = model.predict(x)
            for one, other in zip(as_list(found), as_list(later), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4, err_msg=path.name)


@pytest.mark.parametrize("variable", PRODUCERS)
def test_files_of_keras_2_and_3_predict_and_train_on_as_there(variable, tmp_path):
    library, environment = PRODUCERS[variable]
    write(variable, "write_later_files.py", library, tmp_path, *SEEDS, environment=environment)
    files = [*tmp_path.glob("*.h5"), *tmp_path.glob("*.keras")]
    whole = [path for path in files if not path.name.endswith(("_weights.h5", ".weights.h5"))]
    assert len(whole) > 20
    for path in sorted(whole):
        case = path.name.rsplit(".", 1)[0]
        # tf.keras leaves the state of its old optimizers out of archives
        stateless = case.startswith("legacy_") and path.suffix == ".keras"
        expect_as_recorded(
            path, trains_on=case not in OTHER_TRAINING and not stateless, keras_2="KERAS2" in variable
        )
        for weights in (tmp_path / f"{case}_weights.h5", tmp_path / f"{case}.weights.h5"):
            if path.suffix == ".h5" and weights.exists():
                model = load_model(path, compile=False)
                wanted = model.get_weights()
                model.set_weights([0 * array for array in wanted])
                model.load_weights(weights)
                assert all(map(np.array_equal, wanted, model.get_weights())), weights.name


@pytest.mark.parametrize("order", ["th", "tf"])
def test_files_of_keras_1_predict_and_train_on_as_there(order, tmp_path):
    environment = {"KERAS_BACKEND": "tensorflow"}
    write("BATCHYARD_KERAS122_PYTHON", "write_keras_1_files.py", tmp_path, order, environment=environment)
    whole = [path for path in tmp_path.glob("*.h5") if not path.name.endswith("_weights.h5")]
    assert len(whole) == 17
    for path in whole:
        expect_as_recorded(path, trains_on=True)
