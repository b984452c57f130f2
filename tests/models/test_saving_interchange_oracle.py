"""Random models of ours open in real Keras 2.2.4, tf.keras 2 and Keras 3, predict and train on as here.

BATCHYARD_KERAS224_PYTHON, BATCHYARD_TF_KERAS_PYTHON and BATCHYARD_KERAS3_PYTHON name the Pythons of
environments with keras==2.2.4, tensorflow 2 (with tf-keras, or 2.15) and Keras 3 on torch.
BATCHYARD_ORACLE_MODELS sets other seeds of the models: the first and the last.
"""

import os
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from batchyard.models import layers
from batchyard.models.saving.for_keras_3.hard_sigmoid import is_folded
from batchyard.models.saving.for_keras_3.weights import inner_layers
from tests.oracle.later_models import SAME, SCALED, frozen_base, later_rmsprop, masked, statistics, trained
from tests.oracle.saving_models import make_model, one_or_list

ORACLE = Path(__file__).parents[1] / "oracle"
#: First and last seed of the random models.
FIRST, LAST = map(int, os.environ.get("BATCHYARD_ORACLE_MODELS", "0 59").split())
SEEDS = range(FIRST, LAST + 1)

pytestmark = pytest.mark.oracle


def run_oracle(variable, script, folder):
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} is not set")
    done = subprocess.run(
        [python, str(ORACLE / script), str(folder)],
        env={
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            **({"KERAS_BACKEND": "torch"} if "3" in script else {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def save_all(folder, extensions, **options):
    """Save the models; return, by file, what ours predict and lose, and the models."""
    expected = {}
    for seed in SEEDS:
        model, x, y = make_model(seed, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            for extension, target in extensions.items():
                save = model.save_weights if extension == "weights.h5" else model.save
                save(folder / f"m{seed}.{extension}", target=target)
        arrays = {f"x{n}": a for n, a in enumerate(x)} | {f"y{n}": a for n, a in enumerate(y)}
        np.savez(folder / f"m{seed}.npz", **arrays)
        predictions = model.predict(one_or_list(x))
        predictions = predictions if isinstance(predictions, list) else [predictions]
        losses = [np.ravel(model.train_on_batch(one_or_list(x), one_or_list(y)))[0] for _ in range(3)]
        expected[f"m{seed}"] = (predictions, losses, model)
    return expected


def compare(expected, folder, extension, trains_on):
    trained = 0
    for name, (predictions, losses, model) in expected.items():
        error = folder / f"{name}.{extension}.error"
        assert not error.exists(), f"{name}: {error.read_text()[-2000:]}"
        with np.load(folder / f"{name}.{extension}.npz") as theirs:
            for place, array in enumerate(predictions):
                np.testing.assert_allclose(
                    array, theirs[f"prediction{place}"], rtol=1e-5, atol=1e-5, err_msg=name
                )
            if trains_on(model):
                trained += 1
                np.testing.assert_allclose(losses, theirs["losses"], rtol=1e-4, atol=1e-5, err_msg=name)
    return trained


def test_keras_3_opens_files_archives_and_weights(tmp_path):
    expected = save_all(tmp_path, {"h5": "keras3", "keras": None, "weights.h5": "keras3"})
    run_oracle("BATCHYARD_KERAS3_PYTHON", "read_with_keras_3.py", tmp_path)

    def trains_on(model):
        """Not where weights were converted, nor with penalties on frozen ones: Keras 3 leaves these out."""
        inner = list(inner_layers(model))
        return not any(
            is_folded(layer)
            or type(layer).__name__.startswith("CuDNN")
            or (not layer.trainable and getattr(layer, "kernel_regularizer", None) is not None)
            for layer in inner
        )

    assert compare(expected, tmp_path, "keras", trains_on) > len(SEEDS) // 3
    compare(expected, tmp_path, "h5", lambda model: False)
    compare(expected, tmp_path, "weights.h5", lambda model: False)


def keeps_its_steps(model):
    """Whether Keras 2.2.4's layout stores what the learning rate's decay depends on."""
    optimizer = model.optimizer
    return not float(getattr(optimizer, "decay", 0)) or optimizer.stores_iterations


def test_tf_keras_opens_files_and_trains_on(tmp_path):
    expected = save_all(tmp_path, {"h5": None}, cudnn=False)
    run_oracle("BATCHYARD_TF_KERAS_PYTHON", "read_with_tf_keras.py", tmp_path)

    def trains_on(model):
        """Not with clipnorm, nor where the steps of an SGD without momentum matter.

        tf.keras clips each gradient by itself. Keras 2.2.4's SGD always stores moments: that of tf.keras
        has none without momentum, so it takes no state (and says so), and decay begins anew.
        """
        config = model.optimizer.get_config()
        forgets = config.get("momentum") == 0 and config["decay"]
        return keeps_its_steps(model) and "clipnorm" not in config and not forgets

    assert compare(expected, tmp_path, "h5", trains_on) > len(SEEDS) // 3


def test_keras_2_2_4_opens_files_and_trains_on(tmp_path):
    expected = save_all(tmp_path, {"h5": None}, cudnn=False)
    run_oracle("BATCHYARD_KERAS224_PYTHON", "read_with_keras_224.py", tmp_path)

    def trains_on(model):
        """Not with BatchNormalization, whose averages Keras on TensorFlow 1.13 starts anew."""
        inner = [type(layer).__name__ for layer in inner_layers(model)]
        return keeps_its_steps(model) and layers.BatchNormalization.__name__ not in inner

    assert compare(expected, tmp_path, "keras", trains_on) > len(SEEDS) // 3


def save_later_models(folder, extension, target):
    """Save the models with what later versions added; return, by their functions, what ours give."""
    expected = {}
    for make in (*SAME, *SCALED, masked, statistics):
        model, x, y = trained(make)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model.save(folder / f"{make.__name__}.{extension}", target=target)
        arrays = {f"x{n}": a for n, a in enumerate(x)} | {f"y{n}": a for n, a in enumerate(y)}
        np.savez(folder / f"{make.__name__}.npz", **arrays)
        prediction = model.predict(one_or_list(x))
        losses = [model.train_on_batch(one_or_list(x), one_or_list(y)) for _ in range(3)]
        expected[make] = (prediction, losses)
    return expected


def compare_later_models(expected, folder, extension, otherwise):
    """Expect equal predictions, and equal training but for some models."""
    for make, (prediction, losses) in expected.items():
        name = make.__name__
        error = folder / f"{name}.{extension}.error"
        assert not error.exists(), f"{name}: {error.read_text()[-2000:]}"
        with np.load(folder / f"{name}.{extension}.npz") as theirs:
            np.testing.assert_allclose(prediction, theirs["prediction0"], rtol=1e-5, atol=1e-6, err_msg=name)
            if make not in otherwise:
                np.testing.assert_allclose(losses, theirs["losses"], rtol=2e-5, err_msg=name)


def test_keras_2_2_4_opens_what_later_versions_added_said_in_its_classes(tmp_path):
    expected = save_later_models(tmp_path, "h5", "keras2")
    run_oracle("BATCHYARD_KERAS224_PYTHON", "read_with_keras_224.py", tmp_path)
    compare_later_models(expected, tmp_path, "keras", (*SCALED, later_rmsprop))


def test_tf_keras_opens_what_later_versions_added_said_in_classes_of_keras_2(tmp_path):
    expected = save_later_models(tmp_path, "h5", "keras2")
    run_oracle("BATCHYARD_TF_KERAS_PYTHON", "read_with_tf_keras.py", tmp_path)
    compare_later_models(expected, tmp_path, "h5", (*SCALED, later_rmsprop))


@pytest.mark.parametrize(("extension", "target"), [("keras", None), ("h5", "keras3")])
def test_keras_3_opens_what_later_versions_added(extension, target, tmp_path):
    expected = save_later_models(tmp_path, extension, target)
    run_oracle("BATCHYARD_KERAS3_PYTHON", "read_with_keras_3.py", tmp_path)
    stateless = (*SAME, *SCALED) if extension == "h5" else ()
    # Keras 3 takes no training=False from a file; weights before Keras 2's hard_sigmoid are scaled
    compare_later_models(expected, tmp_path, extension, (frozen_base, masked, *stateless))
