"""What single callbacks do, beyond what all have in common."""

import io
import math
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from batchyard.models import Sequential, load_model
from batchyard.models.callbacks import (
    CallbackList,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    Progbar,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from batchyard.models.errors import InvalidArgumentError, UnknownMetricError
from batchyard.models.layers import Dense


def run(callback, values, metric="val_loss", begin=True):
    """Run one epoch for each value of a metric; return the model, whose weight is the number of epochs."""
    model = Sequential([Dense(1, input_shape=(1,), use_bias=False)])
    model.compile("sgd", "mse")
    listed = CallbackList([callback])
    listed.set_model(model)
    listed.set_params({"epochs": len(values), "samples": 4, "verbose": 0, "metrics": [metric]})
    model.stop_training = False
    listed.on_train_begin()
    for epoch, value in enumerate(values):
        model.set_weights([np.full((1, 1), epoch + 1.0)])
        listed.on_epoch_begin(epoch)
        listed.apply(listed.decide(epoch, {metric: value}))
        if model.stop_training:
            break
    listed.on_train_end()
    return model


class TestEarlyStopping:
    def test_it_stops_after_as_many_epochs_without_improvement_as_it_has_patience(self):
        callback = EarlyStopping(patience=2)
        assert run(callback, [3, 2, 2, 2, 1]).stop_training
        assert (callback.stopped_epoch, callback.wait, callback.best) == (3, 2, 2)

    def test_it_lets_a_run_that_improves_go_on(self):
        assert not run(EarlyStopping(), [3, 2, 1]).stop_training

    def test_it_takes_larger_values_as_better_for_accuracies(self):
        assert not run(EarlyStopping(monitor="val_acc"), [0.1, 0.2, 0.3], "val_acc").stop_training
        assert run(EarlyStopping(monitor="val_acc", mode="min"), [0.1, 0.2], "val_acc").stop_training

    def test_improvements_that_are_no_larger_than_min_delta_do_not_count(self):
        assert run(EarlyStopping(min_delta=0.5, patience=2), [3, 2.75, 2.5]).stop_training
        assert not run(EarlyStopping(min_delta=0.5, patience=2), [3, 2.75, 2.25]).stop_training
        assert run(EarlyStopping("acc", min_delta=0.5, patience=1), [0, 0.5], "acc").stop_training

    def test_a_baseline_must_be_beaten(self):
        assert run(EarlyStopping(baseline=1.0, patience=2), [3, 2]).stop_training
        assert not run(EarlyStopping(baseline=1.0, patience=2), [3, 0.5]).stop_training

    def test_it_restores_the_weights_of_the_best_epoch(self):
        model = run(EarlyStopping(patience=2, restore_best_weights=True), [3, 1, 2, 2])
        assert model.get_weights()[0].item() == 2.0

    def test_it_restores_them_too_where_a_loop_of_ones_own_calls_it(self):
        model = Sequential([Dense(1, input_shape=(1,), use_bias=False)])
        callback = EarlyStopping(patience=1, restore_best_weights=True)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, loss in enumerate([2, 1, 3]):
            model.set_weights([np.full((1, 1), epoch + 1.0)])
            callback.on_epoch_end(epoch, {"val_loss": loss})
        assert model.stop_training
        assert model.get_weights()[0].item() == 2.0

    def test_it_keeps_the_last_weights_otherwise(self):
        assert run(EarlyStopping(patience=2), [3, 1, 2, 2]).get_weights()[0].item() == 4.0

    def test_a_baseline_that_no_epoch_beat_leaves_the_weights_alone(self):
        callback = EarlyStopping(baseline=0.0, patience=1, restore_best_weights=True)
        assert run(callback, [3]).get_weights()[0].item() == 1.0

    def test_nan_is_no_improvement(self):
        assert run(EarlyStopping(patience=2), [1, math.nan, math.nan]).stop_training

    def test_it_says_when_it_stopped(self, capsys):
        run(EarlyStopping(verbose=1), [1, 2])
        assert capsys.readouterr().out == "Epoch 00002: early stopping\n"

    def test_an_unknown_mode_is_taken_as_auto_with_a_warning(self):
        with pytest.warns(RuntimeWarning, match=r"one of auto, min, max, received 'up'"):
            assert EarlyStopping(mode="up").mode == "auto"

    def test_a_missing_validation_metric_is_explained(self):
        callback = EarlyStopping()
        with pytest.warns(RuntimeWarning, match="give validation_split or validation_data"):
            run(callback, [1.0], metric="loss")


class TestModelCheckpoint:
    def test_it_saves_each_epoch_under_a_name_of_its_own(self, tmp_path):
        run(ModelCheckpoint(str(tmp_path / "w.{epoch:02d}-{val_loss:.2f}.h5")), [1.0, 0.25])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["w.01-1.00.h5", "w.02-0.25.h5"]

    def test_it_saves_the_best_only_if_told_so(self, tmp_path):
        path = tmp_path / "best.h5"
        run(ModelCheckpoint(str(path), save_best_only=True), [3, 1, 2])
        assert load_model(path).get_weights()[0].item() == 2.0

    def test_it_saves_weights_only_if_told_so(self, tmp_path):
        path = tmp_path / "weights.h5"
        model = run(ModelCheckpoint(str(path), save_weights_only=True), [3, 1])
        model.set_weights([np.zeros((1, 1))])
        model.load_weights(path)
        assert model.get_weights()[0].item() == 2.0

    def test_it_saves_every_so_many_epochs(self, tmp_path):
        run(ModelCheckpoint(str(tmp_path / "{epoch}.h5"), period=2), [1, 1, 1, 1, 1])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["2.h5", "4.h5"]

    def test_a_path_with_an_unknown_metric_is_answered_with_those_there_are(self, tmp_path):
        with pytest.raises(UnknownMetricError, match=r"'val_acc'.*epoch, val_loss"):
            run(ModelCheckpoint(str(tmp_path / "{val_acc}.h5")), [1.0])

    @pytest.mark.parametrize("path", ["{epoch.__class__}.h5", "{0}.h5", "{}.h5", "{epoch", "{epoch[0]}.h5"])
    def test_a_path_that_cannot_be_filled_in_is_refused_at_once(self, path):
        with pytest.raises(InvalidArgumentError, match="filepath"):
            ModelCheckpoint(path)

    def test_it_announces_what_it_saves(self, tmp_path, capsys):
        path = tmp_path / "best.h5"
        run(ModelCheckpoint(str(path), save_best_only=True, verbose=1), [0.5, 0.75])
        assert capsys.readouterr().out.splitlines() == [
            "Epoch 00001: val_loss improved from inf to 0.50000",
            f"Epoch 00001: saving the model to {path}",
            "Epoch 00002: val_loss did not improve on 0.50000",
        ]


class TestReduceLROnPlateau:
    def test_it_lowers_the_rate_after_as_many_epochs_as_it_has_patience(self):
        assert run(ReduceLROnPlateau(patience=2), [1, 1, 1]).optimizer.lr == pytest.approx(0.001)

    def test_it_waits_while_it_cools_down(self):
        callback = ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2)
        assert run(callback, [1, 1, 1, 1]).optimizer.lr == pytest.approx(0.0025)
        assert run(callback, [1, 1, 1]).optimizer.lr == pytest.approx(0.005)

    def test_it_never_goes_below_the_smallest_rate(self):
        assert run(ReduceLROnPlateau(patience=1, min_lr=0.004), [1] * 5).optimizer.lr == pytest.approx(0.004)

    def test_a_factor_that_would_not_lower_the_rate_is_refused(self):
        with pytest.raises(InvalidArgumentError, match="factor below 1"):
            ReduceLROnPlateau(factor=1.0)

    def test_the_old_name_of_min_delta_is_understood(self):
        with pytest.warns(UserWarning, match="min_delta"):
            assert ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5


class TestLearningRateScheduler:
    def test_it_takes_functions_of_the_epoch(self):
        assert run(LearningRateScheduler(lambda epoch: 0.5**epoch), [1, 1, 1]).optimizer.lr == 0.25

    def test_it_takes_functions_of_the_epoch_and_the_present_rate(self):
        model = run(LearningRateScheduler(lambda epoch, lr: lr / 2), [1, 1])
        assert model.optimizer.lr == pytest.approx(0.0025)

    def test_it_takes_dictionaries_as_job_files_hold_them(self):
        callback = LearningRateScheduler({"0": 0.5, "2": 0.25})
        assert [callback.value_for(epoch, 9.0) for epoch in range(4)] == [0.5, 0.5, 0.25, 0.25]

    def test_epochs_before_the_first_entry_keep_their_rate(self):
        assert LearningRateScheduler({3: 0.5}).value_for(1, 9.0) == 9.0

    @pytest.mark.parametrize("schedule", [{}, {"x": 1}, {-1: 0.5}, 3])
    def test_what_is_no_schedule_is_refused(self, schedule):
        with pytest.raises(InvalidArgumentError, match="expected"):
            LearningRateScheduler(schedule)

    def test_a_schedule_must_give_numbers(self):
        with pytest.raises(InvalidArgumentError, match="return a number, received 'fast'"):
            run(LearningRateScheduler(lambda epoch: "fast"), [1])


class TestTerminateOnNaN:
    @pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
    def test_it_stops_at_a_loss_that_is_not_finite(self, loss, capsys):
        model = run(callback := TerminateOnNaN(), [1])
        callback.on_batch_end(3, {"loss": 1.0})
        assert not model.stop_training
        callback.on_batch_end(4, {"loss": loss})
        assert model.stop_training
        assert "Batch 4" in capsys.readouterr().out

    def test_it_takes_tensors(self):
        model = run(callback := TerminateOnNaN(), [1])
        callback.on_batch_end(0, {"loss": torch.tensor(1.0)})
        assert not model.stop_training


class TestLambdaCallback:
    def test_it_calls_functions_at_the_hooks(self):
        seen = []
        run(
            LambdaCallback(
                on_train_begin=lambda logs: seen.append("train begins"),
                on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["val_loss"])),
            ),
            [3, 1],
        )
        assert seen == ["train begins", (0, 3), (1, 1)]

    def test_where_there_are_no_logs_functions_get_an_empty_dictionary(self):
        seen = []
        hooks = {f"on_train_{end}": lambda logs: seen.append(logs) for end in ("begin", "end")}
        listed = CallbackList([LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(logs), **hooks)])
        listed.on_train_begin()
        listed.on_epoch_begin(0)
        listed.on_train_end()
        assert seen == [{}, {}, {}]

    def test_what_is_no_function_is_refused(self):
        with pytest.raises(InvalidArgumentError, match="on_epoch_end"):
            LambdaCallback(on_epoch_end=3)


class TestCSVLogger:
    def test_it_writes_a_line_for_each_epoch(self, tmp_path):
        path = tmp_path / "log.csv"
        run(CSVLogger(str(path)), [0.5, 0.25])
        assert path.read_text() == "epoch,val_loss\n0,0.5\n1,0.25\n"

    def test_it_overwrites_unless_told_to_append(self, tmp_path):
        path = tmp_path / "log.csv"
        for append in (False, True, True):
            run(CSVLogger(str(path), separator=";", append=append), [0.5])
        assert path.read_text() == "epoch;val_loss\n" + "0;0.5\n" * 3
        run(CSVLogger(str(path)), [0.5])
        assert path.read_text() == "epoch,val_loss\n0,0.5\n"

    def test_lines_of_epochs_that_are_run_again_are_cut_off(self, tmp_path):
        path = tmp_path / "log.csv"
        callback = CSVLogger(str(path))
        callback.on_epoch_end(0, {"loss": 0.5})
        state = callback.get_state()
        callback.on_epoch_end(1, {"loss": 0.25})
        resumed = CSVLogger(str(path))
        resumed.set_state(state, {})
        resumed.on_epoch_end(1, {"loss": 0.125})
        assert path.read_text() == "epoch,loss\n0,0.5\n1,0.125\n"

    def test_a_file_that_is_lost_begins_anew(self, tmp_path):
        callback = CSVLogger(str(tmp_path / "log.csv"))
        callback.set_state({"keys": ["loss"], "size": 99}, {})
        callback.on_epoch_end(7, {"loss": 0.5})
        assert (tmp_path / "log.csv").read_text() == "epoch,loss\n7,0.5\n"

    def test_missing_and_listed_values_are_written_as_such(self, tmp_path):
        path = tmp_path / "log.csv"
        callback = CSVLogger(str(path))
        callback.on_epoch_end(0, {"a": np.array([1, 2]), "b": np.float32(0.5)})
        callback.on_epoch_end(1, {"a": 3})
        assert path.read_text() == 'epoch,a,b\n0,"[1, 2]",0.5\n1,3,NA\n'


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class TestProgbar:
    def test_a_notebook_shows_and_keeps_one_line(self, monkeypatch):
        shown = []

        class Handle:
            def update(self, data, raw):
                shown[-1].append(data["text/plain"])

        def display(data, raw, display_id):
            shown.append([data["text/plain"]])
            return Handle()

        package, module = ModuleType("IPython"), ModuleType("IPython.display")
        module.display = display
        monkeypatch.setitem(sys.modules, "IPython", package)
        monkeypatch.setitem(sys.modules, "IPython.display", module)
        stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
        bar = Progbar(4, width=4, stream=stream, interval=0.0)
        for _ in range(4):
            bar.add(1, [("loss", 0.5)])
        assert stream.getvalue() == ""
        ((*drawn, last),) = shown
        assert [line[:8] for line in drawn] == ["1/4 [>..", "2/4 [=>.", "3/4 [==>"]
        assert last.startswith("4/4 [====] - 0s ")
        assert last.endswith(" - loss: 0.5000")

    def test_a_terminal_gets_a_bar_that_is_drawn_over(self):
        clock, stream = Clock(), Terminal()
        bar = Progbar(10, width=10, stream=stream, clock=clock)
        clock.now += 2
        bar.update(4, [("loss", 0.5)])
        clock.now += 3
        bar.update(10, [("loss", 1.0)])
        assert stream.getvalue() == (
            "\r 4/10 [===>......] - ETA: 3s - loss: 0.5000"
            "\r10/10 [==========] - 5s 500ms/step - loss: 0.8000\n"
        )

    def test_a_file_gets_one_line(self):
        clock, stream = Clock(), io.StringIO()
        bar = Progbar(10, stream=stream, clock=clock)
        for _ in range(5):
            clock.now += 1
            bar.add(2, [("loss", 0.5)])
        assert stream.getvalue() == "10/10 - 5s 500ms/step - loss: 0.5000\n"

    def test_it_is_not_drawn_more_often_than_the_interval_allows(self):
        clock, stream = Clock(), Terminal()
        bar = Progbar(1000, stream=stream, clock=clock, interval=1.0)
        for _ in range(100):
            clock.now += 0.125
            bar.add(1)
        assert stream.getvalue().count("\r") == 13

    def test_a_shorter_line_leaves_nothing_of_the_longer_one(self):
        clock, stream = Clock(), Terminal()
        bar = Progbar(None, stream=stream, clock=clock, stateful_metrics=["loss"])
        bar.update(1, [("loss", 1e-9)])
        clock.now += 1
        bar.update(2, [("loss", 0.5)])
        first, second = stream.getvalue().split("\r")[1:]
        assert len(second) == len(first)
        assert second.rstrip().endswith("loss: 0.5000")

    def test_a_line_that_is_wider_than_the_terminal_is_cut_until_the_end(self, monkeypatch):
        monkeypatch.setenv("COLUMNS", "60")
        clock, stream = Clock(), Terminal()
        bar = Progbar(2, stream=stream, clock=clock)
        values = [(f"metric_{number}", 0.5) for number in range(4)]
        bar.update(1, values)
        clock.now += 1
        bar.update(2, values)
        first, last = stream.getvalue().split("\r")[1:]
        assert len(first) == 59
        assert first.endswith("…")
        assert last.endswith("metric_3: 0.5000\n")

    def test_a_whole_of_unknown_size_is_counted(self):
        stream = Terminal()
        Progbar(None, stream=stream).update(7)
        assert "7/Unknown" in stream.getvalue()

    @pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (65, "1:05"), (3725, "1:02:05")])
    def test_durations_read_well(self, seconds, text):
        clock, stream = Clock(), Terminal()
        bar = Progbar(2, stream=stream, clock=clock)
        clock.now += seconds
        bar.update(1)
        assert f"ETA: {text}" in stream.getvalue()


class TestProgbarLogger:
    def log(self, stream, monkeypatch, verbose, count_mode="samples", read=None):
        monkeypatch.setattr("sys.stdout", stream)
        callback = ProgbarLogger(count_mode)
        callback.set_params(
            {"epochs": 2, "samples": 4, "steps": 2, "verbose": verbose, "metrics": ["loss", "val_loss"]}
        )
        callback.on_train_begin()
        for epoch in range(2):
            callback.on_epoch_begin(epoch)
            for batch in range(2):
                callback.on_batch_end(batch, (read or dict)({"batch": batch, "size": 2, "loss": 0.5}))
            callback.on_epoch_end(epoch, {"loss": 0.5, "val_loss": 0.25})
        return stream.getvalue()

    @pytest.mark.parametrize("verbose", [1, 2])
    def test_a_file_gets_a_line_for_each_epoch(self, monkeypatch, verbose):
        lines = self.log(io.StringIO(), monkeypatch, verbose).splitlines()
        assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
        assert all(line.endswith("loss: 0.5000 - val_loss: 0.2500") for line in lines)

    @pytest.mark.parametrize("count_mode", ["samples", "steps"])
    def test_a_terminal_gets_a_bar(self, monkeypatch, count_mode):
        text = self.log(Terminal(), monkeypatch, 1, count_mode)
        assert "Epoch 1/2\n\r" in text
        assert ("4/4 [" if count_mode == "samples" else "2/2 [") in text

    def test_the_bar_shows_the_means_of_the_epoch_so_far(self, monkeypatch):
        stream, losses = Terminal(), []
        monkeypatch.setattr("sys.stdout", stream)
        monkeypatch.setattr("batchyard.models.callbacks.progress_bar.Progbar.is_due", True)
        model = Sequential([Dense(1, input_shape=(1,))])
        model.compile("sgd", "mse")
        note = LambdaCallback(on_batch_end=lambda batch, logs: losses.append(logs["loss"]))
        model.fit(np.ones((6, 1)), np.ones((6, 1)), batch_size=2, callbacks=[note])
        shown = [part.split("loss: ")[1].strip() for part in stream.getvalue().split("\r")[1:]]
        assert shown == [f"{np.mean(losses[:n]):.4f}" for n in (1, 2, 3)]

    def test_silence_is_kept(self, monkeypatch):
        assert self.log(Terminal(), monkeypatch, 0) == ""

    def test_metrics_are_not_read_where_no_bar_is_drawn(self, monkeypatch):
        class Unread(dict):
            def __getitem__(self, name):
                assert name not in ("loss",), "reading waits for the device"
                return super().__getitem__(name)

        self.log(io.StringIO(), monkeypatch, 1, read=Unread)

    def test_an_unknown_way_of_counting_is_refused(self):
        with pytest.raises(InvalidArgumentError, match="'samples' or 'steps'"):
            ProgbarLogger("epochs")


def test_training_that_is_stopped_within_an_epoch_ends_with_that_batch():
    seen = []

    def stop(batch, logs):
        seen.append(batch)
        model.stop_training = batch == 1

    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    history = model.fit(
        np.ones((8, 1)),
        np.ones((8, 1)),
        batch_size=2,
        epochs=3,
        verbose=0,
        callbacks=[LambdaCallback(on_batch_end=stop)],
    )
    assert seen == [0, 1]
    assert history.epoch == [0]


def test_callbacks_are_given_what_is_evaluated_on():
    class Looks(LambdaCallback):
        def on_train_begin(self, logs=None):
            self.seen = self.validation_data

    x, y = np.ones((8, 1)), np.arange(8.0)[:, None]
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    given, cut, none = Looks(), Looks(), Looks()
    model.fit(x, y, verbose=0, callbacks=[given], validation_data=(x, y))
    model.fit(x, y, verbose=0, callbacks=[cut], validation_split=0.25)
    model.fit(x, y, verbose=0, callbacks=[none])
    assert given.seen[0] is x
    assert given.seen[1] is y
    assert given.seen[2].tolist() == [1] * 8
    assert [part.tolist() for part in cut.seen] == [[[1], [1]], [[6], [7]], [1, 1]]
    assert none.seen is None
