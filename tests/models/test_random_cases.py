"""Random models compute and train as Keras 2.2.4 did when it was recorded (tests/oracle)."""

import json
from pathlib import Path

import pytest

from tests.oracle.random_cases.comparison import differences, run_ours
from tests.oracle.record_random_cases import read

CASES = read(Path(__file__).parent / "data" / "random_cases.npz")


@pytest.mark.filterwarnings("ignore")  # of what Keras warns of too
@pytest.mark.parametrize(
    ("case", "recorded"), CASES, ids=[f"{case['kind']}-{case['seed']}" for case, _ in CASES]
)
def test_a_random_model_computes_and_trains_as_by_keras(case, recorded):
    found = differences(run_ours(case), recorded, "float32")
    assert not found, "\n".join([json.dumps(case), *found])
