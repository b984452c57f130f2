"""Models inside scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.base import is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV

from batchyard.models import Sequential
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.layers import Dense
from batchyard.models.wrappers.scikit_learn import BaseWrapper, KerasClassifier, KerasRegressor

X = np.random.RandomState(0).uniform(-1, 1, (60, 3)).astype("float32")
LABELS = np.where(X[:, 0] > 0, "yes", "no")


def classifier(units=8, loss="categorical_crossentropy"):
    last = 1 if loss == "binary_crossentropy" else 2
    model = Sequential(
        [
            Dense(units, activation="relu", input_shape=(3,)),
            Dense(last, activation="sigmoid" if last == 1 else "softmax"),
        ]
    )
    model.compile("adam", loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy"])
def test_a_classifier_learns_labels_and_gives_probabilities(loss):
    torch.manual_seed(0)
    found = KerasClassifier(classifier, loss=loss, epochs=80, verbose=0)
    found.fit(X, LABELS, batch_size=10, sample_weight=np.ones(len(X)))
    assert found.classes_.tolist() == ["no", "yes"]
    assert found.predict_proba(X).shape == (60, 2)
    assert set(found.predict(X).ravel()) <= {"no", "yes"}
    assert found.score(X, LABELS) > 0.8


def test_a_regressor_scores_by_its_loss():
    def build():
        model = Sequential([Dense(1, input_shape=(3,))])
        model.compile("sgd", "mse")
        return model

    found = KerasRegressor(build, epochs=2, verbose=0)
    found.fit(X, X.sum(1))
    assert found.predict(X).shape == (60,)
    assert found.score(X, X.sum(1)) == pytest.approx(-found.model.evaluate(X, X.sum(1), verbose=0))


def test_arguments_are_checked_kept_and_set():
    found = KerasClassifier(classifier, units=4, epochs=1)
    assert found.get_params() == {"units": 4, "epochs": 1, "build_fn": classifier}
    assert found.set_params(units=5).sk_params["units"] == 5
    assert found.filter_sk_params(classifier) == {"units": 5}
    with pytest.raises(InvalidArgumentError, match="deepness is not a legal parameter"):
        found.set_params(deepness=3)
    with pytest.raises(InvalidArgumentError, match="Give build_fn"):
        BaseWrapper()


def test_a_subclass_may_build_the_model_itself():
    class Mine(KerasClassifier):
        def __call__(self, units=2):
            return classifier(units)

    found = Mine(units=3, verbose=0)
    found.fit(X, LABELS)
    assert found.model.layers[0].units == 3


def test_a_grid_of_arguments_is_searched():
    torch.manual_seed(0)
    search = GridSearchCV(
        KerasClassifier(classifier, batch_size=10, verbose=0), {"units": [4, 8], "epochs": [1, 30]}, cv=2
    )
    search.fit(X, (X[:, 0] > 0).astype(int))
    assert search.best_params_["epochs"] == 30
    assert search.best_estimator_.model.layers[0].units == search.best_params_["units"]
    assert is_classifier(KerasClassifier(classifier))
    assert is_regressor(KerasRegressor(classifier))
