"""Calls in Keras 1's spelling make what Keras 2.2.4 makes of them, with its warnings (tests/oracle)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import batchyard.models

TESTS = Path(__file__).parents[1]
ROOT = Path(batchyard.models.__file__).parents[2]
#: The alias changes the classes for good, so it has a process of its own.
SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import batchyard.models
batchyard.models.as_keras()
import keras, keras_1_calls, keras_1_places
found = [[call, keras_1_calls.outcome(keras, call)] for call in keras_1_calls.calls()]
json.dump({"calls": found, "places": keras_1_places.outcomes(keras)}, sys.stdout, default=str)
"""


@pytest.fixture(scope="module")
def ours():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(TESTS / "oracle")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_calls_in_keras_1s_spelling_make_what_keras_2_2_4_makes_of_them(ours):
    recorded = json.loads((TESTS / "models" / "data" / "keras_1_calls.json").read_text())
    assert len(ours["calls"]) == len(recorded) > 280
    for call, mine in ours["calls"]:
        if call[0].startswith("SpatialDropout"):
            mine["config"].pop("data_format", None)  # Keras 2.2.4 forgets it
    differing = [
        f"{call}:\n  ours  {mine}\n  Keras {theirs}"
        for (call, mine), theirs in zip(ours["calls"], recorded, strict=True)
        if mine != theirs
    ]
    assert not differing, "\n".join([f"{len(differing)} calls differ", *differing[:20]])


def test_positional_arguments_and_both_spellings_are_taken_or_refused_as_by_keras_2_2_4(ours):
    recorded = json.loads((TESTS / "models" / "data" / "keras_1_places.json").read_text())
    assert ours["places"] == recorded
