"""fit_generator and its like: the same numbers as from arrays, in bounded memory."""

import multiprocessing
import os
import signal

import numpy as np
import pytest

from batchyard.models import Input, Model, Sequential
from batchyard.models.callbacks import Callback, LambdaCallback
from batchyard.models.errors import DataError, InvalidArgumentError, NotCompiledError, WorkerLostError
from batchyard.models.layers import Dense
from batchyard.models.utils import Sequence

X = np.random.RandomState(0).uniform(-1, 1, (24, 3)).astype("float32")
Y = X.sum(1, keepdims=True).astype("float32")
WAYS = {
    "no worker": {"workers": 0},
    "a thread": {},
    "threads": {"workers": 3, "max_queue_size": 2},
    "processes": {"workers": 2, "use_multiprocessing": True},
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


class Rows(Sequence):
    def __init__(self, size=5, weights=None):
        self.size = size
        self.weights = weights
        self.ended = 0

    def __len__(self):
        return -(-len(X) // self.size)

    def __getitem__(self, index):
        rows = slice(index * self.size, (index + 1) * self.size)
        return (X[rows], Y[rows]) if self.weights is None else (X[rows], Y[rows], self.weights[rows])

    def on_epoch_end(self):
        self.ended += 1


def forever(size=5, rounds=10**9):
    for _ in range(rounds):
        for start in range(0, len(X), size):
            yield X[start : start + size], Y[start : start + size]


def make_model(**settings):
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("adam", "mse", metrics=["mae"], **settings)
    model.set_weights([np.full((3, 1), 0.5), np.zeros(1)])
    return model


def reference(epochs=2, **arguments):
    model = make_model()
    history = model.fit(X, Y, batch_size=5, epochs=epochs, shuffle=False, verbose=0, **arguments)
    return model, history.history


@ways
def test_a_sequence_trains_like_the_arrays_it_is_made_of(way):
    model, (wanted, history) = make_model(), reference(validation_data=(X, Y))
    found = model.fit_generator(
        Rows(), epochs=2, shuffle=False, verbose=0, validation_data=Rows(7), **way
    ).history
    np.testing.assert_array_equal(model.get_weights()[0], wanted.get_weights()[0])
    assert sorted(found) == sorted(history)
    for name, values in history.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)


@pytest.mark.parametrize("way", [WAYS["no worker"], WAYS["threads"]])
def test_a_generator_trains_like_the_arrays_it_reads(way):
    model, (wanted, history) = make_model(), reference(validation_data=(X, Y))
    found = model.fit_generator(
        forever(),
        steps_per_epoch=5,
        epochs=2,
        verbose=0,
        validation_data=forever(6),
        validation_steps=4,
        **way,
    ).history
    np.testing.assert_array_equal(model.get_weights()[0], wanted.get_weights()[0])
    np.testing.assert_allclose(found["val_loss"], history["val_loss"], rtol=1e-6)


def test_validation_arrays_are_taken_beside_a_generator():
    _, history = reference(validation_data=(X[:7], Y[:7], np.arange(7)))
    found = make_model().fit_generator(
        Rows(), epochs=2, shuffle=False, verbose=0, validation_data=(X[:7], Y[:7], np.arange(7))
    )
    np.testing.assert_allclose(found.history["val_loss"], history["val_loss"], rtol=1e-6)


def test_sample_and_class_weights_count():
    weights = np.linspace(0.5, 2, len(X)).astype("float32")
    wanted, _ = reference(sample_weight=weights)
    model = make_model()
    model.fit_generator(Rows(weights=weights), epochs=2, shuffle=False, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], wanted.get_weights()[0])

    labels = (Y > 0).astype("float32")
    pair = [make_model(), make_model()]
    pair[0].fit(X, labels, 24, verbose=0, class_weight={0: 1.0, 1: 3.0}, shuffle=False)
    pair[1].fit_generator(iter([(X, labels)]), 1, verbose=0, class_weight={0: 1.0, 1: 3.0})
    np.testing.assert_array_equal(pair[0].get_weights()[0], pair[1].get_weights()[0])


@ways
def test_evaluation_and_prediction_give_what_arrays_give(way):
    model = make_model()
    np.testing.assert_allclose(
        model.evaluate_generator(Rows(), **way), model.evaluate(X, Y, verbose=0), rtol=1e-6
    )
    np.testing.assert_allclose(model.predict_generator(Rows(), **way), model.predict(X), rtol=1e-6)


def test_prediction_takes_bare_inputs_and_several_outputs():
    x = Input((3,))
    model = Model(x, [Dense(1)(x), Dense(2)(x)])
    found = model.predict_generator((X[i : i + 8] for i in range(0, 24, 8)), steps=3)
    for one, other in zip(found, model.predict(X), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_model_without_input_shape_is_built_by_the_first_batch():
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    seen = []
    history = model.fit_generator(
        forever(),
        steps_per_epoch=5,
        verbose=0,
        callbacks=[LambdaCallback(on_batch_end=lambda batch, logs: seen.append(logs["size"]))],
    )
    assert seen == [5, 5, 5, 5, 4]
    assert history.params["steps"] == 5
    assert "samples" not in history.params
    assert history.params["metrics"] == ["loss", "val_loss"]
    told = model.fit(X, Y, batch_size=5, verbose=0).params
    assert (told["steps"], told["samples"], told["metrics"]) == (None, 24, ["loss"])


def test_epochs_end_for_the_sequence_too():
    rows = Rows()
    make_model().fit_generator(rows, epochs=3, verbose=0, workers=0)
    assert rows.ended == 2  # the third one's end would come with the next batch


def test_initial_epoch_and_stopping_are_those_of_the_one_loop():
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 4

    history = make_model().fit_generator(Rows(), epochs=9, initial_epoch=3, verbose=0, callbacks=[Stop()])
    assert history.epoch == [3, 4]


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_is_read_before_callbacks_were_told_of_the_beginning(workers):
    prepared = []

    def rows():
        while True:
            yield prepared[0]

    prepare = LambdaCallback(on_train_begin=lambda logs: prepared.append((X[:4], Y[:4])))
    history = make_model().fit_generator(
        rows(), 2, 1, 0, [prepare], validation_data=rows(), validation_steps=1, workers=workers
    )
    assert history.history["val_loss"][0] < history.history["loss"][0]


def test_memory_does_not_grow_with_the_number_of_batches():
    import weakref

    alive, most = weakref.WeakSet(), 0

    class Array(np.ndarray):
        pass

    def batches():
        nonlocal most
        while True:
            x = X[:4].copy().view(Array)
            alive.add(_Key(x))
            most = max(most, len(alive))
            yield x, Y[:4]

    class _Key:
        def __init__(self, array):
            array.key = self

    make_model().fit_generator(batches(), steps_per_epoch=60, verbose=0, max_queue_size=3)
    assert most <= 8


def test_a_generator_that_ends_is_explained():
    with pytest.raises(DataError, match="came to its end"):
        make_model().fit_generator(forever(rounds=1), steps_per_epoch=5, epochs=2, verbose=0)


def test_wrong_batches_and_missing_steps_are_explained():
    with pytest.raises(DataError, match=r"must give tuples \(x, y\)"):
        make_model().fit_generator(iter([X]), steps_per_epoch=1, verbose=0)
    with pytest.raises(InvalidArgumentError, match="give steps_per_epoch"):
        make_model().fit_generator(forever())
    with pytest.raises(InvalidArgumentError, match="give validation_steps"):
        make_model().fit_generator(Rows(), validation_data=forever(), verbose=0)
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        make_model().evaluate_generator(forever(), steps=0)
    with pytest.raises(DataError, match="validation_data must be"):
        make_model().fit_generator(Rows(), validation_data=3, verbose=0)
    with pytest.raises(DataError, match="a tuple of 4"):
        make_model().predict_generator(iter([(1, 2, 3, 4)]), steps=1)
    with pytest.raises(NotCompiledError):
        Sequential([Dense(1)]).fit_generator(Rows())


def test_progress_counts_steps(capsys):
    make_model().fit_generator(Rows(), verbose=1)
    assert "5/5" in capsys.readouterr().out
    make_model().evaluate_generator(Rows(), verbose=1)
    assert "5/5" in capsys.readouterr().out


def test_a_generator_in_several_processes_is_warned_of():
    with pytest.warns(UserWarning, match="once per worker"):
        make_model().fit_generator(
            forever(), steps_per_epoch=2, verbose=0, workers=2, use_multiprocessing=True
        )


class _EndsItsProcess(Sequence):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.ones((2, 3)), np.ones((2, 1))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs forked processes")
def test_a_worker_process_that_is_killed_is_told_and_not_waited_for():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    with pytest.raises(WorkerLostError, match=r"exit code -9.*ran out of memory"):
        model.fit_generator(_EndsItsProcess(), workers=2, use_multiprocessing=True, verbose=0)
    assert not multiprocessing.active_children()


def test_no_more_batches_are_made_than_are_wanted():
    made = []

    class Counting(Sequence):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            made.append(index)
            return np.ones((2, 3)), np.ones((2, 1))

    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.fit_generator(Counting(), epochs=2, shuffle=False, verbose=0)
    assert made == [0, 1, 2, 0, 1, 2]
    given = iter([(np.ones((2, 3)), np.ones((2, 1)))] * 4)
    model.evaluate_generator(given, steps=3)
    assert len(list(given)) == 1
