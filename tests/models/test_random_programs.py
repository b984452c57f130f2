"""Random programs find under the alias what they found with Keras 2.2.4 as recorded (tests/oracle)."""

import json
from pathlib import Path

import pytest

from tests.oracle.random_cases.comparison import UnderTheAlias, differences
from tests.oracle.record_random_cases import read

CASES = read(Path(__file__).parent / "data" / "random_programs.npz")


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    found = UnderTheAlias(tmp_path_factory.mktemp("programs"))
    yield found
    found.close()


@pytest.mark.parametrize(
    ("case", "recorded"), CASES, ids=[f"{case['kind']}-{case['seed']}" for case, _ in CASES]
)
def test_a_random_program_finds_what_it_found_with_keras(alias, case, recorded):
    ours = alias.ask(case)
    assert not isinstance(ours, str), f"{ours}\n{alias.last['trace']}"
    found = differences(ours, recorded, "float32")
    assert not found, "\n".join([json.dumps(case), *found])
