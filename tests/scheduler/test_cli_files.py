"""`batchyard inspect` and `batchyard convert`: what they print, and with which exit code they leave."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from batchyard.models import Sequential, layers, load_model
from batchyard.scheduler.cli import files, main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command line in this process, in a folder with a model."""
    monkeypatch.chdir(tmp_path)
    model = Sequential([layers.Dense(3, input_shape=(2,), name="first"), layers.Dense(1, name="last")])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 1)))
    model.save("model.h5")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["batchyard", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


def test_inspect_tells_what_is_in_a_model(run: Run) -> None:
    code, out, _ = run("inspect", "model.h5")
    assert code == 0
    for text in ("Keras 2 (2.2.4)", "first", "(?, 3)", "13 in 4 arrays", "Adam(", "It can be loaded"):
        assert text in out, text


def test_inspect_gives_the_same_as_json(run: Run) -> None:
    code, out, _ = run("inspect", "model.h5", "--json")
    told = json.loads(out)
    assert code == 0
    assert [layer["name"] for layer in told["layers"]] == ["first", "last"]
    assert told["parameters"] == 13
    assert told["optimizer"]["class_name"] == "Adam"
    assert len(told["optimizer_state"]) == 13
    assert (told["kind"], told["problem"], told["custom"]) == ("model", "", [])


def test_inspect_tells_what_is_needed_and_what_is_refused(run: Run) -> None:
    with h5py.File("model.h5", "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["class_name"] = "Swish"
        file.attrs["model_config"] = json.dumps(config)
    code, out, _ = run("inspect", "model.h5")
    assert code == 2
    assert "custom_objects: Swish" in out
    assert "refused:" in out


def test_a_file_that_is_no_model_is_bad_input(run: Run) -> None:
    Path("notes.txt").write_text("hello")
    for arguments in (("inspect", "notes.txt"), ("inspect", "none.h5"), ("convert", "none.h5", "x.keras")):
        code, _, err = run(*arguments)
        assert code == 2
        assert err.startswith("error:")


def test_convert_writes_what_the_name_says(run: Run) -> None:
    expected = load_model("model.h5", compile=False).get_weights()
    for name in ("m.keras", "m.safetensors", "again.h5", "m.json", "m.weights.h5", "m.pt"):
        code, out, err = run("convert", "model.h5", name)
        assert (code, name in out) == (0, True), err
    code, _, err = run("convert", "m.pt", "from_torch.h5", "--model", "m.json")
    assert code == 0, err
    run("convert", "m.safetensors", "from_safetensors.keras")
    for name in ("m.keras", "again.h5", "from_torch.h5", "from_safetensors.keras"):
        found = load_model(name, compile=False).get_weights()
        assert [one.tobytes() for one in found] == [one.tobytes() for one in expected]


def test_convert_says_what_is_missing(run: Run) -> None:
    for arguments, message in {
        ("convert", "model.h5", "model.h5"): "give --overwrite",
        ("convert", "model.h5", "model.onnx"): "--to h5|keras3-h5",
        ("convert", "model.h5", "x.h5", "--to", "keras"): r"ends with .keras",
    }.items():
        code, _, err = run(*arguments)
        assert code == 2
        assert message in err
    run("convert", "model.h5", "weights.h5", "--to", "weights")
    code, _, err = run("convert", "weights.h5", "new.h5")
    assert code == 2
    assert "--model PATH" in err


def test_a_crash_of_the_hdf5_library_is_told_as_the_files_fault(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    real = files.subprocess.run
    monkeypatch.setattr(
        files.subprocess, "run", lambda command, **kwargs: real([command[0], "-c", crash], **kwargs)
    )
    code, _, err = run("inspect", "model.h5")
    assert code == 2
    assert "crashed on it (SIGSEGV)" in err
