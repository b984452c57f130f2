"""What code of Keras's time imports from keras.engine and keras.utils."""

import numpy as np
import pytest
import torch

from batchyard.models import Input, Model, Sequential, backend, losses, utils
from batchyard.models.callbacks import LambdaCallback
from batchyard.models.compat import backend_common, training_arrays, training_generator, training_utils
from batchyard.models.errors import DataError, InvalidArgumentError, NotSerializableError
from batchyard.models.layers import BatchNormalization, Dense
from batchyard.models.utils import generic_utils

X = np.random.RandomState(0).normal(size=(10, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


# keras.engine.training_utils.


def test_arrays_are_brought_into_the_order_of_the_names():
    spread = training_utils.standardize_input_data
    a, b = spread({"b": X[:, 0], "a": X}, ["a", "b"], [(None, 3), (None, 1)])
    assert (a.shape, b.shape) == ((10, 3), (10, 1))
    assert spread([1.0, 2.0], ["a"])[0].shape == (2, 1)
    assert spread(None, ["a", "b"]) == [None, None]
    assert spread([], []) == []
    assert spread(torch.ones(4), ["a"])[0].shape == (4, 1)


@pytest.mark.parametrize(
    ("data", "names", "shapes", "message"),
    [
        (X, [], None, "expected no data"),
        ({"a": X}, ["a", "b"], None, "No data provided for 'b'"),
        ([X], ["a", "b"], None, "Expected 2 arrays"),
        (X, ["a"], [(None, 4)], "expected a to have shape"),
        (X, ["a"], [(None, 4, 1)], "expected a to have 3 dimensions"),
        (Input((3,)), ["a"], None, "known number of rows"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(data, names, shapes, message):
    with pytest.raises(DataError, match=message):
        training_utils.standardize_input_data(data, names, shapes)
    with pytest.raises(TypeError, match="should be an array"):
        training_utils.standardize_input_data([{}, {}], ["a", "b"])


def test_weights_are_spread_over_the_outputs():
    spread = training_utils.standardize_sample_weights
    assert spread(None, ["a", "b"]) == [None, None]
    assert spread({"b": 1}, ["a", "b"]) == [None, 1]
    assert spread([1, 2], ["a", "b"]) == [1, 2]
    assert training_utils.standardize_class_weights({0: 1.0}, ["a"]) == [{0: 1.0}]
    assert training_utils.standardize_class_weights({"a": {0: 1.0}}, ["a"]) == [{0: 1.0}]
    with pytest.raises(DataError, match="2 outputs"):
        spread([1], ["a", "b"])
    with pytest.raises(TypeError, match="several outputs"):
        spread(X, ["a", "b"])


def test_a_row_has_one_weight_or_one_per_time_step():
    weigh = training_utils.standardize_weights
    y = np.array([[0.0], [1.0], [1.0]])
    steps = np.ones((2, 4, 1))
    assert weigh(y).tolist() == [1, 1, 1]
    assert weigh(steps, sample_weight_mode="temporal").shape == (2, 4)
    assert weigh(y, class_weight={0: 2.0, 1: 3.0}).tolist() == [2, 3, 3]
    assert weigh(np.eye(3), class_weight={0: 2.0, 1: 3.0, 2: 4.0}).tolist() == [2, 3, 4]
    weights = np.array([1.0, 2.0, 3.0])
    assert weigh(y, weights) is weights
    with pytest.warns(UserWarning, match="class_weight"):
        weigh(y, weights, class_weight={})
    with pytest.raises(DataError, match="all classes"):
        weigh(y, class_weight={0: 1.0})
    with pytest.raises(DataError, match="three or more axes"):
        weigh(steps, class_weight={0: 1.0})
    with pytest.raises(DataError, match="expected 1 axes"):
        weigh(steps, np.ones((2, 4)))
    with pytest.raises(DataError, match="cannot be broadcast"):
        weigh(y, np.ones(2))
    with pytest.raises(DataError, match="axis of time"):
        weigh(y, sample_weight_mode="temporal")
    with pytest.raises(DataError, match="None or 'temporal'"):
        weigh(y, sample_weight_mode="row")


def test_arrays_of_different_lengths_are_refused():
    check = training_utils.check_array_length_consistency
    check([X, X], [Y], [Y[:, 0]])
    for arrays, message in (
        (([X, X[:2]], [Y]), r"input arrays \(x\)"),
        (([X], [Y, Y[:2]]), r"target arrays \(y\)"),
        (([X], [Y[:2]]), "10 input samples and 2 target"),
        (([X], [Y], [Y, Y[:2]]), "sample_weight arrays"),
        (([X], [Y], [Y[:2]]), "2 sample weights"),
    ):
        with pytest.raises(DataError, match=message):
            check(*arrays)


def test_targets_that_do_not_fit_the_loss_are_refused():
    check = training_utils.check_loss_and_target_compatibility
    check([Y, None], [losses.mean_squared_error, None], [(None, 1), (None, 2)])
    check([Y], [lambda a, b: a], [(None, 3)])
    with pytest.raises(DataError, match="one column per class"):
        check([Y], [losses.categorical_crossentropy], [(None, 3)])
    with pytest.raises(DataError, match="same shape"):
        check([Y], [losses.mean_squared_error], [(None, 3)])


def test_small_helpers_of_training():
    assert training_utils.make_batches(7, 3) == [(0, 3), (3, 6), (6, 7)]
    assert training_utils.collect_metrics(["a"], ["x", "y"]) == [["a"], ["a"]]
    assert training_utils.collect_metrics({"y": "a"}, ["x", "y"]) == [[], ["a"]]
    assert training_utils.collect_metrics(None, ["x"]) == [[]]
    with pytest.raises(TypeError, match="list or a dictionary"):
        training_utils.collect_metrics("acc", ["x"])
    shuffled = training_utils.batch_shuffle(np.arange(7), 3)
    assert sorted(shuffled.tolist()) == list(range(7))
    assert shuffled[6] == 6
    assert {tuple(shuffled[:3]), tuple(shuffled[3:6])} == {(0, 1, 2), (3, 4, 5)}
    assert training_utils.check_num_samples([X]) == 10
    assert training_utils.check_num_samples([], steps=2) is None
    with pytest.raises(DataError, match="must be None"):
        training_utils.check_num_samples([X], 2, 2)
    with pytest.raises(DataError, match="specify the `steps`"):
        training_utils.check_num_samples([Input((3,))])
    endless = training_utils.iter_sequence_infinite([1, 2])
    assert [next(endless) for _ in range(5)] == [1, 2, 1, 2, 1]


def test_a_loss_takes_weights_and_a_mask():
    weighted = training_utils.weighted_masked_objective(losses.mean_absolute_error)
    assert training_utils.weighted_masked_objective(None) is None
    y, zeros = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]]), torch.zeros(2, 2, 1)
    assert weighted(zeros, y, None).item() == 2.5
    mask = torch.tensor([[True, False], [True, True]])
    assert weighted(zeros, y, None, mask).item() == pytest.approx(8 / 3)
    assert weighted(zeros, y, torch.tensor([2.0, 0.0])).item() == pytest.approx(3.0)
    symbolic = weighted(Input((3,)), Input((3,)), None)
    assert symbolic.shape == ()


# keras.engine.training_arrays and training_generator.


def test_a_function_of_one_s_own_is_fitted_with_callbacks():
    x, y, w = Input((3,)), Input((1,)), backend.variable(np.zeros((3, 1)))
    loss = backend.mean(backend.square(backend.dot(x, w) - y))
    step = backend.function([x, y], [loss], updates=[(w, w - 0.1 * backend.gradients(loss, [w])[0])])
    test = backend.function([x, y], [loss])
    seen = []
    history = training_arrays.fit_loop(
        Sequential([Dense(1, input_shape=(3,))]),
        step,
        [X, Y],
        ["loss"],
        batch_size=4,
        epochs=30,
        verbose=0,
        callbacks=[LambdaCallback(on_batch_end=lambda batch, logs: seen.append(logs["size"]))],
        val_f=test,
        val_ins=[X, Y],
    )
    assert seen[:3] == [4, 4, 2]
    assert history.history["val_loss"][-1] < 0.1 * history.history["val_loss"][0]
    expected = float(np.square(X @ w.detach().numpy() - Y).mean())
    assert training_arrays.test_loop(None, test, [X, Y], batch_size=4) == pytest.approx(expected, rel=1e-5)
    rows = training_arrays.predict_loop(None, backend.function([x], [backend.dot(x, w)]), [X], batch_size=4)
    np.testing.assert_allclose(rows, X @ w.detach().numpy(), rtol=1e-5)


def test_the_methods_for_generators_are_functions_too():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")

    def batches():
        while True:
            yield X, Y

    history = training_generator.fit_generator(model, batches(), 2, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    expected = model.evaluate(X, Y, verbose=0)
    assert training_generator.evaluate_generator(model, batches(), 2) == pytest.approx(expected)
    assert training_generator.predict_generator(model, batches(), 2).shape == (20, 1)


# keras.utils.


def _two_headed():
    x = Input((3,))
    hidden = BatchNormalization()(Dense(4, activation="tanh")(x))
    return Model(x, [Dense(1, name="one")(hidden), Dense(2, name="two")(hidden)])


@pytest.mark.parametrize("cpu_merge", [True, False])
def test_a_model_on_several_devices_computes_and_trains_as_the_model_itself(cpu_merge):
    torch.manual_seed(0)
    model = _two_headed()
    parallel = utils.multi_gpu_model(model, ["cpu", "cpu", "cpu"], cpu_merge=cpu_merge)
    for one, other in zip(parallel.predict(X), model.predict(X), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert parallel.output_names == ["one", "two"]
    before = model.get_weights()
    parallel.compile("sgd", {"one": "mse", "two": "mse"})
    parallel.fit(X, [Y, np.hstack([Y, Y])], batch_size=5, epochs=2, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    for one, other in zip(parallel.predict(X[:1]), model.predict(X[:1]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    with pytest.raises(NotSerializableError, match="Save the model that it was made of"):
        parallel.get_config()


def test_fewer_than_two_devices_or_unknown_ones_are_refused():
    for gpus in (1, [0], 0):
        with pytest.raises(InvalidArgumentError, match="at least two"):
            utils.multi_gpu_model(_two_headed(), gpus)
    with pytest.raises(InvalidArgumentError, match="not there"):
        utils.multi_gpu_model(_two_headed(), [0, 4096])


def test_functions_become_code_and_back():
    factor = 3

    def scaled(x, shift=1):
        return factor * x + shift

    again = generic_utils.func_load(generic_utils.func_dump(scaled))
    assert again(2) == scaled(2) == 7
    code, defaults, closure = generic_utils.func_dump(scaled)
    assert generic_utils.func_load(code, defaults, closure)(1, shift=0) == 3
    assert generic_utils.func_load(generic_utils.func_dump(lambda x: K.abs(x)))(torch.tensor(-2.0)) == 2  # noqa: F821
    assert generic_utils.func_load(generic_utils.func_dump(lambda: y), globs={"y": 5})() == 5  # noqa: F821
    with pytest.raises(InvalidArgumentError, match="no Python function"):
        generic_utils.func_dump(len)


def test_keras_1_s_words_for_the_data_format():
    backend_common.set_image_dim_ordering("th")
    try:
        assert backend.image_data_format() == "channels_first"
        assert backend_common.image_dim_ordering() == "th"
    finally:
        backend_common.set_image_dim_ordering("tf")
    assert backend_common.image_dim_ordering() == "tf"
    with pytest.raises(InvalidArgumentError, match="'tf' or 'th'"):
        backend_common.set_image_dim_ordering("channels_last")
