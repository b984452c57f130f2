"""The loop: same bits with lanes, after crashes and resumption; stops, decisions, non-finite losses."""

import hashlib

import numpy as np
import pytest
import torch

from batchyard.models import Model, Sequential
from batchyard.models.backend import clear_session
from batchyard.models.callbacks import Callback, CallbackList, EarlyStopping, History, ReduceLROnPlateau
from batchyard.models.errors import NonFiniteLoss, StateError
from batchyard.models.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
)
from batchyard.models.training import (
    ArrayData,
    ArrayEvaluation,
    FitState,
    LaneResult,
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
from batchyard.models.training.step import TrainStep

random = np.random.RandomState(0)
X = random.rand(101, 10, 10, 1).astype("float32")
Y = np.eye(4, dtype="float32")[random.randint(0, 4, 101)]
EPOCHS = 3


def convnet(optimizer="adam", seed=1):
    clear_session()
    torch.manual_seed(seed)
    model = Sequential(
        [
            Conv2D(4, 3, activation="relu", input_shape=(10, 10, 1)),
            BatchNormalization(),
            MaxPooling2D(),
            Dropout(0.25),
            Flatten(),
            Dense(8, activation="relu", kernel_regularizer="l2"),
            Dropout(0.5),
            Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def digest(model):
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


def run(model, state, strategy, callbacks=(), epochs=EPOCHS, **arguments):
    train, held_out = columns_of(model, X, Y).split(80)
    called = CallbackList([*callbacks, History()])
    called.set_model(model)
    called.set_params({"epochs": epochs})
    return fit_loop(
        model,
        ArrayData(train, 32),
        epochs=epochs,
        callbacks=called,
        strategy=strategy,
        state=state,
        validation=ArrayEvaluation(held_out, 16),
        **arguments,
    )


class Crashing(LocalStrategy):
    """Fails at one call of one method, once."""

    decision_can_fail = True

    def __init__(self, lanes, method, call):
        super().__init__(lanes)
        self.method, self.calls_left = method, call

    def _count(self, method):
        if method == self.method:
            self.calls_left -= 1
            if self.calls_left == 0:
                raise ConnectionError(method)

    def reduce(self, results):
        self._count("reduce")
        return super().reduce(results)

    def reduce_sums(self, sums, length):
        self._count("reduce_sums")
        return super().reduce_sums(sums, length)

    def decide(self, epoch, run):
        decision = super().decide(epoch, run)
        self._count("decide")
        return decision

    def step_done(self, state):
        self._count("step_done")

    def epoch_done(self, state):
        self._count("epoch_done")


class OneMember(Strategy):
    """A member of a crew of several, in one process: lanes of the others are computed by their own models."""

    def __init__(self, lanes, owned, others):
        self.lanes, self._owned, self.others = lanes, owned, others

    @property
    def owned_lanes(self):
        return self._owned

    def reduce(self, results):
        blocks = self.others()
        parts = {lane: flatten(r) for lane, r in zip(self._owned, results, strict=True) if r is not None}
        blocks.update(subtree_sums(parts, self._owned, self.lanes))
        return unflatten(finish_tree(blocks, self.lanes), self.lane_spec)

    def reduce_sums(self, sums):
        raise NotImplementedError


def callbacks():
    return [EarlyStopping(patience=5, restore_best_weights=True), ReduceLROnPlateau(patience=0, factor=0.5)]


@pytest.fixture(scope="module")
def uninterrupted():
    model = convnet()
    state = run(model, FitState(seed=7), LocalStrategy(4), callbacks())
    return pack(model, state), state


@pytest.mark.parametrize("method", ["reduce", "reduce_sums", "decide", "step_done", "epoch_done"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_fit_goes_on_with_the_same_bits_after_its_strategy_has_failed(method, call, uninterrupted):
    model, state = convnet(), FitState(seed=7)
    with pytest.raises(ConnectionError):
        run(model, state, Crashing(4, method, call), callbacks())
    run(model, state, LocalStrategy(4), callbacks())
    assert pack(model, state) == uninterrupted[0]
    assert state.history == uninterrupted[1].history


@pytest.mark.parametrize(("method", "call"), [("reduce", 1), ("reduce", 5), ("decide", 2), ("epoch_done", 1)])
def test_another_process_goes_on_from_packed_bytes_with_the_same_bits(method, call, uninterrupted):
    model, state = convnet(), FitState(seed=7)
    with pytest.raises(ConnectionError):
        run(model, state, Crashing(4, method, call), callbacks())
    data = pack(model, state)
    other = convnet(seed=99)
    resumed = unpack(data, other)
    assert pack(other, resumed) == data
    run(other, resumed, LocalStrategy(4), callbacks())
    assert pack(other, resumed) == uninterrupted[0]


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"])
def test_every_optimizer_resumes_with_the_same_bits(optimizer):
    whole = convnet(optimizer)
    run(whole, FitState(seed=3), LocalStrategy(), epochs=2)
    model = convnet(optimizer)
    data = pack(model, run(model, FitState(seed=3), LocalStrategy(), epochs=1))
    other = convnet(optimizer, seed=5)
    run(other, unpack(data, other), LocalStrategy(), epochs=2)
    assert digest(other) == digest(whole)


def test_a_fit_with_lanes_is_reproducible():
    runs = []
    for _ in range(2):
        model = convnet()
        history = model.fit(X, Y, batch_size=32, epochs=2, lanes=4, validation_split=0.2, verbose=0)
        runs.append((digest(model), history.history))
    assert runs[0] == runs[1]


def test_another_seed_gives_another_run():
    digests = set()
    for seed in (1, 2):
        model = convnet()
        run(model, FitState(seed=seed), LocalStrategy(), epochs=1)
        digests.add(digest(model))
    assert len(digests) == 2


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 32])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_two_members_sum_a_step_to_the_bits_of_one_process(rows, cut):
    """Also where a member's lanes are all empty, as in a last batch of few rows."""
    model = convnet()
    data = ArrayData(columns_of(model, X[:rows], Y[:rows]), 32, shuffle=False)
    batch = data.batch(0)
    step = TrainStep(model, 4)
    spec = step.spec(batch, 7)
    local = LocalStrategy(4)
    local.lane_spec = spec
    expected = flatten(local.reduce(step.results(batch, 7, 0, 0, range(4))))

    def member(owned, others):
        own_step = TrainStep(model, 4)
        strategy = OneMember(4, owned, others)
        strategy.lane_spec = own_step.spec(batch, 7)
        return strategy, own_step.results(batch, 7, 0, 0, owned)

    def second_half():
        _, results = member(range(cut, 4), dict)
        parts = {lane: flatten(r) for lane, r in zip(range(cut, 4), results, strict=True) if r is not None}
        return subtree_sums(parts, range(cut, 4), 4)

    strategy, results = member(range(cut), second_half)
    assert torch.equal(flatten(strategy.reduce(results)), expected)


def test_before_reduce_returns_nothing_of_the_model_has_changed():
    model, state = convnet(), FitState(seed=7)
    before = digest(model)
    with pytest.raises(ConnectionError):
        run(model, state, Crashing(1, "reduce", 1))
    assert digest(model) == before
    assert (state.step, state.iterations, model.optimizer.iterations) == (0, 0, 0)


def test_a_wish_to_stop_ends_the_epoch_after_the_step_and_does_its_end_work():
    class Stopping(LocalStrategy):
        def step_done(self, state):
            if state.step == 1 and state.epoch == 1:
                self.request_stop()

    model = convnet()
    state = run(model, FitState(seed=7), Stopping(2))
    assert state.stopped
    assert state.stop_reason == "stopped on request"
    assert state.epochs == [0, 1]
    assert state.iterations == 3 + 2
    assert len(state.history["val_loss"]) == 2


def test_a_callback_stops_training():
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    state = run(convnet(), FitState(seed=7), LocalStrategy(), [Stop()])
    assert state.stopped
    assert state.epochs == [0]


def test_hooks_are_called_in_keras_order():
    calls = []

    class Recorder(Callback):
        def on_train_begin(self, logs=None):
            calls.append("train")

        def on_epoch_begin(self, epoch, logs=None):
            calls.append(f"epoch {epoch}")

        def on_batch_begin(self, batch, logs=None):
            calls.append(f"batch {batch} of {logs['size']}")

        def on_batch_end(self, batch, logs=None):
            assert set(logs) == {"batch", "size", "loss", "acc"}
            assert np.isfinite(logs["loss"])
            calls.append(f"done {batch}")

        def on_epoch_end(self, epoch, logs=None):
            assert list(logs) == ["val_loss", "val_acc", "loss", "acc"]
            calls.append(f"end {epoch}")

        def on_train_end(self, logs=None):
            calls.append("over")

    run(convnet(), FitState(seed=7), LocalStrategy(), [Recorder()], epochs=1)
    steps = ["batch 0 of 32", "done 0", "batch 1 of 32", "done 1", "batch 2 of 16", "done 2"]
    assert calls == ["train", "epoch 0", *steps, "end 0", "over"]


def test_an_epoch_that_is_gone_on_with_is_not_begun_again():
    begun = []

    class Recorder(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            begun.append(epoch)

    model, state = convnet(), FitState(seed=7)
    with pytest.raises(ConnectionError):
        run(model, state, Crashing(1, "reduce", 1), [Recorder()], epochs=1)
    run(model, state, LocalStrategy(), [Recorder()], epochs=1)
    assert begun == [0]


def test_a_loss_that_is_not_finite_is_refused_before_it_is_applied():
    model, state = convnet(), FitState(seed=7)
    model.set_weights([w * np.nan if w.ndim == 2 else w for w in model.get_weights()])
    with pytest.raises(NonFiniteLoss, match=r"The loss is nan in epoch 1, step 1") as caught:
        run(model, state, LocalStrategy(), check_finite=True)
    assert (caught.value.epoch, caught.value.step) == (0, 0)
    assert state.iterations == 0


def test_the_reported_loss_is_the_mean_over_rows_of_the_batches_losses():
    class Batches(Callback):
        def on_train_begin(self, logs=None):
            self.losses = []

        def on_batch_end(self, batch, logs=None):
            self.losses.append((logs["loss"], logs["size"]))

    batches = Batches()
    state = run(convnet(), FitState(seed=7), LocalStrategy(), [batches], epochs=1)
    mean = sum(loss * size for loss, size in batches.losses) / sum(size for _, size in batches.losses)
    assert state.history["loss"][0] == pytest.approx(mean, rel=1e-6)


def test_penalties_count_once_with_any_number_of_lanes():
    def loss(lanes):
        x = Input((3,))
        model = Model(x, Dense(2, kernel_regularizer="l2", kernel_initializer="ones")(x))
        model.compile("sgd", "mse")
        step = TrainStep(model, lanes)
        data = ArrayData(columns_of(model, np.ones((8, 3)), np.zeros((8, 2))), 8, shuffle=False)
        strategy = LocalStrategy(lanes)
        strategy.lane_spec = step.spec(data.batch(0), 0)
        total = strategy.reduce(step.results(data.batch(0), 0, 0, 0, range(lanes)))
        return float(total.sums[2] / total.sums[0])

    assert loss(1) == pytest.approx(9 + 0.06)
    assert loss(4) == pytest.approx(9 + 0.06)


@pytest.mark.parametrize("cut", [0, 7, 16, 40, -1])
def test_a_state_that_is_cut_off_is_refused(cut, uninterrupted):
    model = convnet()
    before = digest(model)
    with pytest.raises(StateError):
        unpack(uninterrupted[0][:cut], model)
    assert digest(model) == before


def test_a_state_with_a_flipped_bit_is_refused(uninterrupted):
    data = bytearray(uninterrupted[0])
    for place in (3, 10, 30, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 64
        with pytest.raises(StateError):
            unpack(bytes(damaged), convnet())


def test_the_state_of_another_model_is_refused(uninterrupted):
    other = Sequential([Dense(4, input_shape=(3,))])
    other.compile("adam", "mse")
    with pytest.raises(StateError, match="another model"):
        unpack(uninterrupted[0], other)
    with pytest.raises(StateError, match="optimizer Adam, but the model is compiled with SGD"):
        unpack(uninterrupted[0], convnet("sgd"))


def test_lane_results_have_the_documented_parts():
    model = convnet()
    batch = ArrayData(columns_of(model, X, Y), 10, shuffle=False).batch(0)
    step = TrainStep(model, 4)
    results = list(step.results(batch, 0, 0, 0, range(4), wishes_stop=True))
    assert all(isinstance(r, LaneResult) for r in results)
    assert [r.sums[0].item() for r in results] == [3, 3, 2, 2]
    assert [r.sums[1].item() for r in results] == [1, 1, 1, 1]
    assert len(results[0].grads) == len(model.trainable_weights)
    assert [u.shape for u in results[0].updates] == [(4,), (4,)]
