"""Masked losses and stateful layers in lanes: the same bits for any crew, and after losing members."""

import threading

import numpy as np
import pytest
import torch

from batchyard.models import Sequential
from batchyard.models.backend import clear_session
from batchyard.models.callbacks import Callback, CallbackList, EarlyStopping
from batchyard.models.errors import ShapeError, StateError
from batchyard.models.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Masking,
    TimeDistributed,
)
from batchyard.models.training import (
    ArrayData,
    ArrayEvaluation,
    FitState,
    LocalStrategy,
    Strategy,
    finish_tree,
    fit_loop,
    flatten,
    pack,
    subtree_sums,
    unflatten,
    unpack,
)
from batchyard.models.training.adapt import columns_of

LANES, BATCH = 4, 8
random = np.random.RandomState(0)


def masked():
    clear_session()
    torch.manual_seed(3)
    model = Sequential(
        [
            Embedding(20, 6, mask_zero=True, input_length=5),
            Dropout(0.2),
            LSTM(5, return_sequences=True),
            TimeDistributed(Dense(3, activation="softmax")),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["mse"])
    words = random_words()
    return model, words, np.eye(3, dtype="float32")[words % 3], 18  # a last batch of 2 rows: empty lanes


def random_words():
    words = np.random.RandomState(1).randint(1, 20, (26, 5))
    for row, length in enumerate(np.random.RandomState(2).randint(1, 6, 26)):
        words[row, length:] = 0
    return words


def mask_of_activations():
    """A mask that only the forward pass can tell, dropout included."""
    clear_session()
    torch.manual_seed(3)
    model = Sequential(
        [
            Dense(4, activation="relu", input_shape=(5, 3)),
            Dropout(0.5),
            Masking(0.0),
            GRU(4, return_sequences=True),
        ]
    )
    model.compile("sgd", "mse")
    x = np.random.RandomState(4).randn(26, 5, 3).astype("float32")
    return model, x, x.repeat(2, 2)[:, :, :4], 18


def stateful():
    clear_session()
    torch.manual_seed(3)
    model = Sequential(
        [
            LSTM(4, stateful=True, return_sequences=True, batch_input_shape=(BATCH, 3, 2)),
            Bidirectional(GRU(3, stateful=True)),
            Dense(1),
        ]
    )
    model.compile("rmsprop", "mse")
    x = np.random.RandomState(4).randn(40, 3, 2).astype("float32")
    return model, x, x.sum((1, 2))[:, None], 24


MODELS = {"masked": masked, "mask of activations": mask_of_activations, "stateful": stateful}


class Exchange:
    """Where the threads of a crew meet; one that is lost takes the others along."""

    def __init__(self, size):
        self._barrier = threading.Barrier(size, timeout=20)
        self._given = {}

    def sum(self, mine, lanes):
        self._given.update(mine)
        self._barrier.wait()
        total = finish_tree(dict(self._given), lanes)
        if self._barrier.wait() == 0:
            self._given.clear()
        self._barrier.wait()
        return total

    def lose(self):
        self._barrier.abort()


class Member(Strategy):
    decision_can_fail = True

    def __init__(self, owned, exchange, lost_at):
        self.lanes, self._owned, self._exchange, self._lost_at = LANES, owned, exchange, lost_at
        self._calls = {}

    @property
    def owned_lanes(self):
        return self._owned

    def _count(self, method):
        self._calls[method] = self._calls.get(method, 0) + 1
        if (method, self._calls[method]) == self._lost_at:
            self._exchange.lose()
            raise ConnectionError("lost")

    def reduce(self, results):
        parts = {lane: flatten(r) for lane, r in zip(self._owned, results, strict=True) if r is not None}
        self._count("reduce")
        total = self._exchange.sum(subtree_sums(parts, self._owned, LANES), LANES)
        self._count("after reduce")
        return unflatten(total.clone(), self.lane_spec)

    def reduce_sums(self, sums, length):
        self._count("reduce_sums")
        assert all(len(one) == length for one in sums.values())
        total = self._exchange.sum(subtree_sums(sums, self._owned, LANES), LANES)
        assert len(total) == length
        return total

    def decide(self, epoch, run):
        self._count("decide")
        return run()


def train(made, state, strategy, epochs=2, callbacks=()):
    model, x, y, cut = made
    rows, held_out = columns_of(model, x, y).split(cut)
    called = CallbackList([EarlyStopping(patience=9), *callbacks])
    called.set_model(model)
    called.set_params({"epochs": epochs})
    return fit_loop(
        model,
        ArrayData(rows, BATCH, shuffle=False),
        epochs=epochs,
        callbacks=called,
        strategy=strategy,
        state=state,
        validation=ArrayEvaluation(held_out, BATCH),
    )


def train_as_crew(members, owned, lost_at=None, loser=0):
    """Trains a generation of members, threads with (model, x, y, cut) and state; returns who got through."""
    exchange, failed = Exchange(len(owned)), {}

    def run(rank):
        made, state = members[rank]
        try:
            train(made, state, Member(owned[rank], exchange, lost_at if rank == loser else None))
        except (ConnectionError, threading.BrokenBarrierError) as error:
            failed[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(owned))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


SPLITS = {
    2: [range(2), range(2, 4)],
    3: [range(1), range(1, 3), range(3, 4)],
    4: [range(k, k + 1) for k in range(4)],
}


@pytest.fixture(scope="module", params=MODELS)
def of_one(request):
    made, state = MODELS[request.param](), FitState(seed=7)
    train(made, state, LocalStrategy(LANES))
    return MODELS[request.param], pack(made[0], state), state.history


@pytest.mark.parametrize("size", SPLITS)
def test_any_number_of_members_gives_the_bits_of_one(of_one, size):
    make, expected, _ = of_one
    members = [(make(), FitState(seed=7)) for _ in range(size)]
    assert not train_as_crew(members, SPLITS[size])
    assert {pack(made[0], state) for made, state in members} == {expected}


@pytest.mark.parametrize(
    "lost_at", [("reduce", 2), ("after reduce", 2), ("reduce_sums", 2), ("reduce_sums", 5), ("decide", 1)]
)
def test_a_crew_goes_on_from_any_survivor_with_the_same_bits(of_one, lost_at):
    make, expected, _ = of_one
    members = [(make(), FitState(seed=7)) for _ in range(3)]
    failed = train_as_crew(members, SPLITS[3], lost_at)
    if make is stateful and lost_at == ("reduce_sums", 5):  # two validations are all there is to add up
        assert not failed
        return
    assert set(failed) == {0, 1, 2}
    newest = max(members[1:], key=lambda member: (member[1].iterations, member[1].epoch))
    data = pack(newest[0][0], newest[1])
    replacement = make()
    survivors = [members[1], (replacement, unpack(data, replacement[0]))]
    if (members[1][1].iterations, members[1][1].epoch) != (newest[1].iterations, newest[1].epoch):
        survivors[0] = (members[1][0], unpack(data, members[1][0][0]))
    assert not train_as_crew(survivors, SPLITS[2])
    assert {pack(made[0], state) for made, state in survivors} == {expected}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("steps", [1, 4])
def test_a_fit_resumes_in_mid_epoch_with_the_same_bits(make, lanes, steps):
    class Stop(LocalStrategy):
        def step_done(self, state):
            if state.iterations == steps:
                raise ConnectionError

    whole, state = make(), FitState(seed=7)
    train(whole, state, LocalStrategy(lanes))
    made, interrupted = make(), FitState(seed=7)
    with pytest.raises(ConnectionError):
        train(made, interrupted, Stop(lanes))
    other = make()
    resumed = unpack(pack(made[0], interrupted), other[0])
    train(other, resumed, LocalStrategy(lanes))
    assert pack(other[0], resumed) == pack(whole[0], state)


@pytest.mark.parametrize("name", ["masked", "stateful"])
def test_lanes_give_the_numbers_of_the_whole_batch(name):
    """Up to rounding: the mask's mean is that of the whole batch, and a row begins with its own state."""
    histories = []
    for lanes in (1, 2, 4):
        model, x, y, _ = MODELS[name]()
        for layer in model.layers:
            if isinstance(layer, Dropout):
                layer.rate = 0.0  # lanes draw numbers of their own
        cut = len(x) // BATCH * BATCH
        fitted = model.fit(
            x[:cut], y[:cut], batch_size=BATCH, epochs=3, shuffle=False, lanes=lanes, verbose=0
        )
        histories.append(fitted.history)
    for other in histories[1:]:
        for key, values in histories[0].items():
            np.testing.assert_allclose(values, other[key], rtol=1e-5, err_msg=key)


def test_weights_of_time_steps_and_masks_together_give_the_numbers_of_the_whole_batch():
    histories = []
    for lanes in (1, 4):
        model, x, y, _ = masked()
        model.layers[1].rate = 0.0  # lanes draw numbers of their own
        model.compile(
            "sgd",
            "categorical_crossentropy",
            metrics=["accuracy"],
            weighted_metrics=["mse", "accuracy"],
            sample_weight_mode="temporal",
        )
        weights = np.random.RandomState(6).choice([0.0, 0.5, 2.0], (26, 5))
        fitted = model.fit(
            x,
            y,
            batch_size=BATCH,
            epochs=3,
            shuffle=False,
            lanes=lanes,
            sample_weight=weights,
            validation_data=(x, y, weights),
            verbose=0,
        )
        histories.append(fitted.history)
    assert len(histories[0]) == 8
    for key, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][key], rtol=1e-5, err_msg=key)


def test_a_masked_validation_in_lanes_gives_the_numbers_of_evaluate():
    model, x, y, _ = masked()
    history = model.fit(
        x, y, batch_size=BATCH, epochs=1, lanes=4, validation_data=(x[:13], y[:13]), verbose=0
    ).history
    expected = model.evaluate(x[:13], y[:13], batch_size=BATCH, verbose=0)
    found = [history[f"val_{key}"][0] for key in model.metrics_names]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_callback_that_resets_states_at_an_epochs_end_is_followed():
    class Reset(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.reset_states()

    made = stateful()
    called = CallbackList([Reset()])
    called.set_model(made[0])
    made[0].predict(made[1][:BATCH], batch_size=BATCH)
    assert called.decide(0, {}).weights_changed
    idle = CallbackList([Callback()])
    idle.set_model(made[0])
    assert not idle.decide(0, {}).weights_changed


def test_states_of_another_model_are_refused():
    made = stateful()
    train(made, state := FitState(seed=7), LocalStrategy(LANES), epochs=1)
    data = pack(made[0], state)
    clear_session()
    smaller = Sequential(
        [
            LSTM(4, stateful=True, return_sequences=True, batch_input_shape=(4, 3, 2)),
            Bidirectional(GRU(3, stateful=True)),
            Dense(1),
        ]
    )
    smaller.compile("rmsprop", "mse")
    with pytest.raises(StateError, match=r"State 0/0 .*\(8, 4\).*\(4, 4\).*another model"):
        unpack(data, smaller)


def test_a_batch_that_does_not_fill_the_states_is_refused_in_lanes_too():
    model, x, y, _ = stateful()
    with pytest.raises(ShapeError, match="batch size of 8, but received a batch of 4 rows"):
        model.fit(x[:4], y[:4], batch_size=4, lanes=2, verbose=0)
