"""Layers that Keras 2.2 lacks: files of them open here, and ours open in Keras 3, with equal numbers.

BATCHYARD_TF215_PYTHON names the Python of an environment with tensorflow-cpu 2.15, BATCHYARD_TF_KERAS_PYTHON
one with a current tensorflow-cpu, tf-keras and Keras 3. BATCHYARD_ORACLE_LAYER_SEED sets another seed of the
layers' arguments.
"""

import os
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from batchyard.models import backend, load_model
from batchyard.models.errors import InvalidArgumentError, NotSerializableError, UnknownNameError

ORACLE = Path(__file__).parents[1] / "oracle"
SEED = os.environ.get("BATCHYARD_ORACLE_LAYER_SEED", "0")
PRODUCERS = {
    "tensorflow.keras": ("BATCHYARD_TF215_PYTHON", {}),
    "tf_keras": ("BATCHYARD_TF_KERAS_PYTHON", {"TF_USE_LEGACY_KERAS": "1"}),
    "keras": ("BATCHYARD_TF_KERAS_PYTHON", {"KERAS_BACKEND": "tensorflow"}),
}
#: Cases that are refused, with what the message says.
REFUSED = {
    "augmentation_autocontrast": "AutoContrast.*before the model",
    "augmentation_contrastlimitedadaptivehistogramequalization": "Histogram.*before the model",
    "bidirectional_of_two": "backward_layer",
    "discretization_adapted": "bin_boundaries",
    "gated_activation": "'glu'",
    "hashed_crossing": "HashedCrossing",
    "hashing": "Hashing",
    "integer_lookup_adapted": "vocabulary",
    "layer_normalization_rms": "rms_scaling",
    "lstm_time_major": "time_major.*Permute",
    "mel_spectrogram": "MelSpectrogram.*before the model",
    "pipeline": "Pipeline.*one behind the other",
    "radial_constraint": "RadialConstraint",
    "reversible_embedding": "ReversibleEmbedding",
    "stft_spectrogram": "STFTSpectrogram.*before the model",
    "string_lookup": "StringLookup.*strings",
    "text_vectorization": "TextVectorization.*strings",
}
#: Of these, those that are refused only where a file does not say what was adapted: the files that say it.
SAYS_WHAT_WAS_ADAPTED = (
    ("keras", "discretization_adapted.h5"),
    ("keras", "discretization_adapted.keras"),
    ("keras", "integer_lookup_adapted.keras"),
)
#: Cases whose loss has another gradient where inputs are equal, or which don't train here.
NOT_TRAINED = ("spectral_normalization",)
#: Layers of tf.keras that Keras 3 lacks, or that compute otherwise there.
NOT_IN_KERAS_3 = {
    "augmentation_randomcrop": "RandomCrop",
    "augmentation_randomheight": "RandomHeight",
    "augmentation_randomwidth": "RandomWidth",
    "up_sampling_gaussian": "interpolation=",
}
#: Cases of which Keras 3 cannot read what it writes itself.
NOT_READ_BY_KERAS_3 = ("augmentation_randomshear",)

pytestmark = pytest.mark.oracle


def run(variable, script, *arguments, environment):
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} is not set")
    done = subprocess.run(
        [python, str(ORACLE / script), *map(str, arguments)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def several(record, prefix):
    keys = sorted(key for key in record if key.startswith(prefix) and key[len(prefix) :].isdigit())
    return [record[key] for key in keys]


def one_or_list(values):
    return values[0] if len(values) == 1 else values


def expect_close(ours, theirs, name):
    ours = ours if isinstance(ours, list) else [ours]
    assert len(ours) == len(theirs), name
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5, err_msg=name)


def load(path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*(no training configuration|penalty on their output)")
        return load_model(path)


def expect_as_recorded(path, record):
    """Compare predictions, losses of training steps, and what is changed in training."""
    model = load(path)
    x = several(record, "x")
    expect_close(model.predict(one_or_list(x)), several(record, "prediction"), path.name)
    if "changed" in record:
        with backend.learning_phase_scope(True):
            expect_close(model(torch.from_numpy(x[0])).detach().numpy(), [record["changed"]], path.name)
    if "losses" in record and path.stem not in NOT_TRAINED:
        y = one_or_list(several(record, "y"))
        losses = [np.ravel(model.train_on_batch(one_or_list(x), y))[0] for _ in record["losses"]]
        np.testing.assert_allclose(losses, record["losses"], rtol=1e-4, atol=1e-6, err_msg=path.name)


def save_for_keras_3(path, record, folder):
    model = load(path)
    np.savez(
        folder / f"{path.stem}.npz", **{key: item for key, item in record.items() if key.startswith("x")}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.save(folder / f"{path.stem}.keras", include_optimizer=False)
        model.save(folder / f"{path.stem}.h5", target="keras3", include_optimizer=False)


@pytest.mark.parametrize("library", PRODUCERS)
def test_later_layers_compute_what_their_writer_does_and_open_in_keras_3(library, tmp_path):
    variable, environment = PRODUCERS[library]
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    ours.mkdir()
    run(variable, "write_later_layers.py", library, theirs, SEED, environment=environment)
    compared = []
    for path in sorted([*theirs.glob("*.h5"), *theirs.glob("*.keras")]):
        if not path.with_suffix(".npz").exists():  # the writer failed behind the file: see its .error
            continue
        with np.load(path.with_suffix(".npz")) as stored:
            record = dict(stored)
        if path.stem in REFUSED and (library, path.name) not in SAYS_WHAT_WAS_ADAPTED:
            with pytest.raises((InvalidArgumentError, UnknownNameError), match=REFUSED[path.stem]):
                load(path)
            continue
        expect_as_recorded(path, record)
        compared.append(path.stem)
        if path.suffix == ".keras" and path.stem not in (*NOT_IN_KERAS_3, *NOT_READ_BY_KERAS_3):
            save_for_keras_3(path, record, ours)
        elif path.suffix == ".keras" and path.stem in NOT_IN_KERAS_3 and library != "keras":
            with pytest.raises(NotSerializableError, match=NOT_IN_KERAS_3[path.stem]):
                save_for_keras_3(path, record, ours)
    assert len(set(compared)) > 70
    environment = PRODUCERS["keras"][1]
    run("BATCHYARD_TF_KERAS_PYTHON", "predict_with_keras_3.py", ours, environment=environment)
    errors = {path.name: path.read_text()[-600:] for path in ours.glob("*.error")}
    assert not errors
    for path in sorted([*ours.glob("*.h5"), *ours.glob("*.keras")]):
        with np.load(theirs / f"{path.stem}.npz") as stored:
            record = dict(stored)
        with np.load(f"{path}.npz") as found:
            expect_close(several(dict(found), "prediction"), several(record, "prediction"), path.name)
