"""Twenty rounds of kill -9 at random of workers and scheduler: `make test-soak`, some ten minutes."""

from __future__ import annotations

import os
import random
import signal
import threading
from typing import Any

import pytest

from batchyard.scheduler import Client, JobHandle
from batchyard.scheduler.embedded import EmbeddedSystem
from tests.cluster.watching import file_hash, kill, wait_for_workers, weights_hash

pytestmark = pytest.mark.soak

ROUNDS = 20


@pytest.fixture(scope="module")
def calm(system: EmbeddedSystem, fit_spec: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Hashes of weights and predictions when nothing happens, and the predict job."""
    with Client(system.url) as client:
        wait_for_workers(client, 4)
        model = client.submit({**fit_spec, "epochs": 6}).result(timeout=300).paths.model
        assert model is not None
        data = {key: value for key, value in fit_spec["data"].items() if key != "y"}
        spec = {"name": "p", "kind": "predict", "model": str(model), "data": data, "batch_size": 1}
        spec |= {"output": fit_spec["output"], "workers": {"min": 1, "max": 4}}
        predictions = client.submit(spec).result(timeout=300).paths.predictions
        assert predictions is not None
        return weights_hash(model), file_hash(predictions), spec


#: Most kills of a round: a job whose workers never live for a second does not end.
MOST_KILLS = 8


class Killer(threading.Thread):
    """Kills random workers, or the scheduler, at random times, until told to stop."""

    def __init__(self, system: EmbeddedSystem, seed: int) -> None:
        super().__init__()
        self._system = system
        self._dice = random.Random(seed)
        self._stop_wish = threading.Event()
        self.victims: list[str] = []

    def run(self) -> None:
        with Client(self._system.url) as client:
            while len(self.victims) < MOST_KILLS and not self._stop_wish.wait(self._dice.uniform(0.1, 4)):
                if self._dice.random() < 0.25:
                    if scheduler := self._system.pids().get("scheduler"):
                        os.kill(scheduler, signal.SIGKILL)
                        self.victims.append("scheduler")
                    continue
                alive = [worker for worker in client.workers() if worker.beating]
                for worker in self._dice.sample(alive, min(len(alive), self._dice.choice([1, 1, 1, 2]))):
                    try:
                        kill(worker)
                    except ProcessLookupError:
                        continue  # it had just ended
                    self.victims.append(worker.name)

    def stop(self) -> None:
        self._stop_wish.set()
        self.join()


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_random_kills_change_no_bit_and_no_row(
    system: EmbeddedSystem,
    client: Client,
    fit_spec: dict[str, Any],
    calm: tuple[str, str, dict[str, Any]],
    round_: int,
) -> None:
    weights, rows, predict_spec = calm
    fit = client.submit({**fit_spec, "epochs": 6, "workers": {"min": 1, "max": 2 + round_ % 3}})
    predict = client.submit({**predict_spec, "workers": {"min": 1, "max": 2}})
    killer = Killer(system, round_)
    killer.start()
    try:
        fitted: JobHandle = fit
        model = fitted.result(timeout=300).paths.model
        predictions = predict.result(timeout=300).paths.predictions
    finally:
        killer.stop()
    assert model is not None
    assert predictions is not None
    assert (weights_hash(model), file_hash(predictions)) == (weights, rows), killer.victims
