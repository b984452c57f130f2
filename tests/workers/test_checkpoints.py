"""Checkpoints: whole, recorded, few, and believed only with the right checksum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from batchyard.models import Model, load_model
from batchyard.models.training import FitState, pack, unpack
from batchyard.scheduler.jobs import JobSpec
from batchyard.scheduler.protocol import Checkpoint, Crew, EventKind, JobRecord, Member
from batchyard.scheduler.store import Store
from batchyard.workers.checkpoints import CheckpointWriter, best_path, checkpoint_folder, load_newest
from batchyard.workers.checkpoints.policy import best_of, improves, is_best, outdated, resolve_mode
from batchyard.workers.errors import CheckpointError
from batchyard.workers.model_loading import model_from_spec
from tests.workers.crew_yard import MODEL


class Training:
    """A running fit job with a crew of one, whose epochs the test plays."""

    def __init__(self, redis_url: str, folder: Path, **policy: object):
        (folder / "model.json").write_text(json.dumps(MODEL))
        self.spec = JobSpec.model_validate(
            {
                "kind": "fit",
                "model": str(folder / "model.json"),
                "compile": {"optimizer": "adam", "loss": "categorical_crossentropy"},
                "data": {"file": "/none.h5", "x": "x", "y": "y"},
                "checkpoint": {"monitor": "val_loss", **policy},
            }
        )
        self.store = Store.connect(redis_url)
        self.job = JobRecord("j", "fit", json.loads(self.spec.model_dump_json()), "t", 0, str(folder / "j"))
        self.store.submit(self.job)
        self.token = self.store.lead("test", 1000.0) or ""
        assert self.store.start_job(self.token, "j", fields={})
        self.generation = 0
        self.regroup()
        self.model: Model = model_from_spec(self.spec, 1)
        self.state = FitState(seed=1)

    def regroup(self) -> None:
        crew = Crew(self.generation + 1, (Member(0, "w", "w#1", "seat", (0, 4)),))
        assert self.store.regroup(self.token, "j", self.generation, crew, "test")
        self.generation += 1

    def finish_epoch(self, loss: float) -> None:
        """Change the weights, and move the cursor as the training loop does."""
        for layer in self.model.layers:
            layer.set_weights([weight + 1 for weight in layer.get_weights()])
        self.state.history.setdefault("val_loss", []).append(loss)
        self.state.epochs.append(self.state.epoch)
        self.state.epoch += 1
        self.state.iterations += 10

    def warnings(self) -> list[str]:
        return [e.data["message"] for e in self.store.events("j") if e.kind == EventKind.WARNING]


@pytest.fixture
def training(redis_url: str, tmp_path: Path) -> Iterator[Training]:
    training = Training(redis_url, tmp_path)
    yield training
    training.store.close()


def write(training: Training, losses: list[float]) -> None:
    with CheckpointWriter(training.store, training.job) as writer:
        for loss in losses:
            training.finish_epoch(loss)
            writer.epoch_done(training.model, training.state, training.generation)


def test_retention_keeps_the_best_and_the_last(training: Training) -> None:
    write(training, [3.0, 1.0, 2.0, 2.5, 4.0])
    kept = training.store.checkpoints("j")
    assert [(c.epoch, c.best) for c in kept] == [(2, True), (4, False), (5, False)]
    files = {p.name for p in checkpoint_folder(training.job).iterdir()}
    assert files == {f"epoch-000{n}.{kind}" for n in (2, 4, 5) for kind in ("h5", "state")} | {"best.h5"}
    assert best_path(training.job).read_bytes() == Path(kept[0].path).read_bytes()


def test_a_snapshot_is_of_its_moment_and_opens_as_a_model(training: Training) -> None:
    with CheckpointWriter(training.store, training.job) as writer:
        training.finish_epoch(1.0)
        before = [weight.copy() for weight in training.model.get_weights()]
        writer.epoch_done(training.model, training.state, training.generation)
        training.finish_epoch(1.0)  # goes on at once
    opened = load_model(training.store.checkpoints("j")[0].path)
    for ours, theirs in zip(before, opened.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_loaded_is_the_state_that_was_written(training: Training) -> None:
    write(training, [2.0, 1.0])
    found = load_newest(training.store, training.job)
    assert found is not None
    assert found.checkpoint.epoch == 2
    assert found.state == pack(training.model, training.state)
    assert unpack(found.state, model_from_spec(training.spec, 7)).history == {"val_loss": [2.0, 1.0]}


@pytest.mark.parametrize("suffix", [".h5", ".state"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_taken(
    training: Training, suffix: str, damage: str
) -> None:
    write(training, [2.0, 1.0])
    victim = Path(training.store.checkpoints("j")[-1].path).with_suffix(suffix)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.unlink()  # best.h5 is the same file
    if damage != "delete":
        victim.write_bytes(data if damage == "flip" else data[:100])
    found = load_newest(training.store, training.job)
    assert found is not None
    assert found.checkpoint.epoch == 1
    (warning,) = training.warnings()
    assert "epoch-0002.h5 is unusable" in warning


def test_a_checkpoint_let_go_while_it_is_read_gives_way_to_the_newer_one(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(training, [1.0])
    read = training.store.checkpoints
    stale = read("j")
    write(training, [0.9, 0.8, 0.7])  # as the member does that leaves meanwhile
    answers = iter([stale])
    monkeypatch.setattr(training.store, "checkpoints", lambda job: next(answers, None) or read(job))
    found = load_newest(training.store, training.job)
    assert found is not None
    assert found.checkpoint.epoch == 4
    assert training.warnings() == []


def test_the_best_survives_a_new_leader(training: Training) -> None:
    write(training, [1.0])
    training.regroup()
    write(training, [2.0, 0.5])
    assert [(c.epoch, c.best) for c in training.store.checkpoints("j")] == [(2, False), (3, True)]


def test_a_member_that_leaves_at_the_end_of_the_best_epoch_writes_it_as_the_best(training: Training) -> None:
    write(training, [2.0, 1.0])
    with CheckpointWriter(training.store, training.job) as writer:
        writer.write(training.model, training.state, training.generation)
    assert [(c.best, c.value) for c in training.store.checkpoints("j")] == [(True, 2.0), (True, 1.0)]
    write(training, [1.5])
    assert best_of(training.store.checkpoints("j")).epoch == 2  # type: ignore[union-attr]


def test_the_next_leader_links_the_best_checkpoint_where_the_last_one_did_not_get_to_it(
    training: Training,
) -> None:
    write(training, [1.0, 2.0])
    best_path(training.job).unlink()
    with CheckpointWriter(training.store, training.job) as writer:
        writer.link_best(training.store.checkpoints("j"))
    assert best_path(training.job).samefile(training.store.checkpoints("j")[0].path)


def test_a_checkpoint_of_an_ended_generation_is_not_recorded_until_its_leader_leads_on(
    training: Training,
) -> None:
    with CheckpointWriter(training.store, training.job) as writer:
        training.finish_epoch(1.0)
        over = training.generation
        training.regroup()
        writer.epoch_done(training.model, training.state, over)
        writer.flush()
        assert training.store.checkpoints("j") == []
        writer.go_on(training.generation)
        writer.flush()
        assert [c.epoch for c in training.store.checkpoints("j")] == [1]


def test_a_checkpoint_that_cannot_be_written_is_a_warning_and_a_demanded_one_an_error(
    training: Training,
) -> None:
    folder = checkpoint_folder(training.job)
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    with CheckpointWriter(training.store, training.job) as writer:
        training.finish_epoch(1.0)
        writer.epoch_done(training.model, training.state, training.generation)
        with pytest.raises(CheckpointError, match="no checkpoint could be written"):
            writer.write(training.model, training.state, training.generation)
        folder.unlink()
        writer.write(training.model, training.state, training.generation)
    assert [c.epoch for c in training.store.checkpoints("j")] == [1]
    assert all("training goes on" in warning for warning in training.warnings())


def test_an_unknown_quantity_to_monitor_is_said_once_with_those_there_are(
    redis_url: str, tmp_path: Path
) -> None:
    training = Training(redis_url, tmp_path, monitor="val_accuracy")
    write(training, [1.0, 2.0])
    (warning,) = training.warnings()
    assert "'val_accuracy'" in warning
    assert "val_loss" in warning
    training.store.close()


def test_checkpoints_by_steps_have_names_of_their_own(redis_url: str, tmp_path: Path) -> None:
    training = Training(redis_url, tmp_path, every_steps=2, every_epochs=None, keep=9)
    with CheckpointWriter(training.store, training.job) as writer:
        for step in range(1, 6):
            training.state.step = training.state.iterations = step
            writer.step_done(training.model, training.state, training.generation)
    names = [Path(c.path).name for c in training.store.checkpoints("j")]
    training.store.close()
    assert names == ["epoch-0000-step-000002.h5", "epoch-0000-step-000004.h5"]


def test_equal_states_give_equal_files(training: Training, tmp_path: Path) -> None:
    write(training, [1.0])
    first = [Path(c.path).read_bytes() for c in training.store.checkpoints("j")]
    with CheckpointWriter(training.store, training.job) as writer:
        writer.write(training.model, training.state, training.generation)
    assert first == [Path(c.path).read_bytes() for c in training.store.checkpoints("j")]


def test_the_policy_is_keras_s() -> None:
    assert resolve_mode("auto", "val_acc") == "max"
    assert resolve_mode("auto", "val_loss") == "min"
    assert improves(0.5, None, "min")
    assert not improves(0.5, 0.5, "min")
    assert improves(0.6, 0.5, "max")
    assert not improves(float("nan"), None, "min")
    assert [is_best([3.0, 1.0, 1.0, float("nan"), 0.5][:n], "min") for n in range(6)] == [
        False,
        True,
        True,
        False,
        False,
        True,
    ]


def test_retention_of_nothing_is_nothing() -> None:
    one = Checkpoint("a", "b", "", "", 1, 0, 1)
    assert outdated([], 2) == outdated([one], 2) == []
