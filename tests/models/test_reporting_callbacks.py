"""Callbacks that report elsewhere: to a server, to TensorBoard, to whoever reads the logs."""

import contextlib
import json
import urllib.error
import urllib.parse

import numpy as np
import pytest

from batchyard.models import Sequential
from batchyard.models.callbacks import BaseLogger, RemoteMonitor, TensorBoard
from batchyard.models.errors import InvalidArgumentError, MissingPackageError
from batchyard.models.layers import Dense

X = np.ones((10, 2), dtype="float32")


def fit(*callbacks):
    model = Sequential([Dense(1, input_shape=(2,), name="d")])
    model.compile("sgd", "mse")
    return model.fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0, callbacks=list(callbacks)).history


def test_an_epoch_is_posted_as_form_or_json(monkeypatch):
    sent = []
    monkeypatch.setattr(
        "urllib.request.urlopen",
        lambda request, timeout: sent.append(request) or contextlib.nullcontext(),
    )
    losses = fit(RemoteMonitor("http://server", headers={"X-Key": "1"}))["loss"]
    form = urllib.parse.parse_qs(sent[1].data.decode())
    assert json.loads(form["data"][0]) == {"epoch": 1, "loss": losses[1]}
    assert sent[1].full_url == "http://server/publish/epoch/end/"
    assert sent[1].headers["X-key"] == "1"
    losses = fit(RemoteMonitor(send_as_json=True))["loss"]
    assert json.loads(sent[2].data) == {"epoch": 0, "loss": losses[0]}
    assert sent[2].headers["Content-type"] == "application/json"


def test_a_server_that_is_away_is_warned_of(monkeypatch):
    def refuse(request, timeout):
        raise urllib.error.URLError("refused")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.warns(UserWarning, match="Could not reach the RemoteMonitor server"):
        fit(RemoteMonitor())


def test_means_of_batches_are_put_into_logs_that_lack_them():
    logger = BaseLogger(stateful_metrics=["last"])
    logger.on_epoch_begin(0)
    logger.on_batch_end(0, {"batch": 0, "size": 3, "loss": 1.0, "last": 5.0})
    logger.on_batch_end(1, {"batch": 1, "size": 1, "loss": 5.0, "last": 7.0})
    logs = {"acc": 0.5}
    logger.on_epoch_end(0, logs)
    assert logs == {"acc": 0.5, "loss": 2.0, "last": 7.0}


def events(folder):
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = module.EventAccumulator(str(folder))
    found.Reload()
    return found


def test_curves_and_histograms_are_written(tmp_path):
    history = fit(TensorBoard(str(tmp_path), histogram_freq=1, write_images=True))
    found = events(tmp_path)
    assert [(e.step, e.value) for e in found.Scalars("loss")] == [
        (epoch, pytest.approx(loss)) for epoch, loss in enumerate(history["loss"])
    ]
    assert "d/0" in found.Tags()["histograms"]


@pytest.mark.parametrize(("freq", "steps"), [("batch", [4, 8, 10]), (6, [8, 10])])
def test_batches_are_written_when_due(tmp_path, freq, steps):
    fit(TensorBoard(str(tmp_path), update_freq=freq))
    assert [e.step for e in events(tmp_path).Scalars("loss")][: len(steps)] == steps


def test_wrong_arguments_and_a_missing_package_are_explained(monkeypatch):
    with pytest.raises(InvalidArgumentError, match="update_freq must be"):
        TensorBoard(update_freq="often")
    monkeypatch.setattr("batchyard.models.callbacks.tensor_board.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install tensorboard"):
        fit(TensorBoard())
