"""fit, evaluate, predict, single batches: data of all kinds, weights, and what is said of wrong ones."""

import h5py
import numpy as np
import pytest
import torch

from batchyard.models import Input, Model, Sequential, backend, losses
from batchyard.models.errors import DataError, InvalidArgumentError, NotCompiledError
from batchyard.models.layers import Dense, Dropout
from batchyard.models.optimizers import SGD
from batchyard.models.training import ArrayData
from batchyard.models.training.adapt import columns_of
from batchyard.models.training.evaluate import evaluate_batch, finish_sums
from batchyard.models.training.predict import predict_batch

X = np.random.RandomState(0).rand(50, 3).astype("float32")
Y = np.random.RandomState(1).rand(50, 2).astype("float32")


def dense(loss="mse", units=2, activation=None, optimizer="sgd", **arguments):
    torch.manual_seed(0)
    model = Sequential([Dense(units, activation=activation, input_shape=(3,))])
    model.compile(optimizer, loss, **arguments)
    return model


def two_outputs(**arguments):
    torch.manual_seed(0)
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], [Dense(2, name="p")(a), Dense(1, name="q")(b)])
    model.compile("sgd", "mse", **arguments)
    return model


def weights_after(x=X, y=Y, model=None, **arguments):
    model = model or dense()
    torch.manual_seed(5)
    model.fit(x, y, verbose=0, **{"batch_size": 16, "epochs": 2, **arguments})
    return model.get_weights()


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


# Kinds of data.


@pytest.mark.parametrize(
    "kind", ["tensor", "list", "float64", "fortran", "reversed", "read only", "bare list"]
)
def test_data_of_any_kind_train_alike(kind):
    given = {
        "tensor": lambda a: torch.from_numpy(a),
        "list": lambda a: [a],
        "float64": lambda a: a.astype("float64"),
        "fortran": np.asfortranarray,
        "reversed": lambda a: a[::-1].copy()[::-1],
        "read only": lambda a: np.frombuffer(a.tobytes(), "float32").reshape(a.shape),
        "bare list": lambda a: a.tolist(),
    }[kind]
    same(weights_after(given(X), given(Y)), weights_after())


def test_datasets_of_a_file_train_like_arrays(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = X, Y
        for arguments in (
            {},
            {"shuffle": "batch"},
            {"shuffle": False},
            {"validation_split": 0.2},
            {"lanes": 4},
        ):
            same(weights_after(file["x"], file["y"], **arguments), weights_after(**arguments))
        model = dense()
        np.testing.assert_array_equal(model.predict(file["x"]), model.predict(X))


def test_a_dataset_is_never_read_whole():
    class Watched:
        shape, dtype = X.shape, X.dtype

        def __init__(self):
            self.most = 0

        def __getitem__(self, index):
            rows = X[index]
            self.most = max(self.most, len(rows))
            return rows

    watched = Watched()
    weights_after(watched, Y, validation_split=0.2)
    assert watched.most == 16


def test_dictionaries_name_inputs_and_outputs():
    model = two_outputs()
    before = model.get_weights()
    targets = [Y, Y[:, :1]]
    first = weights_after([X, X + 1], targets, model)
    model.set_weights(before)
    named = weights_after({"b": X + 1, "a": X}, {"q": Y[:, :1], "p": Y}, model)
    same(first, named)


# Order and splits.


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_each_row_is_seen_once_an_epoch_in_an_order_of_seed_and_epoch(shuffle):
    model = dense()
    data = ArrayData(columns_of(model, np.arange(150.0).reshape(50, 3), Y), 4, shuffle)

    def order(epoch, seed):
        data.begin_epoch(epoch, seed)
        batches = [data.batch(step) for step in range(data.steps_per_epoch)]
        return [int(row[0]) // 3 for b in batches for row in b.lane(slice(0, b.rows)).inputs[0]]

    assert sorted(order(0, 1)) == list(range(50))
    assert order(3, 1) == order(3, 1)
    assert (order(0, 1) == order(1, 1)) == (shuffle is False)
    assert (order(0, 1) == order(0, 2)) == (shuffle is False)
    if shuffle == "batch":
        assert order(0, 1)[-2:] == [48, 49]


def test_lanes_are_fresh_contiguous_tensors():
    columns = columns_of(dense(), X, Y)
    for shuffle in (True, False):
        data = ArrayData(columns, 16, shuffle)
        data.begin_epoch(0, 1)
        lane = data.batch(1).lane(slice(4, 8))
        assert lane.inputs[0].is_contiguous()
        assert lane.inputs[0].shape == (4, 3)
        assert lane.inputs[0].untyped_storage().nbytes() == 4 * 3 * 4


def test_the_last_rows_are_held_out():
    model = dense()
    history = model.fit(X, Y, validation_split=0.2, epochs=1, verbose=0)
    assert history.history["val_loss"] == [pytest.approx(model.evaluate(X[40:], Y[40:], verbose=0))]


def test_given_validation_data_are_evaluated_with_their_weights():
    model = dense()
    weights = np.linspace(0, 2, 10)
    history = model.fit(X, Y, validation_data=(X[:10], Y[:10], weights), lanes=4, verbose=0)
    expected = model.evaluate(X[:10], Y[:10], sample_weight=weights, verbose=0)
    assert history.history["val_loss"] == [pytest.approx(expected)]


def test_steps_limit_an_epoch():
    model = dense(optimizer=SGD())
    model.fit(X, Y, batch_size=10, steps_per_epoch=2, epochs=3, verbose=0)
    assert model.optimizer.iterations == 6


def test_the_first_epoch_has_the_given_number():
    history = dense().fit(X, Y, initial_epoch=3, epochs=5, verbose=0)
    assert history.epoch == [3, 4]


def test_seeds_of_torch_fix_a_whole_fit():
    same(weights_after(), weights_after())


# Weights of rows and classes.


def test_a_row_of_weight_two_counts_like_two_rows():
    once = dense().evaluate(X[:4], Y[:4], sample_weight=np.array([2, 1, 1, 0]), verbose=0)
    per_row = ((dense().predict(X[:4]) - Y[:4]) ** 2).mean(-1)
    assert once == pytest.approx((2 * per_row[0] + per_row[1] + per_row[2]) / 3)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_weighted_losses_have_the_batchs_denominator_in_every_lane(lanes):
    weights = np.array([0, 0, 0, 1, 2, 0, 0.5, 1], "float32")
    model = dense(optimizer=SGD(lr=0.1))
    model.fit(X[:8], Y[:8], batch_size=8, sample_weight=weights, shuffle=False, lanes=lanes, verbose=0)
    other = dense(optimizer=SGD(lr=0.1))
    other.train_on_batch(X[:8], Y[:8], sample_weight=weights)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5)


def test_a_batch_of_which_no_row_counts_changes_nothing():
    model = dense()
    before = model.get_weights()
    assert model.train_on_batch(X[:4], Y[:4], sample_weight=np.zeros(4)) == 0
    same(model.get_weights(), before)


def test_class_weights_are_weights_of_the_rows_of_the_class():
    classes = np.arange(50) % 3
    one_hot = np.eye(3)[classes]
    by_class = weights_after(
        y=one_hot, model=dense("categorical_crossentropy", 3, "softmax"), class_weight={0: 1, 1: 2, 2: 0.5}
    )
    by_row = weights_after(
        y=one_hot,
        model=dense("categorical_crossentropy", 3, "softmax"),
        sample_weight=np.array([1, 2, 0.5])[classes],
    )
    same(by_class, by_row)
    sparse = weights_after(
        y=classes,
        model=dense("sparse_categorical_crossentropy", 3, "softmax"),
        class_weight={0: 1, 1: 2, 2: 0.5},
    )
    for one, two in zip(sparse, by_class, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5)


def test_a_class_without_weight_is_named():
    with pytest.raises(DataError, match=r"no weight for the classes \[2\]"):
        dense("sparse_categorical_crossentropy", 3, "softmax").fit(
            X[:3], np.array([0, 1, 2]), class_weight={0: 1, 1: 1}, verbose=0
        )


def test_weights_of_rows_come_before_weights_of_classes():
    def model():
        return dense("sparse_categorical_crossentropy", 3, "softmax")

    classes, weights = np.arange(50) % 3, np.linspace(0.5, 2, 50)
    expected = weights_after(y=classes, model=model(), sample_weight=weights)
    with pytest.warns(UserWarning, match="both a sample_weight and a class_weight"):
        found = weights_after(
            y=classes, model=model(), sample_weight=weights, class_weight={0: 1, 1: 2, 2: 0.5}
        )
    same(found, expected)


def test_a_metric_asked_for_twice_is_numbered_in_logs():
    model = dense(metrics=["mae", "MAE", "mae"])
    name = "mean_absolute_error"
    assert model.metrics_names == ["loss", name, f"{name}_1", f"{name}_2"]
    assert len(model.evaluate(X[:4], Y[:4], verbose=0)) == 4
    assert f"val_{name}_2" in model.fit(X, Y, validation_split=0.5, verbose=0).history


def test_weighted_metrics_apply_weights_and_plain_ones_do_not():
    model = dense(metrics=["mae"], weighted_metrics=["mae"])
    assert model.metrics_names == ["loss", "mean_absolute_error", "weighted_mean_absolute_error"]
    weights = np.array([1.0, 0, 0, 0])
    _, plain, weighted = model.evaluate(X[:4], Y[:4], sample_weight=weights, verbose=0)
    errors = np.abs(model.predict(X[:4]) - Y[:4]).mean(-1)
    assert plain == pytest.approx(errors.mean())
    assert weighted == pytest.approx(errors[0])


def test_losses_of_several_outputs_are_weighted_and_named():
    model = two_outputs(loss_weights={"p": 2.0, "q": 0.5}, metrics={"q": ["mae"]})
    assert model.metrics_names == ["loss", "p_loss", "q_loss", "q_mean_absolute_error"]
    total, p, q, _ = model.evaluate([X, X], [Y, Y[:, :1]], verbose=0)
    assert total == pytest.approx(2 * p + 0.5 * q)


def test_a_loss_of_ones_own_may_return_rows_or_a_single_mean():
    def per_row(y_true, y_pred):
        return (y_true - y_pred).pow(2).mean(-1)

    def single(y_true, y_pred):
        return (y_true - y_pred).pow(2).mean()

    expected = weights_after(model=dense(), lanes=2)
    for loss in (per_row, single):
        for one, two in zip(weights_after(model=dense(loss), lanes=2), expected, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5)


# Evaluating and predicting.


def test_sums_of_batches_add_up_to_the_whole():
    model = dense(metrics=["mae"])
    sums = evaluate_batch(model, X[:20], Y[:20]) + evaluate_batch(model, X[20:], Y[20:])
    assert sums[0] == 50
    expected = model.evaluate(X, Y, verbose=0)
    assert list(finish_sums(model, sums).values()) == pytest.approx(expected, rel=1e-6)


def test_a_batch_of_fixed_shape_is_cut_to_its_rows():
    model = dense()
    (output,) = predict_batch(model, X[:5], 8)
    (whole,) = predict_batch(model, X[:8], 8)
    assert output.shape == (5, 2)
    np.testing.assert_array_equal(output, whole[:5])


def test_predictions_of_all_rows_have_the_bits_of_their_padded_batches():
    model = dense()
    together = model.predict(X, batch_size=16)
    apart = np.concatenate([predict_batch(model, X[i : i + 16], 16)[0] for i in range(0, 50, 16)])
    np.testing.assert_array_equal(together, apart)


def test_a_trained_model_called_on_its_own_acts_as_in_test():
    model = Sequential([Dropout(0.5, input_shape=(3,)), Dense(2)])
    model.compile("sgd", "mse")
    x = torch.from_numpy(X)
    for train in (lambda: model.fit(X, Y, verbose=0), lambda: model.train_on_batch(X, Y)):
        train()
        assert not model.training
        np.testing.assert_allclose(model(x).detach(), model.predict(X), rtol=1e-5)


def test_no_rows_give_no_predictions():
    assert dense().predict(X[:0]).shape == (0, 2)


def test_single_batches_train_test_and_predict():
    model = dense(metrics=["mae"])
    loss, mae = model.train_on_batch(X, Y)
    assert model.optimizer.iterations == 1
    after = model.test_on_batch(X, Y)
    assert after[0] < loss
    assert after[1] < mae
    np.testing.assert_allclose(model.predict_on_batch(X), model.predict(X), rtol=1e-5)


# Learning rates.


def test_the_learning_rate_is_a_number_that_can_be_set_in_both_ways():
    optimizer = SGD(lr=0.1)
    optimizer.lr = 0.5
    assert optimizer.lr == 0.5
    backend.set_value(optimizer.lr, 0.25)
    assert backend.get_value(optimizer.lr) == 0.25
    assert SGD.from_config({**optimizer.get_config(), "learning_rate": 2}).lr == 2


# What is said of wrong data.


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:10], Y, r"same number of rows. Received: x \[\(10, 3\)\], y \[\(50, 2\)\]"),
        (X[:, :2], Y, r"need the shape \(None, 3\), but have \(50, 2\)"),
        (X[:, :, None], Y, r"need 2 axes, \(None, 3\), but have 3"),
        (X, Y[:, :1], r"output 'last' need the shape \(None, 2\), but have \(50, 1\)"),
        ([X, X], Y, "expected 1 for .* received a list of 2"),
        ({"other": X}, Y, r"lacks the inputs \['last_input'\]. Received the keys \['other'\]"),
        (X.astype("str"), Y, r"and not numbers. Convert it"),
        (None, Y, "x is missing"),
        (X, None, r"losses of the outputs \['last'\] need targets"),
        (X[:0], Y[:0], "no rows to train on"),
    ],
)
def test_wrong_data_are_refused_with_what_was_expected(x, y, message):
    model = Sequential([Dense(2, input_shape=(3,), name="last")])
    model.compile("sgd", "mse")
    with pytest.raises(DataError, match=message):
        model.fit(x, y, verbose=0)


def test_class_numbers_for_a_categorical_loss_are_answered_with_the_sparse_one():
    with pytest.raises(DataError, match="use the loss sparse_categorical_crossentropy"):
        dense("categorical_crossentropy", 3, "softmax").fit(X, np.zeros(50), verbose=0)


def test_a_split_that_leaves_nothing_is_refused():
    with pytest.raises(DataError, match="both need at least one"):
        dense().fit(X[:5], Y[:5], validation_split=0.999, verbose=0)


def test_arguments_out_of_range_are_refused():
    with pytest.raises(InvalidArgumentError, match="validation_split"):
        dense().fit(X, Y, validation_split=1.5, verbose=0)
    with pytest.raises(InvalidArgumentError, match="shuffle must be"):
        dense().fit(X, Y, shuffle="twice", verbose=0)
    with pytest.raises(InvalidArgumentError, match="power of two"):
        dense().fit(X, Y, lanes=3, verbose=0)
    with pytest.raises(DataError, match="validation_data must be"):
        dense().fit(X, Y, validation_data=X, verbose=0)


def test_a_model_that_is_not_compiled_says_so():
    model = Sequential([Dense(2, input_shape=(3,))])
    for use in (lambda: model.fit(X, Y), lambda: model.evaluate(X, Y), lambda: model.train_on_batch(X, Y)):
        with pytest.raises(NotCompiledError, match=r"Call model.compile\(optimizer, loss\) first"):
            use()
    assert model.predict(X).shape == (50, 2)


def test_wrong_arguments_of_compile_are_refused():
    with pytest.raises(InvalidArgumentError, match="Did you mean 'adam"):
        dense(optimizer="adamm")
    with pytest.raises(InvalidArgumentError, match="has no loss to optimize"):
        dense(loss=None)
    with pytest.raises(InvalidArgumentError, match=r"names \['r'\], but the outputs are named \['p', 'q'\]"):
        two_outputs(loss_weights={"r": 1})
    with pytest.raises(InvalidArgumentError, match="one item per output: expected 2"):
        two_outputs(loss_weights=[1])


def test_logits_are_used_where_probabilities_are_rounded():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    from batchyard.models.activations import softmax

    loss = losses.categorical_crossentropy(torch.tensor([[0.0, 1.0]]), softmax(logits))
    assert loss.item() == 200
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert gradient.tolist() == [[1, -1]]
