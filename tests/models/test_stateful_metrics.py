"""Metrics that count over all batches of an epoch."""

import numpy as np
import pytest

from batchyard.models import Sequential, backend
from batchyard.models.callbacks import LambdaCallback
from batchyard.models.callbacks.callback_list import CallbackList
from batchyard.models.errors import InvalidArgumentError, StateError
from batchyard.models.layers import Dense, Layer
from batchyard.models.training.data import ArrayData
from batchyard.models.training.loop import fit_loop
from batchyard.models.training.state import FitState, pack, unpack
from batchyard.models.training.strategy import LocalStrategy

X = np.random.RandomState(0).normal(size=(10, 3)).astype("float32")
Y = (np.arange(10) % 2).astype("float32")[:, None]


class Hits(Layer):
    """How many rows above one half were predicted as such, so far."""

    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.stateful = True
        self.count = backend.variable(0)

    def reset_states(self):
        backend.set_value(self.count, 0)

    def __call__(self, y_true, y_pred):
        hits = backend.sum(y_true * backend.cast(y_pred > 0.5, "float32"))
        self.add_update(backend.update_add(self.count, hits), inputs=[y_true, y_pred])
        return self.count * 1


def _model(metric):
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(3,))])
    model.compile("sgd", "binary_crossentropy", metrics=["acc", metric])
    return model


def _hits(model, rows=slice(None)):
    return float(((model.predict(X[rows]) > 0.5) * Y[rows]).sum())


def test_the_value_after_the_last_batch_is_told_and_not_a_mean():
    model = _model(Hits())
    assert model.metrics_names == ["loss", "acc", "hits"]
    assert model.stateful_metric_names == ["hits"]
    history = model.fit(X, Y, batch_size=3, epochs=2, validation_data=(X[:5], Y[:5]), verbose=0).history
    assert history["val_hits"][-1] == pytest.approx(_hits(model, slice(5)))
    assert all(0 <= value <= 5 and value == pytest.approx(round(value)) for value in history["hits"])
    assert model.evaluate(X, Y, batch_size=4, verbose=0)[2] == pytest.approx(_hits(model))
    batches = ((X[at : at + 2], Y[at : at + 2]) for at in range(0, 10, 2))
    assert model.evaluate_generator(batches, steps=5)[2] == pytest.approx(_hits(model))


def test_single_batches_go_on_counting_until_the_states_are_reset():
    metric = Hits()
    model = _model(metric)
    expected = 0.0
    for rows in (slice(0, 4), slice(4, 10)):
        expected += _hits(model, rows)
        assert model.test_on_batch(X[rows], Y[rows])[2] == pytest.approx(expected)
    metric.reset_states()
    first = _hits(model, slice(4))
    assert model.train_on_batch(X[:4], Y[:4])[2] == pytest.approx(first)
    second = _hits(model, slice(4, 10))
    assert model.train_on_batch(X[4:], Y[4:])[2] == pytest.approx(first + second)


def test_each_epoch_begins_to_count_anew():
    model = _model(Hits())
    model.layers[0].set_weights([np.zeros((3, 1)), np.full(1, 50.0)])  # everything is a hit
    begun = []
    count = LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    history = model.fit(X, Y, batch_size=3, epochs=3, callbacks=[count], verbose=0).history
    assert begun == [0, 1, 2]
    assert history["hits"] == pytest.approx([5.0, 5.0, 5.0])


def test_counting_in_several_places_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"'hits'.*lanes=4"):
        _model(Hits()).fit(X, Y, lanes=4, verbose=0)


class Tally:
    """Counts rows in a number of Python's, without being a layer."""

    stateful = True
    name = "tally"

    def __init__(self):
        self.rows = 0.0

    def reset_states(self):
        self.rows = 0.0

    def __call__(self, y_true, y_pred):
        self.rows += len(y_true)
        return self.rows


class _Broken(Exception):
    pass


class _LosesAStep(LocalStrategy):
    """Fails once, after a batch was computed and before the step is applied."""

    failed = False

    def reduce(self, results):
        total = super().reduce(results)
        if not self.failed:
            self.failed = True
            raise _Broken
        return total


def _loop(model, strategy, state, epochs=2):
    from batchyard.models.training.adapt import columns_of

    callbacks = CallbackList([])
    callbacks.set_model(model)
    callbacks.set_params({})
    data = ArrayData(columns_of(model, X, Y), 3, False)
    return fit_loop(model, data, epochs=epochs, callbacks=callbacks, strategy=strategy, state=state)


@pytest.mark.parametrize("metric", [Hits, Tally])
def test_a_batch_that_is_computed_again_counts_once(metric):
    model = _model(metric())
    model.layers[0].set_weights([np.zeros((3, 1)), np.full(1, 50.0)])  # everything is a hit
    strategy, state = _LosesAStep(), FitState(seed=1)
    with pytest.raises(_Broken):
        _loop(model, strategy, state)
    history = _loop(model, strategy, state).history
    assert history[metric.__name__.lower()] == pytest.approx([5.0, 5.0] if metric is Hits else [10.0, 10.0])


class _Keeps(LocalStrategy):
    """Packs all at the second step of an epoch."""

    kept = b""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def step_done(self, state):
        if state.step == 2 and not self.kept:
            self.kept = pack(self.model, state)


@pytest.mark.parametrize("metric", [Hits, Tally])
def test_counts_go_on_where_a_checkpoint_was_taken_within_an_epoch(metric):
    model = _model(metric())
    strategy = _Keeps(model)
    expected = _loop(model, strategy, FitState(seed=1)).history
    other = _model(metric())
    assert _loop(other, LocalStrategy(), unpack(strategy.kept, other)).history == expected


def test_counts_of_another_metric_are_refused():
    kept = pack(_model(Hits()), FitState(seed=1))
    with pytest.raises(StateError, match="tally"):
        unpack(kept, _model(Tally()))
