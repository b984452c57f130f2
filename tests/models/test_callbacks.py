"""What every callback must do, and how a list of them decides once for all members of a crew."""

import contextlib
import json
import math

import numpy as np
import pytest
import torch

from batchyard.models import Sequential
from batchyard.models.callbacks import (
    BaseLogger,
    Callback,
    CallbackList,
    CSVLogger,
    Decision,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    MonitorCallback,
    ProgbarLogger,
    ReduceLROnPlateau,
    RemoteMonitor,
    TensorBoard,
    TerminateOnNaN,
    deserialize,
    get,
    plain_json,
    serialize,
)
from batchyard.models.callbacks.registry import CALLBACKS
from batchyard.models.callbacks.state import CallbackState
from batchyard.models.errors import (
    CallbackStateError,
    InvalidArgumentError,
    InvalidDecisionError,
    NotSerializableError,
    UnknownMetricError,
    UnknownNameError,
)
from batchyard.models.layers import Dense

#: Better, better, worse three times, better: enough for each callback to do what it is for.
LOSSES = [1.0, 0.5, 0.6, 0.7, 0.8, 0.4, 0.41, 0.42]

CASES = {
    "BaseLogger": lambda folder: BaseLogger(),
    "CSVLogger": lambda folder: CSVLogger(str(folder / "log.csv")),
    "EarlyStopping": lambda folder: EarlyStopping(patience=3, restore_best_weights=True),
    "History": lambda folder: History(),
    "LambdaCallback": lambda folder: LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    "LearningRateScheduler": lambda folder: LearningRateScheduler({0: 0.5, 3: 0.25, 5: 0.125}),
    "ModelCheckpoint": lambda folder: ModelCheckpoint(str(folder / "{epoch:02d}.h5"), save_best_only=True),
    "ProgbarLogger": lambda folder: ProgbarLogger(),
    "ReduceLROnPlateau": lambda folder: ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1),
    "RemoteMonitor": lambda folder: RemoteMonitor("http://monitor.invalid"),
    "TensorBoard": lambda folder: TensorBoard(str(folder / "board"), histogram_freq=2, write_images=True),
    "TerminateOnNaN": lambda folder: TerminateOnNaN(),
}
NOT_SERIALIZABLE = {"LambdaCallback"}


@pytest.fixture(autouse=True)
def a_server_that_answers(monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: contextlib.nullcontext())


def make_model():
    model = Sequential([Dense(1, input_shape=(2,), name="dense")], name="model")
    model.compile("sgd", "mse")
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    return model


def begin(*callbacks, model=None, verbose=0):
    listed = CallbackList(callbacks)
    listed.set_model(model or make_model())
    listed.set_params({"epochs": 8, "samples": 4, "verbose": verbose, "metrics": ["loss", "val_loss"]})
    listed.model.stop_training = False
    listed.on_train_begin()
    return listed


def train(*lists, epochs=range(8), losses=LOSSES):
    """Run epochs as a crew would: the first list decides, all apply what came over the wire."""
    decisions = []
    for epoch in epochs:
        if lists[0].model.stop_training:
            break
        for listed in lists:
            listed.on_epoch_begin(epoch)
            for batch in range(2):
                listed.on_batch_begin(batch, {"batch": batch, "size": 2})
                shift_weights(listed.model)
                listed.on_batch_end(batch, {"batch": batch, "size": 2, "loss": losses[epoch]})
        decision = lists[0].decide(epoch, {"loss": losses[epoch], "val_loss": losses[epoch]})
        decisions.append(decision)
        for listed in lists:
            listed.apply(Decision.from_json(decision.to_json()))
    return decisions


def shift_weights(model):
    """Stands for a step: weights that tell how many there were."""
    with torch.no_grad():
        for weight in model.weights:
            weight.add_(1)


def look_at(listed):
    """Everything that a run leaves behind in memory."""
    model = listed.model
    return {
        "weights": [weight.tolist() for weight in model.get_weights()],
        "lr": float(model.optimizer.lr),
        "stop": model.stop_training,
        "states": [plain_json.dumps(state.values) for state in listed.get_states()],
        "arrays": [{k: a.tolist() for k, a in state.arrays.items()} for state in listed.get_states()],
    }


def look_into(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_every_registered_callback_is_tested_here():
    assert CASES.keys() == CALLBACKS.keys()


@pytest.mark.parametrize("name", CASES)
class TestContract:
    """Run by every callback."""

    @pytest.mark.parametrize("interrupted_after", [1, 3, 5])
    def test_a_run_that_was_interrupted_goes_on_exactly(self, name, interrupted_after, tmp_path):
        whole, parts = tmp_path / "whole", tmp_path / "parts"
        whole.mkdir()
        parts.mkdir()
        expected = begin(CASES[name](whole))
        expected_decisions = train(expected)

        first = begin(CASES[name](parts))
        decisions = train(first, epochs=range(interrupted_after))
        states = [
            CallbackState(s.class_name, plain_json.loads(plain_json.dumps(s.values)), s.arrays)
            for s in first.get_states()
        ]
        second = begin(CASES[name](parts))
        second.set_states(states)
        second.model.set_weights(first.model.get_weights())
        second.model.optimizer.lr = float(first.model.optimizer.lr)
        second.model.stop_training = first.model.stop_training
        decisions += train(second, epochs=range(interrupted_after, 8))

        assert [d.stop for d in decisions] == [d.stop for d in expected_decisions]
        assert [d.hyper_parameters for d in decisions] == [d.hyper_parameters for d in expected_decisions]
        assert [d.logs for d in decisions] == [d.logs for d in expected_decisions]
        assert look_at(second) == look_at(expected)
        assert look_into(parts) == look_into(whole)

    def test_a_new_run_begins_afresh(self, name, tmp_path):
        used, fresh = begin(CASES[name](tmp_path)), begin(CASES[name](tmp_path))
        train(used)
        used.on_train_end()
        used.on_train_begin()
        assert look_at(used)["states"] == look_at(fresh)["states"]
        assert look_at(used)["arrays"] == look_at(fresh)["arrays"]

    def test_a_member_that_only_applies_decisions_ends_like_the_one_that_took_them(self, name, tmp_path):
        deciding, following = begin(CASES[name](tmp_path)), begin(CASES[name](tmp_path))
        train(deciding, following)
        assert look_at(following) == look_at(deciding)

    def test_its_state_shares_nothing_with_it(self, name, tmp_path):
        listed = begin(CASES[name](tmp_path))
        train(listed, epochs=range(2))
        (state,) = listed.get_states()
        before = plain_json.dumps(state.values)
        train(listed, epochs=range(2, 4))
        assert plain_json.dumps(state.values) == before

    def test_its_configuration_builds_it_again(self, name, tmp_path):
        callback = CASES[name](tmp_path)
        if name in NOT_SERIALIZABLE:
            with pytest.raises(NotSerializableError, match=name):
                serialize(callback)
            return
        config = json.loads(json.dumps(serialize(callback)))
        again = deserialize(config)
        assert type(again) is type(callback)
        assert serialize(again) == config
        assert serialize(get({name: config["config"]})) == config

    def test_an_unknown_metric_is_answered_with_those_there_are(self, name, tmp_path):
        callback = CASES[name](tmp_path)
        if not isinstance(callback, MonitorCallback):
            return
        callback.monitor = "val_los"
        listed = begin(callback)
        with pytest.warns(
            RuntimeWarning, match=r"'val_los'.*available.*loss, .*val_loss.*Did you mean 'val_loss'"
        ):
            listed.decide(0, {"loss": 1.0, "val_loss": 1.0})
        with pytest.raises(UnknownMetricError, match="loss, val_loss"):
            callback.check_monitor(["loss", "val_loss"])


class SetsWeights(Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([array + 1 for array in self.model.get_weights()])


class KeepsArrays(Callback):
    kept = None

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.kept = np.ones(3)

    def get_arrays(self):
        return {} if self.kept is None else {"kept": self.kept}

    def set_state(self, state, arrays):
        self.kept = arrays.get("kept")


def test_a_decision_survives_json_to_the_last_bit():
    decision = Decision(
        epoch=3,
        stop=True,
        reason="enough",
        logs={"loss": math.nan, "acc": 0.1 + 0.2},
        hyper_parameters={"lr": 1e-300},
        callbacks=[{"best": math.inf}, {"best": -math.inf, "wait": 2}],
        weights_changed=True,
    )
    text = decision.to_json()
    assert Decision.from_json(text).to_json() == text
    assert Decision.from_json(text.encode()).learning_rate == 1e-300
    assert math.isnan(Decision.from_json(text).logs["loss"])
    assert Decision.from_json(text).callbacks[0]["best"] == math.inf


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "NaN",
        "[" * 100_000,
        b"\xff",
        Decision(0).to_json().replace('"epoch":0', '"epoch":"0"'),
        Decision(0).to_json().replace('"callbacks":[]', '"callbacks":[1]'),
        Decision(0).to_json().replace('"logs":{}', '"logs":{"loss":"x"}'),
        Decision(0).to_json().replace('"stop":false', '"stop":0'),
    ],
)
def test_text_that_is_no_decision_is_refused(text):
    with pytest.raises(InvalidDecisionError):
        Decision.from_json(text)


def test_a_decision_cannot_set_attributes_that_are_no_hyper_parameters():
    listed = begin()
    with pytest.raises(CallbackStateError, match=r"get_config.*lr"):
        listed.apply(Decision(0, hyper_parameters={"get_config": 1.0}))


def test_changed_weights_are_noticed():
    assert begin(SetsWeights()).decide(0, {}).weights_changed
    assert not begin(History()).decide(0, {}).weights_changed


def test_a_decision_that_is_lost_with_its_crew_has_changed_nothing():
    listed = begin(ReduceLROnPlateau(patience=1), EarlyStopping(patience=1, restore_best_weights=True))
    train(listed, epochs=range(2))
    model, states = listed.model, listed.get_states()
    shift_weights(model)
    before = look_at(listed)
    logs = {"loss": 0.6, "val_loss": 0.6}
    lost = listed.decide(2, logs)
    assert lost.stop
    assert lost.learning_rate == pytest.approx(0.001)
    listed.on_train_begin()
    listed.set_states(states)
    assert look_at(listed) == before
    taken = listed.decide(2, logs)
    assert taken == lost
    listed.apply(taken)
    assert model.stop_training
    assert float(model.optimizer.lr) == taken.learning_rate
    assert model.get_weights()[0].ravel().tolist() == [4, 4]


def test_restored_best_weights_need_not_be_sent():
    decisions = train(begin(EarlyStopping(patience=2, restore_best_weights=True)))
    assert decisions[-1].stop
    assert not any(d.weights_changed or d.arrays_changed for d in decisions)


def test_best_weights_must_be_sent_where_another_callback_changed_weights_before():
    listed = begin(SetsWeights(), EarlyStopping(restore_best_weights=True))
    decision = listed.decide(0, {"val_loss": 1.0})
    assert decision.weights_changed
    assert decision.arrays_changed


def test_changed_arrays_are_noticed_and_taken_over():
    deciding, following = begin(KeepsArrays()), begin(KeepsArrays())
    assert not deciding.decide(0, {}).arrays_changed
    decision = deciding.decide(1, {})
    assert decision.arrays_changed
    following.apply(decision, [callback.get_arrays() for callback in deciding])
    assert following.callbacks[0].kept.tolist() == [1, 1, 1]
    assert not deciding.decide(2, {}).arrays_changed


def test_what_callbacks_put_into_logs_reaches_those_behind_and_the_decision():
    history = History()
    logs = {"val_loss": 1.0}
    decision = begin(ReduceLROnPlateau(), history).decide(0, logs)
    assert decision.logs == {"val_loss": 1.0, "lr": pytest.approx(0.01)}
    assert history.history["lr"] == [decision.logs["lr"]]
    assert logs == {"val_loss": 1.0}


def test_a_decision_says_who_stopped_training_and_why():
    decisions = train(begin(History(), EarlyStopping(patience=2)))
    assert decisions[-1].reason == "EarlyStopping: val_loss has not improved on 0.5 for 2 epochs"
    assert [d.reason for d in decisions[:-1]] == [None] * (len(decisions) - 1)


def test_the_reason_of_a_stop_within_an_epoch_is_kept():
    listed = begin(TerminateOnNaN())
    listed.on_batch_end(7, {"batch": 7, "size": 2, "loss": math.nan})
    decision = listed.decide(0, {"loss": math.nan})
    assert decision.stop
    assert decision.reason == "TerminateOnNaN: the loss was nan at batch 7"


def test_hooks_that_nobody_overrides_cost_nothing():
    listed = begin(History(), EarlyStopping())
    assert not listed.has_batch_hooks
    listed.append(LambdaCallback(on_batch_end=lambda batch, logs: None))
    assert listed.has_batch_hooks


def test_states_of_other_callbacks_are_refused():
    states = begin(History()).get_states()
    with pytest.raises(CallbackStateError, match=r"1 callbacks.*there are 0"):
        begin().set_states(states)
    with pytest.raises(CallbackStateError, match=r"is a History.*a TerminateOnNaN"):
        begin(TerminateOnNaN()).set_states(states)
    with pytest.raises(CallbackStateError, match="1 callbacks"):
        begin().apply(begin(History()).decide(0, {}))


def test_callbacks_without_a_model_say_so():
    with pytest.raises(CallbackStateError, match="set_model"):
        CallbackList([History()]).decide(0, {})


def test_names_stand_for_callbacks():
    assert isinstance(get("TerminateOnNaN"), TerminateOnNaN)
    assert get({"class_name": "EarlyStopping", "config": {"patience": 4}}).patience == 4
    assert get({"EarlyStopping": None}).patience == 0
    callback = History()
    assert get(callback) is callback


def test_callbacks_of_the_user_can_be_named_where_they_are_passed():
    assert isinstance(get("SetsWeights", {"SetsWeights": SetsWeights}), SetsWeights)
    with pytest.raises(UnknownNameError, match="SetsWeights"):
        get("SetsWeights")


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("EarlyStoping", "Did you mean 'EarlyStopping'"),
        ({"EarlyStopping": {"patiens": 2}}, r"expected the arguments monitor, .*received unknown patiens"),
        ({"ModelCheckpoint": {}}, "filepath is missing"),
        ({"EarlyStopping": [2]}, "Expected a callback as"),
        ({"a": {}, "b": {}}, "Expected a callback as"),
        (3, "Expected a callback"),
        ({"os.system": {}}, "Unknown callback"),
    ],
)
def test_what_names_no_callback_is_answered_with_what_would(identifier, message):
    with pytest.raises(InvalidArgumentError, match=message):
        get(identifier)
