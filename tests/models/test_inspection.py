"""What `inspect` tells of folders, of files of tensors, and of names, without loading anything."""

from pathlib import Path

import numpy as np
import pytest
import torch

from batchyard.models import Sequential, layers, load_model
from batchyard.models.errors import BatchyardModelsError, ModelFileError
from batchyard.models.saving.conversion import convert_file
from batchyard.models.saving.custom_objects import CustomObjectScope
from batchyard.models.saving.inspection import inspect_file

DATA = Path(__file__).parent / "data"


class Doubled(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def small():
    return Sequential([layers.Dense(3, input_shape=(2,), name="a"), layers.Dense(1, name="b")])


def test_a_folder_is_said_to_be_one_with_the_models_in_it(tmp_path):
    for name in ("b.keras", "a.h5", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    for read in (inspect_file, load_model, lambda path: convert_file(path, tmp_path / "new.h5")):
        with pytest.raises(
            ModelFileError, match=r"found a folder.*Name one of the files in it: a.h5, b.keras\."
        ):
            read(str(tmp_path))
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ModelFileError, match="SavedModel"):
        inspect_file(tmp_path)
    (tmp_path / "empty.h5").mkdir()
    with pytest.raises(ModelFileError, match="holds no file of a model"):
        inspect_file(tmp_path / "empty.h5")


@pytest.mark.parametrize(
    "name",
    [
        "keras_3_convolutional.h5",
        "other_versions/keras_3_operations.keras",
        "other_versions/tf_keras_losses_as_objects.keras",
    ],
)
def test_names_that_the_library_reads_are_not_needed_without_loading_either(name):
    assert inspect_file(DATA / name, try_to_load=False).custom == []


def test_registered_custom_objects_are_not_needed(tmp_path):
    Sequential([Doubled(input_shape=(2,))]).save(tmp_path / "m.h5")
    assert inspect_file(tmp_path / "m.h5", try_to_load=False).custom == ["Doubled"]
    with CustomObjectScope({"Doubled": Doubled}):
        assert inspect_file(tmp_path / "m.h5", try_to_load=False).custom == []


def test_safetensors_are_told_as_the_model_and_the_tensors_they_hold(tmp_path):
    model = small()
    model.save(tmp_path / "m.h5")
    convert_file(tmp_path / "m.h5", tmp_path / "m.safetensors")
    report = inspect_file(tmp_path / "m.safetensors")
    assert (report.kind, report.problem, report.parameters) == ("model", "", 13)
    assert [(one.name, one.class_name, one.output_shape) for one in report.layers] == [
        ("a", "Dense", (None, 3)),
        ("b", "Dense", (None, 1)),
    ]
    told = {array.name: (array.shape, array.dtype) for array in report.arrays}
    assert told["a.kernel"] == ((2, 3), "float32")
    assert len(told) == 4


def test_the_head_of_safetensors_from_elsewhere_is_told(tmp_path):
    from safetensors.torch import save_file

    tensors = {"x": torch.zeros(2, 3, dtype=torch.bfloat16), "n": torch.zeros((), dtype=torch.int64)}
    save_file(tensors, tmp_path / "o.safetensors", {"format": "pt", "author": "somebody"})
    report = inspect_file(tmp_path / "o.safetensors")
    assert (report.kind, report.layers, report.parameters) == ("weights", [], 7)
    assert {(array.name, array.shape, array.dtype) for array in report.arrays} == {
        ("x", (2, 3), "bfloat16"),
        ("n", (), "int64"),
    }
    assert report.metadata == {"author": "somebody", "format": "pt"}


def test_a_safetensors_file_whose_model_is_another_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    small().save(tmp_path / "m.h5")
    convert_file(tmp_path / "m.h5", tmp_path / "m.safetensors")
    from safetensors import safe_open

    with safe_open(tmp_path / "m.safetensors", "pt") as file:
        metadata = file.metadata()
    tensors = load_file(tmp_path / "m.safetensors")
    save_file({**tensors, "a.kernel": torch.zeros(1, 3)}, tmp_path / "m.safetensors", metadata)
    assert "asks for a weight" in inspect_file(tmp_path / "m.safetensors").problem
    save_file({**tensors, "more": torch.zeros(1)}, tmp_path / "m.safetensors", metadata)
    assert "they have, and it has not: more" in inspect_file(tmp_path / "m.safetensors").problem


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, 3).to_sparse(),
        lambda: torch.zeros(2, 3, device="meta"),
        lambda: torch.zeros(2, 3, dtype=torch.complex64),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path, make):
    model = small()
    model.save(tmp_path / "m.h5")
    convert_file(tmp_path / "m.h5", tmp_path / "w.pt")
    torch.save({**torch.load(tmp_path / "w.pt"), "a.kernel": make()}, tmp_path / "w.pt")
    with pytest.raises(BatchyardModelsError) as caught:
        convert_file(tmp_path / "w.pt", tmp_path / "new.h5", model=tmp_path / "m.h5")
    assert isinstance(caught.value, ValueError)
    assert not (tmp_path / "new.h5").exists()


def test_names_in_capitals_are_the_same_formats(tmp_path):
    model = small()
    model.save(tmp_path / "m.h5")
    convert_file(tmp_path / "m.h5", tmp_path / "M.SAFETENSORS")
    convert_file(tmp_path / "M.SAFETENSORS", tmp_path / "N.PT")
    (tmp_path / "M.JSON").write_text(model.to_json())
    convert_file(tmp_path / "N.PT", tmp_path / "new.h5", model=tmp_path / "M.JSON")
    for one, other in zip(
        model.get_weights(), load_model(tmp_path / "new.h5", compile=False).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert inspect_file(tmp_path / "M.SAFETENSORS").kind == "model"
