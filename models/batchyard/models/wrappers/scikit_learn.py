"""Models as scikit-learn's classifiers and regressors. scikit-learn itself is not needed here."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from batchyard.models.engine.sequential import Sequential
from batchyard.models.errors import InvalidArgumentError
from batchyard.models.utils.categorical import to_categorical

__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]

#: What may be set beside the arguments of `build_fn`.
_METHODS = (Sequential.fit, Sequential.predict, Sequential.predict_classes, Sequential.evaluate)


class BaseWrapper:
    """What classifiers and regressors have in common: a function that makes a model, and arguments.

    Args:
        build_fn: returns a compiled model; None if a subclass has `__call__` for it.
        **sk_params: arguments for `build_fn`, and for the model's `fit`, `predict` and `evaluate`.

    Source: Keras 2.2.4, `wrappers.scikit_learn.BaseWrapper`.
    """

    #: scikit-learn's kind of estimator.
    _estimator_type: str

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params
        self.check_params(sk_params)

    def check_params(self, params: Mapping[str, Any]) -> None:
        """Refuses arguments that neither `build_fn` nor the model's methods know.

        Args:
            params: the arguments.
        """
        known = {name for function in (*_METHODS, self._builder) for name in _arguments(function)}
        unknown = sorted(set(params) - known - {"nb_epoch"})
        if unknown:
            raise InvalidArgumentError(
                f"{', '.join(unknown)} is not a legal parameter: neither build_fn nor fit, predict or "
                "evaluate has it."
            )

    def get_params(self, **params: Any) -> dict[str, Any]:
        """Returns the arguments.

        Args:
            **params: ignored; scikit-learn passes `deep`.
        """
        return {**copy.deepcopy(self.sk_params), "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Self:
        """Sets arguments.

        Args:
            **params: by name.
        """
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self.check_params(params)
        self.sk_params.update(params)
        return self

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Makes a new model and trains it.

        Args:
            x: the rows.
            y: their targets.
            **kwargs: further arguments of the model's `fit`.

        Returns:
            The history.
        """
        self.model = self._builder(**self.filter_sk_params(self._builder))
        arguments = {**copy.deepcopy(self.filter_sk_params(Sequential.fit)), **kwargs}
        return self.model.fit(x, self._targets(y), **arguments)

    def filter_sk_params(
        self, fn: Callable[..., Any], override: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns those of the arguments that a function has.

        Args:
            fn: the function.
            override: values that come first.
        """
        known = _arguments(fn)
        return {**{name: v for name, v in self.sk_params.items() if name in known}, **(override or {})}

    @property
    def _builder(self) -> Callable[..., Any]:
        if self.build_fn is not None:
            return self.build_fn
        if not callable(self):
            raise InvalidArgumentError("Give build_fn, or a method __call__ that returns a compiled model.")
        return self.__call__

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn (1.6 and later) what kind of estimator this is; only scikit-learn calls it."""
        utils = import_module("sklearn.utils")
        classifies = self._estimator_type == "classifier"
        return utils.Tags(
            estimator_type=self._estimator_type,
            target_tags=utils.TargetTags(required=True),
            classifier_tags=utils.ClassifierTags() if classifies else None,
            regressor_tags=None if classifies else utils.RegressorTags(),
        )

    def _targets(self, y: Any) -> Any:
        """Returns class numbers as rows, if the model's loss needs them so."""
        loss = getattr(self.model.loss, "__name__", self.model.loss)
        return to_categorical(y) if loss == "categorical_crossentropy" and np.ndim(y) != 2 else y


class KerasClassifier(BaseWrapper):
    """A model as a classifier: targets may be any labels.

    Source: Keras 2.2.4, `wrappers.scikit_learn.KerasClassifier`.
    """

    _estimator_type = "classifier"

    def fit(self, x: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> Any:
        """Makes a new model and trains it.

        Args:
            x: the rows.
            y: their labels, or rows with a 1 at the class.
            sample_weight: weight per row.
            **kwargs: further arguments of the model's `fit`.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_: NDArray[Any] = np.arange(y.shape[1])
        elif y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        else:
            raise InvalidArgumentError(f"y must have one axis, or two. Received: the shape {y.shape}.")
        self.n_classes_ = len(self.classes_)
        if sample_weight is not None:
            kwargs["sample_weight"] = sample_weight
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Returns the label of each row.

        Args:
            x: the rows.
            **kwargs: arguments of the model's `predict`.
        """
        found = self.model.predict(x, **self.filter_sk_params(Sequential.predict_classes, kwargs))
        numbers = found.argmax(axis=-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")
        return self.classes_[numbers]

    def predict_proba(self, x: Any, **kwargs: Any) -> Any:
        """Returns the probability of each class, also where the model has a single output for two classes.

        Args:
            x: the rows.
            **kwargs: arguments of the model's `predict`.
        """
        found = self.model.predict(x, **self.filter_sk_params(Sequential.predict_proba, kwargs))
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Returns the accuracy.

        Args:
            x: the rows.
            y: their labels.
            **kwargs: arguments of the model's `evaluate`.
        """
        y = self._targets(np.searchsorted(self.classes_, y))
        values = self.model.evaluate(x, y, **self.filter_sk_params(Sequential.evaluate, kwargs))
        found = dict(zip(self.model.metrics_names, np.atleast_1d(values), strict=True))
        if "acc" not in found:
            raise InvalidArgumentError(
                "score needs the accuracy: pass metrics=['accuracy'] to the compile method of the model."
            )
        return float(found["acc"])


class KerasRegressor(BaseWrapper):
    """A model as a regressor.

    Source: Keras 2.2.4, `wrappers.scikit_learn.KerasRegressor`.
    """

    _estimator_type = "regressor"

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Returns the output for each row.

        Args:
            x: the rows.
            **kwargs: arguments of the model's `predict`.
        """
        return np.squeeze(self.model.predict(x, **self.filter_sk_params(Sequential.predict, kwargs)))

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Returns the loss with the sign turned: more is better.

        Args:
            x: the rows.
            y: their targets.
            **kwargs: arguments of the model's `evaluate`.
        """
        values = self.model.evaluate(x, y, **self.filter_sk_params(Sequential.evaluate, kwargs))
        return -float(np.atleast_1d(values)[0])


def _arguments(function: Callable[..., Any]) -> set[str]:
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and name != "self"
    }
