"""A file is there as a whole or not at all, whatever happens while it is written."""

import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from batchyard.models import Sequential, layers, load_model
from batchyard.models.errors import ModelFileError
from batchyard.models.saving.tensors import read_tensors, write_tensors

WRITERS = {
    "model.h5": lambda model, path: model.save(path),
    "for_3.h5": lambda model, path: model.save(path, target="keras3"),
    "model.keras": lambda model, path: model.save(path),
    "w.weights.h5": lambda model, path: model.save_weights(path, target="keras3"),
    "w.safetensors": write_tensors,
    "w.pt": write_tensors,
}


def make(units=8):
    return Sequential([layers.Dense(units, input_shape=(4,), name="a"), layers.Dense(1, name="b")])


PROGRAM = """
import sys
from batchyard.models import Sequential, layers
model = Sequential([layers.Dense(300_000, input_shape=(4,), name="a"), layers.Dense(1, name="b")])
print("ready", flush=True)
while True:
    model.save(sys.argv[1])
"""


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_kill_9_leaves_a_whole_file(name, tmp_path):
    path = tmp_path / name
    make(300_000).save(path)
    for delay in (0.0, 0.01, 0.03, 0.07):
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        # not to wait for something, but to die at some point of the writing
        deadline = time.monotonic() + delay
        while time.monotonic() < deadline or not _is_writing(tmp_path, name):
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert load_model(path, compile=False).count_params() == 300_000 * 6 + 1
        for left in tmp_path.glob("*.tmp"):  # a name that nobody takes for a model
            left.unlink()


def _is_writing(folder, name):
    return any(entry.startswith(f".{name}.") for entry in os.listdir(folder))


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old_file_and_says_so(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](make(), path)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    large = make(200_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ModelFileError, match="could not be written"):
            WRITERS[name](large, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_equal_models_give_equal_bytes(name, tmp_path):
    model = make()
    WRITERS[name](model, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    WRITERS[name](model, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_tensors_have_keras_names_and_the_same_bits(name, tmp_path):
    model = make()
    write_tensors(model, tmp_path / name)
    tensors = read_tensors(tmp_path / name)
    assert sorted(tensors) == ["a.bias", "a.kernel", "b.bias", "b.kernel"]
    assert np.array_equal(tensors["a.kernel"].numpy(), model.get_weights()[0])
