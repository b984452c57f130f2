"""The sum over all lanes has the same bits whoever computed which lanes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from batchyard.models.training import tree_sum
from tests.workers.crew_exchange_member import CASES, vector

MEMBERS = 5
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hashes_of_members(redis_url: str) -> list[dict[str, str]]:
    """What each of five processes got in each case that it took part in."""
    script = "tests.workers.crew_exchange_member"
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", script, redis_url, str(rank)], stdout=subprocess.PIPE, cwd=ROOT
        )
        for rank in range(MEMBERS)
    ]
    answers = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * MEMBERS
    return [json.loads(answer) for answer in answers]


def test_every_member_of_every_crew_gets_the_bits_of_one_process(
    hashes_of_members: list[dict[str, str]],
) -> None:
    for generation, (size, lanes, length, dtype, empty) in enumerate(CASES):
        alone = tree_sum({k: vector(k, length, dtype) for k in range(lanes) if k not in empty}, lanes)
        expected = hashlib.sha256(alone.numpy().tobytes()).hexdigest()
        found = [hashes.get(str(generation)) for hashes in hashes_of_members]
        assert found == [expected] * size + [None] * (MEMBERS - size), CASES[generation]
