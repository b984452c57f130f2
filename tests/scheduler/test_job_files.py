"""Job files: what is read, what is refused, and in which words."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from batchyard.scheduler.errors import JobFileError, UnknownJob
from batchyard.scheduler.jobs import JobSpec, check_spec, load_job_file, new_record

MODEL = {
    "class_name": "Sequential",
    "config": [{"class_name": "Dense", "config": {"units": 2, "batch_input_shape": [None, 3]}}],
}
GOOD = """\
kind: fit
model: model.json
compile: {optimizer: adam, loss: mse}
data: {file: data.h5, x: x, y: y}
epochs: 3
batch_size: 8
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a job file into a folder that holds data and models."""
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.zeros((20, 3), "float32")
        file["y"] = np.zeros((20, 2), "float32")
        file["short"] = np.zeros((19, 2), "float32")
        file["wide"] = np.zeros((20, 5), "float32")
        file["single"] = 1.0
        file["empty"] = np.zeros((0, 2))
        file["words"] = [b"a"] * 20
        file["group/inner"] = np.zeros((20, 2))
        file["outside"] = h5py.ExternalLink("elsewhere.h5", "/x")
        file["soft"] = h5py.SoftLink("/x")
    (tmp_path / "model.json").write_text(json.dumps(MODEL))
    np.save(tmp_path / "x.npy", np.zeros((10, 3)))
    np.save(tmp_path / "y.npy", np.zeros((10, 2)))
    np.savez(tmp_path / "both.npz", x=np.zeros((10, 3)), y=np.zeros((9, 2)))

    def run(text: str) -> Path:
        path = tmp_path / "job.yaml"
        path.write_text(textwrap.dedent(text))
        return path

    return run


def problems(path: Path) -> list[str]:
    """Return what is wrong with a job file, with the folder taken out of the messages."""
    with pytest.raises(JobFileError) as caught:
        load_job_file(path)
    return [line.replace(f"{path.parent}/", "") for line in caught.value.problems]


def test_a_good_file_is_resolved(write: Write, tmp_path: Path) -> None:
    (spec,) = load_job_file(write(GOOD + "validation: {split: 0.1}\n"))
    assert spec.name == "job"
    assert spec.model == str(tmp_path / "model.json")
    assert spec.data.file == str(tmp_path / "data.h5")
    assert spec.output == str(tmp_path / "runs")
    assert spec.code_directory == str(tmp_path)
    assert (spec.samples, spec.validation_samples, spec.training_samples) == (20, 2, 18)
    assert (spec.lanes, spec.workers.min, spec.workers.max) == (4, 1, 4)
    assert spec.monitor == "val_loss"
    assert not spec.needs_code


def test_the_stored_form_reads_back_equal(write: Write) -> None:
    (spec,) = load_job_file(
        write(GOOD + "class_weight: {0: 1.5, 1: 2.0}\ncallbacks: [{EarlyStopping: {monitor: loss}}]\n")
    )
    assert JobSpec.model_validate(json.loads(json.dumps(spec.stored()))) == spec
    assert check_spec(spec) == spec


def test_three_ways_to_write_a_callback_mean_the_same(write: Write) -> None:
    (spec,) = load_job_file(
        write(GOOD + "callbacks: [TerminateOnNaN, {TerminateOnNaN: {}}, {TerminateOnNaN: }]\n")
    )
    assert [(c.class_name, c.config) for c in spec.callbacks] == [("TerminateOnNaN", {})] * 3


def test_a_number_in_exponent_form_is_a_number(write: Write) -> None:
    (spec,) = load_job_file(write(GOOD.replace("adam", "{class_name: Adam, config: {lr: 1e-3}}")))
    assert spec.compile is not None
    assert spec.compile.optimizer.config == {"lr": 0.001}  # type: ignore[union-attr]


def test_lanes_follow_a_small_batch_size(write: Write) -> None:
    (spec,) = load_job_file(write(GOOD.replace("batch_size: 8", "batch_size: 2")))
    assert (spec.lanes, spec.workers.max) == (1, 1)


def test_arrays_in_npz_and_npy_files_are_counted(write: Write) -> None:
    (spec,) = load_job_file(write(GOOD.replace("{file: data.h5, x: x, y: y}", "{x: x.npy, y: y.npy}")))
    assert spec.samples == 10


def test_a_stored_predict_job_can_be_submitted_again(write: Write, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(MODEL)
    (spec,) = load_job_file(write("{kind: predict, model: model.h5, data: {file: data.h5, x: x}}"))
    assert check_spec(JobSpec.model_validate(spec.stored())) == spec


def test_a_predict_job_knows_its_batches(write: Write, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(MODEL)
    (spec,) = load_job_file(
        write("{kind: predict, model: model.h5, data: {file: data.h5, x: x}, batch_size: 8}")
    )
    assert (spec.batches, spec.workers.max) == (3, 8)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("epoch: 3", "job.yaml:7: epoch: unknown key; did you mean 'epochs'?"),
        ("samples: 3", "job.yaml:7: samples: unknown key; "),
        ("workers: {mni: 1}", "job.yaml:7: workers.mni: unknown key; did you mean 'min'?"),
        (
            "workers: {min: 3, max: 2}",
            "job.yaml:7: workers.min: is more than workers.max (values 3 and 2); lower it",
        ),
        (
            "workers: 8",
            "job.yaml:7: workers.max: is more than lanes (values 8 and 4); each worker needs a lane",
        ),
        ("lanes: 3", "job.yaml:7: lanes: is no power of two (value 3); use 2 or 4"),
        (
            "lanes: 16",
            "job.yaml:7: lanes: batch_size is smaller than lanes (values 8 and 16); each lane needs a row",
        ),
        ("seed: one", "job.yaml:7: seed: must be a whole number (value 'one')"),
        ("shuffle: often", "job.yaml:7: shuffle: "),
        (
            "shuffle: 5",
            "job.yaml:7: shuffle: is not one of the choices (value 5); use True, False or 'batch'",
        ),
        ("loss: mse", "job.yaml:7: loss: unknown key; "),
        ("priority: 2000", "job.yaml:7: priority: is too large (value 2000); use at most 1000"),
        ("mixed_fingerprints: no", "job.yaml:7: mixed_fingerprints: is not one of the choices (value False)"),
        ("name: my job", "job.yaml:7: name: is no name (value 'my job'); use letters, digits, - and _ only"),
        ("join: copy", "job.yaml:7: join: has no meaning for a fit job; remove it"),
        ("validation: {}", "job.yaml:7: validation: names no rows; give split: 0.1, or file, x and y"),
        (
            "validation: {split: 1.5}",
            "job.yaml:7: validation.split: is too large (value 1.5); use less than 1.0",
        ),
        (
            "validation: {split: 0.99}",
            "job.yaml:7: validation.split: leaves 0 of 20 rows to train on and 20 to",
        ),
        (
            "validation: {split: 0.1, file: data.h5}",
            "job.yaml:7: validation.split: cannot stand beside a source",
        ),
        ("validation: {file: data.h5, x: x}", "job.yaml:7: validation.y: is missing"),
        ("class_weight: {one: 1.0}", "job.yaml:7: class_weight: has a key of the wrong type (value 'one')"),
        (
            "callbacks: EarlyStopping",
            "job.yaml:7: callbacks: must be a list (value 'EarlyStopping'); write - before",
        ),
        (
            "callbacks: [{EarlyStopping: 5}]",
            "job.yaml:7: callbacks[0].config: must hold keys with values (value 5)",
        ),
        ("callbacks: ['mod:']", "job.yaml:7: callbacks[0]: is neither a callback's name nor a module:Class"),
        ("checkpoint: {keep: 0}", "job.yaml:7: checkpoint.keep: is too small (value 0); use at least 1"),
        ("timeouts: {peer: -1}", "job.yaml:7: timeouts.peer: is too small (value -1); use more than 0"),
        (
            "callbacks: [{EarlyStopping: {patience: 5}}]",
            "job.yaml:7: callbacks[0].EarlyStopping.monitor: needs validation (value 'val_loss'); ",
        ),
        (
            "checkpoint: {monitor: val_acc}",
            "job.yaml:7: checkpoint.monitor: needs validation (value 'val_acc')",
        ),
        ("after: [job]", "job.yaml:7: after[0]: job 'job' waits for itself"),
    ],
)
def test_a_wrong_key_is_named_with_line_value_and_remedy(write: Write, change: str, expected: str) -> None:
    (problem,) = problems(write(GOOD + change + "\n"))
    assert problem.startswith(expected), problem


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            "{file: gone.h5, x: x, y: y}",
            "job.yaml:4: data.file: there is no such file (value 'gone.h5'); check",
        ),
        (
            "{file: dta.h5, x: x, y: y}",
            "job.yaml:4: data.file: there is no such file (value 'dta.h5'); did you mean",
        ),
        (
            "{file: no/a.h5, x: x, y: y}",
            "job.yaml:4: data.file: there is no such file (value 'no/a.h5'); there is no",
        ),
        ("{file: data.h5, x: xx, y: y}", "job.yaml:4: data.x: data.h5 has no dataset 'xx'; "),
        ("{file: data.h5, x: x, y: labels}", "job.yaml:4: data.y: data.h5 has no dataset 'labels'; known: "),
        (
            "{file: data.h5, x: x, y: shrt}",
            "job.yaml:4: data.y: data.h5 has no dataset 'shrt'; did you mean 'short'?",
        ),
        (
            "{file: data.h5, x: x, y: short}",
            "job.yaml:4: data.y: has 19 rows, and x has 20; each row of x needs",
        ),
        (
            "{file: data.h5, x: wide, y: y}",
            "job.yaml:4: data.x: has rows of shape (5,), and the model takes (3,)",
        ),
        (
            "{file: data.h5, x: x, y: single}",
            "job.yaml:4: data.y: single is a single value, not rows; give an array",
        ),
        (
            "{file: data.h5, x: empty, y: y}",
            "job.yaml:4: data.x: empty has no rows (shape (0, 2)); give at least one",
        ),
        ("{file: data.h5, x: x, y: words}", "job.yaml:4: data.y: words holds object values; store numbers"),
        (
            "{file: data.h5, x: x, y: group}",
            "job.yaml:4: data.y: group is a group, not a dataset; name what it holds:",
        ),
        (
            "{file: data.h5, x: outside, y: y}",
            "job.yaml:4: data.x: outside is a link into another file (elsewhere.h5)",
        ),
        ("{file: data.h5, x: soft, y: y}", "job.yaml:4: data.x: soft is a link (/x), which is not followed"),
        ("{file: data.h5, x: x}", "job.yaml:4: data.y: is missing; fit and evaluate compare with targets"),
        (
            "{file: data.h5, y: y}",
            "job.yaml:4: data.x: is missing; name the dataset of the inputs (the file has ",
        ),
        ("{y: y.npy}", "job.yaml:4: data.x: is missing; give file and x, an .npy file, or sequence"),
        (
            "{x: data.h5, y: y.npy}",
            "job.yaml:4: data.x: is no .npy file (value 'data.h5'); for a dataset in a file",
        ),
        ("{file: both.npz, x: x, y: y}", "job.yaml:4: data.y: has 9 rows, and x has 10"),
        (
            "{file: model.json, x: x, y: y}",
            "job.yaml:4: data.file: model.json has the suffix .json; use HDF5",
        ),
        ("{file: ., x: x, y: y}", "job.yaml:4: data.file: is a folder"),
        ("{sequence: mod}", "job.yaml:4: data.sequence: is no module:factory (value 'mod'); for example"),
        ("{sequence: 'm:f', x: x}", "job.yaml:4: data.x: cannot stand beside sequence"),
        (
            "{file: data.h5, x: x, y: y, batches: 3}",
            "job.yaml:4: data.batches: is for a sequence only; remove it",
        ),
    ],
)
def test_wrong_data_are_named_with_file_and_remedy(write: Write, data: str, expected: str) -> None:
    found = problems(write(GOOD.replace("{file: data.h5, x: x, y: y}", data)))
    assert len(found) == 1
    assert found[0].startswith(expected), found[0]


def test_a_truncated_hdf5_file_is_refused(write: Write, tmp_path: Path) -> None:
    whole = (tmp_path / "data.h5").read_bytes()
    (tmp_path / "data.h5").write_bytes(whole[: len(whole) // 2])
    assert problems(write(GOOD)) == [
        "job.yaml:4: data.file: data.h5 is truncated: it ends before its data do; copy or write it again"
    ]


def test_a_truncated_npy_file_is_refused(write: Write, tmp_path: Path) -> None:
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-8])
    (problem,) = problems(write(GOOD.replace("{file: data.h5, x: x, y: y}", "{x: x.npy, y: y.npy}")))
    assert "x.npy is truncated: 360 bytes, where 368 were expected" in problem


def test_a_file_that_is_no_hdf5_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "data.h5").write_text("x,y\n1,2\n")
    assert problems(write(GOOD)) == [
        "job.yaml:4: data.file: data.h5 is no HDF5 file; check what wrote it, or give its real format"
    ]


def test_an_array_of_objects_is_refused(write: Write, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}, {}]), allow_pickle=True)
    (problem,) = problems(write(GOOD.replace("{file: data.h5, x: x, y: y}", "{x: x.npy, y: y.npy}")))
    assert "holds Python objects; store numbers" in problem


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("model.json", "{", "model.json is no JSON: "),
        (
            "model.json",
            "{}",
            "model.json is no model configuration: it has no class_name and config at its top",
        ),
        ("model.yaml", "a: [", "model.yaml is no YAML in line 1: "),
        ("model.h5", "text", "model.h5 is no HDF5 file; save the model with model.save(path)"),
        ("model.txt", "text", "model.txt has the suffix '.txt'; give .h5 (model.save), .json or .yaml"),
    ],
)
def test_a_model_file_that_is_no_model_is_refused(
    write: Write, tmp_path: Path, name: str, content: str, expected: str
) -> None:
    (tmp_path / name).write_text(content)
    (problem,) = problems(write(GOOD.replace("model.json", name)))
    assert problem.startswith(f"job.yaml:2: model: {expected}"), problem


def test_a_missing_model_gets_a_name_like_it(write: Write) -> None:
    assert problems(write(GOOD.replace("model.json", "mode.json"))) == [
        "job.yaml:2: model: mode.json does not exist; did you mean 'model.json'?"
    ]


def test_a_weights_file_is_no_model(write: Write, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = ["a"]
    (problem,) = problems(write(GOOD.replace("model.json", "w.h5")))
    assert problem == "job.yaml:2: model: w.h5 holds weights only; save the whole model with model.save(path)"


def test_fit_needs_compile_unless_the_model_was_saved_compiled(write: Write, tmp_path: Path) -> None:
    bare = GOOD.replace("compile: {optimizer: adam, loss: mse}\n", "")
    assert problems(write(bare)) == [
        "job.yaml:1: compile: is missing; a fit job needs it, as a configuration holds no optimizer and loss"
    ]
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(MODEL)
    (problem,) = problems(write(bare.replace("model.json", "model.h5")))
    assert "model.h5 was saved uncompiled" in problem
    with h5py.File(tmp_path / "model.h5", "a") as file:
        file.attrs["training_config"] = "{}"
    assert load_job_file(write(bare.replace("model.json", "model.h5")))


def test_predicting_with_untrained_weights_is_refused(write: Write) -> None:
    (problem,) = problems(write("{kind: predict, model: model.json, data: {file: data.h5, x: x}}"))
    assert "model.json is a configuration without weights; to predict give a .h5 file" in problem


def test_all_problems_are_told_at_once_in_the_order_of_the_file(write: Write) -> None:
    found = problems(
        write(
            """\
            kind: fit
            model: modle.json
            compile: {optimizer: adam}
            data: {file: data.h5, x: x, y: nope}
            epochs: many
            lanes: 5
            colour: red
            """
        )
    )
    assert [line.split(": ")[1] for line in found] == [
        "model",
        "compile.loss",
        "data.y",
        "epochs",
        "lanes",
        "colour",
    ]


def test_what_must_be_there_is_asked_for(write: Write) -> None:
    assert problems(write("epochs: 3")) == [
        "job.yaml:1: kind: is missing; use fit, evaluate or predict",
        "job.yaml:1: model: is missing; give a .h5, .json or .yaml file, a module:factory, or {job: NAME}",
        "job.yaml:1: data: is missing; for example {file: data.h5, x: x, y: y}",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "job.yaml: is empty; give at least kind, model and data"),
        ("just words", "job.yaml:1: a job must hold keys with values (value 'just words')"),
        ("a: 1\na: 2", "job.yaml:2: a: stands twice, first in line 1; remove one"),
        ("a: [1, 2", "job.yaml:1: is no YAML: "),
        ("a: b: c", "job.yaml:1: is no YAML: mapping values are not allowed here"),
        (
            "a: !!python/object:os.system {}",
            "job.yaml:1: a: has the tag 'tag:yaml.org,2002:python/object:os.system'",
        ),
        ("a: &x [*x]", "job.yaml:1: a[0]: contains itself; remove the alias"),
        ("jobs: 3", "job.yaml:1: jobs: must be a list of jobs"),
    ],
)
def test_a_file_that_is_no_job_file_is_refused(write: Write, text: str, expected: str) -> None:
    found = problems(write(text))
    assert found[0].startswith(expected), found


def test_aliases_inside_aliases_cannot_blow_up_a_file(write: Write) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (problem,) = problems(write("\n".join(lines)))
    assert "has more than 20000 values" in problem


def test_a_missing_job_file_is_named_with_its_neighbours(write: Write, tmp_path: Path) -> None:
    write(GOOD)
    (problem,) = problems(tmp_path / "jbo.yaml")
    assert problem.startswith("jbo.yaml: there is no such file; ")
    assert "job.yaml" in problem


SEVERAL = """\
jobs:
  - name: second
    kind: evaluate
    model: {job: first, which: best}
    data: {file: data.h5, x: x, y: y}
  - name: first
    kind: fit
    model: model.json
    compile: {optimizer: adam, loss: mse}
    data: {file: data.h5, x: x, y: y}
"""


def test_jobs_come_after_those_that_they_wait_for(write: Write) -> None:
    assert [spec.name for spec in load_job_file(write(SEVERAL))] == ["first", "second"]


def test_a_record_names_other_jobs_by_id(write: Write) -> None:
    _, second = load_job_file(write(SEVERAL))

    def find(text: str) -> str:
        raise UnknownJob(text)

    record = new_record(second, "second-1", {"first": "first-1"}, find)
    assert record.spec["model"] == {"job": "first-1", "which": "best"}
    assert record.spec["after"] == ["first-1"]
    assert record.directory == str(Path(second.output) / "second-1")
    assert record.batches == 1
    with pytest.raises(UnknownJob):
        new_record(second, "second-1", {}, find)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: first", "name: second", "job.yaml:6: jobs[1].name: two jobs are called 'second'; rename one"),
        (
            "{job: first, which: best}",
            "{job: second}",
            "job.yaml:4: jobs[0].model.job: 'second' is a evaluate job",
        ),
        (
            "which: best",
            "which: worst",
            "job.yaml:4: jobs[0].model.which: is not one of the choices (value 'worst')",
        ),
        ("kind: fit", "kind: fti", "job.yaml:7: jobs[1].kind: is not one of the choices (value 'fti')"),
        (
            "    model: model.json",
            "    model: model.json\n    after: [second]",
            "job.yaml:4: jobs[0].model.job: job 'second' and job 'first' wait for each other",
        ),
        ("jobs:", "seed: 3\njobs:", "job.yaml:1: seed: cannot stand beside jobs; move it into each job"),
    ],
)
def test_problems_between_jobs_are_named(write: Write, old: str, new: str, expected: str) -> None:
    found = problems(write(SEVERAL.replace(old, new, 1)))
    assert any(line.startswith(expected) for line in found), found


def test_a_spec_from_python_is_checked_alike(tmp_path: Path, write: Write) -> None:
    write(GOOD)
    values: dict[str, Any] = {
        "name": "mine",
        "kind": "fit",
        "model": "model.json",
        "compile": {"optimizer": "adam", "loss": "mse"},
        "data": {"file": "data.h5", "x": "x", "y": "y"},
    }
    assert check_spec(values, tmp_path).samples == 20
    with pytest.raises(JobFileError, match=r"job 'mine': epohcs: unknown key; did you mean 'epochs'\?"):
        check_spec({**values, "epohcs": 3}, tmp_path)


def test_users_code_is_noticed(write: Write) -> None:
    (spec,) = load_job_file(write(GOOD.replace("model.json", "mine:make")))
    assert spec.needs_code
    (spec,) = load_job_file(write(GOOD.replace("{file: data.h5, x: x, y: y}", "{sequence: 'mine:rows'}")))
    assert spec.needs_code
    (spec,) = load_job_file(write(GOOD + "callbacks: ['mine:Callback']\n"))
    assert spec.needs_code


def stateful_model(folder: Path, batch: int = 8) -> None:
    """Write model.json, and model.h5 as if it had been saved compiled."""
    layer = {
        "class_name": "LSTM",
        "config": {"name": "memory", "stateful": True, "batch_input_shape": [batch, 1, 3]},
    }
    wrapped = {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Dense", "config": {}}}}
    config = {"class_name": "Sequential", "config": {"layers": [layer, wrapped]}}
    (folder / "model.json").write_text(json.dumps(config))
    with h5py.File(folder / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["training_config"] = "{}"
    with h5py.File(folder / "data.h5", "a") as file:
        del file["x"], file["y"]
        file["x"], file["y"] = np.zeros((20, 1, 3)), np.zeros((20, 2))


@pytest.mark.parametrize("kind", ["predict", "evaluate"])
def test_ranges_of_a_stateful_model_are_refused(write: Write, tmp_path: Path, kind: str) -> None:
    stateful_model(tmp_path)
    text = f"kind: {kind}\nmodel: model.h5\nbatch_size: 4\ndata: {{file: data.h5, x: x, y: y}}\n"
    (problem,) = problems(write(text))
    assert problem.startswith("job.yaml:2: model: ")
    assert "keeps states from batch to batch (layers: memory)" in problem
    assert f"call model.{kind} yourself" in problem


def test_a_stateful_model_trains_with_its_own_batch_size_and_whole_batches(
    write: Write, tmp_path: Path
) -> None:
    stateful_model(tmp_path, batch=5)
    (problem,) = problems(write(GOOD))
    assert "batch_size: is 8, and" in problem
    assert "keeps the states of 5 rows (layers: memory); use 5" in problem
    fitting = GOOD.replace("batch_size: 8", "batch_size: 5")
    load_job_file(write(fitting))
    assert [
        problem.split(";")[0] for problem in problems(write(fitting + "validation: {split: 0.35}\n"))
    ] == [
        "job.yaml:4: data: gives 13 rows, which do not fill batches of 5",
        "job.yaml:7: validation: gives 7 rows, which do not fill batches of 5",
    ]


def test_how_a_model_computes_is_checked(write: Write) -> None:
    half = GOOD.replace("loss: mse}", "loss: mse, mixed_precision: bfloat16, jit_compile: true}")
    (spec,) = load_job_file(write(half))
    assert spec.compile is not None
    assert (spec.compile.mixed_precision, spec.compile.jit_compile) == ("bfloat16", True)
    (problem,) = problems(write(half.replace("bfloat16", "half")))
    assert (
        "compile.mixed_precision: is not one of the choices (value 'half'); use 'bfloat16' or 'float16'"
        in problem
    )
