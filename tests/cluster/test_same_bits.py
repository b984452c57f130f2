"""The weights after step n have the same bits whatever the number of workers, and whoever was killed."""

from __future__ import annotations

from typing import Any

import pytest

from batchyard.scheduler import Client, JobHandle
from batchyard.scheduler.protocol import EventKind
from tests.cluster.watching import (
    file_hash,
    kill,
    members,
    wait_for_epoch,
    wait_for_workers,
    weights_hash,
)


def train(client: Client, spec: dict[str, Any], workers: int, **changes: Any) -> JobHandle:
    wait_for_workers(client, workers)
    return client.submit({**spec, "workers": {"min": workers, "max": workers}, **changes})


def final_hash(job: JobHandle) -> str:
    model = job.result(timeout=300).paths.model
    assert model is not None
    return weights_hash(model)


@pytest.fixture(scope="module")
def of_one_worker(system: Any, fit_spec: dict[str, Any]) -> tuple[str, str]:
    """SHA-256 of the weights and of the whole final model file, trained by one worker."""
    with Client(system.url) as client:
        result = train(client, fit_spec, 1).result(timeout=300)
        assert result.paths.model is not None
        return weights_hash(result.paths.model), file_hash(result.paths.model)


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_any_number_of_workers_gives_the_bits_of_one(
    client: Client, fit_spec: dict[str, Any], of_one_worker: tuple[str, str], workers: int
) -> None:
    job = train(client, fit_spec, workers)
    assert final_hash(job) == of_one_worker[0]
    assert file_hash(job.result().paths.model) == of_one_worker[1]  # type: ignore[arg-type]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_worker_killed_in_mid_epoch_changes_no_bit(
    client: Client, fit_spec: dict[str, Any], of_one_worker: tuple[str, str], rank: int
) -> None:
    wait_for_workers(client, 3)
    job = client.submit({**fit_spec, "workers": {"min": 1, "max": 3}})
    wait_for_epoch(job, 0)
    kill(members(client, job)[rank])
    assert final_hash(job) == of_one_worker[0]
    generations = [event for event in job.events() if event.kind == EventKind.CREW]
    assert len(generations) >= 2


def test_all_workers_killed_at_once_the_job_goes_on_from_its_checkpoint(
    client: Client, fit_spec: dict[str, Any], of_one_worker: tuple[str, str]
) -> None:
    job = train(client, fit_spec, 2)
    wait_for_epoch(job, 0)
    for worker in members(client, job):
        kill(worker)
    assert final_hash(job) == of_one_worker[0]


def test_another_seed_gives_other_weights(
    client: Client, fit_spec: dict[str, Any], of_one_worker: tuple[str, str]
) -> None:
    assert final_hash(train(client, fit_spec, 4, seed=6)) != of_one_worker[0]
