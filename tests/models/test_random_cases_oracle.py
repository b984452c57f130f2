"""Random models and programs compute and train as in real Keras 2.2.4 (tests/oracle).

BATCHYARD_KERAS224_PYTHON names the Python of an environment with keras==2.2.4. By default there are 40 cases
of each kind; BATCHYARD_RANDOM_CASES sets another number, BATCHYARD_RANDOM_SEED the first seed. A case that
differs is told as JSON, from which `run_ours` and Keras 2.2.4 compute it again.
"""

import json
import os
import warnings

import pytest

from tests.oracle import random_cases
from tests.oracle.random_cases.comparison import Keras224, UnderTheAlias, case_of, differences, run_ours
from tests.oracle.random_programs import PROGRAMS

COUNT = int(os.environ.get("BATCHYARD_RANDOM_CASES", "40"))
FIRST = int(os.environ.get("BATCHYARD_RANDOM_SEED", "0"))
#: So many of a kind may be beyond Keras 2.2.4 or TensorFlow 1.13; more, and the generator has gone astray.
REFUSED = 0.15

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    python = os.environ.get("BATCHYARD_KERAS224_PYTHON")
    if not python:
        pytest.skip("BATCHYARD_KERAS224_PYTHON is not set")
    found = Keras224(python, tmp_path_factory.mktemp("cases"))
    yield found
    found.close()


@pytest.mark.parametrize("kind", random_cases.__all__)
def test_random_cases_agree_with_keras(keras, kind):
    differing, refused = [], 0
    for seed in range(FIRST, FIRST + COUNT):
        case, theirs = keras.run(getattr(random_cases, kind)(seed))
        if isinstance(theirs, str):
            refused += 1
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras warns of as much
            ours = run_ours(case)
        found = differences(ours, theirs, case["floatx"])
        if found:
            differing.append("\n".join([json.dumps(case), *found[:8]]))
    assert not differing, "\n\n".join([f"{len(differing)} cases differ:", *differing[:5]])
    assert refused <= max(3, REFUSED * COUNT)


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    found = UnderTheAlias(tmp_path_factory.mktemp("programs"))
    yield found
    found.close()


@pytest.mark.parametrize("kind", PROGRAMS)
def test_random_programs_agree_with_keras(keras, alias, kind):
    differing, refused = [], 0
    for seed in range(FIRST, FIRST + COUNT):
        case, theirs = keras.run(case_of(kind, seed))
        if isinstance(theirs, str):
            refused += 1
            continue
        ours = alias.ask(case)
        found = [ours] if isinstance(ours, str) else differences(ours, theirs, case["floatx"])
        if found:
            differing.append("\n".join([json.dumps(case), *found[:8]]))
    assert not differing, "\n\n".join([f"{len(differing)} cases differ:", *differing[:5]])
    assert refused <= max(3, 2 * REFUSED * COUNT)
