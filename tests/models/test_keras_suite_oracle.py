"""Keras 2.2.4's own tests and example scripts run under the alias `keras`, all but a list with reasons.

BATCHYARD_KERAS224_SOURCE names the unpacked sources: `pip download --no-deps --no-binary :all: keras==2.2.4`.
The examples want pandas, editdistance, cairocffi and graphviz's program `dot`; a script whose package is not
there is skipped.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import batchyard.models
from tests.oracle.keras_224_exceptions import EXAMPLES, EXAMPLES_THAT_FAIL, SKIPPED_FILES, TESTS_THAT_FAIL

SOURCE = os.environ.get("BATCHYARD_KERAS224_SOURCE")
ROOT = Path(batchyard.models.__file__).parents[2]
ORACLE = Path(__file__).parents[1] / "oracle"
TESTS = Path(SOURCE or "missing") / "tests"
SCRIPTS = Path(SOURCE or "missing") / "examples"
FILES = sorted(
    path.relative_to(TESTS).as_posix()
    for path in TESTS.rglob("*.py")
    if "test" in path.stem and path.stem not in ("conftest", "test_utils")
)
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
#: These reshape MNIST to 60,000 rows, or show 400 of them after each of many epochs.
WANT_ALL_ROWS = ("antirectifier", "mnist_acgan", "mnist_mlp")
#: These begin with what another script has saved.
AFTER = {"lstm_seq2seq_restore": "lstm_seq2seq"}

pytestmark = pytest.mark.oracle


def run(*arguments, home, folder, timeout=900):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
        timeout=timeout,
        check=False,
    )


def test_the_sources_are_there():
    if SOURCE is None:
        pytest.skip("BATCHYARD_KERAS224_SOURCE is not set")
    assert len(FILES) > 40
    assert len(NAMES) > 40
    assert set(TESTS_THAT_FAIL) | set(SKIPPED_FILES) <= set(FILES)
    assert set(EXAMPLES) | set(EXAMPLES_THAT_FAIL) <= set(NAMES)


@pytest.mark.parametrize("file", FILES)
def test_kerass_own_tests_pass_but_for_the_list(file, tmp_path):
    if file in SKIPPED_FILES:
        pytest.skip(SKIPPED_FILES[file])
    result = tmp_path / "result.json"
    done = run(ORACLE / "run_keras_tests.py", TESTS, file, result, home=tmp_path, folder=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    if "No module named 'pandas'" in done.stdout:
        pytest.skip("pandas is not installed")
    if "install graphviz" in done.stdout:
        pytest.skip("graphviz is not installed")
    found = json.loads(result.read_text())
    failed = {name for name, outcome in found.items() if outcome == "failed"}
    assert failed == set(TESTS_THAT_FAIL.get(file, ())), done.stdout[-3000:]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Returns a function that gives home and working folder with data for the scripts."""
    made = {}

    def give(rows):
        if rows not in made:
            folder = tmp_path_factory.mktemp(f"rows{rows}")
            home, work = folder / "home", folder / "work"
            done = run(ORACLE / "small_keras_datasets.py", home, work, rows, home=folder, folder=folder)
            assert done.returncode == 0, done.stderr
            made[rows] = (home, work)
        return made[rows]

    return give


def run_example(name, prepared):
    home, work = prepared(60_000 if name in WANT_ALL_ROWS else 300)
    if name in AFTER:
        run_example(AFTER[name], prepared)
    options = EXAMPLES.get(name, "--epochs 2").split()
    return run(ORACLE / "run_keras_example.py", SCRIPTS / f"{name}.py", *options, home=home, folder=work)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_of_keras_runs_but_for_the_list(name, prepared):
    done = run_example(name, prepared)
    if name in EXAMPLES_THAT_FAIL:
        message, reason = EXAMPLES_THAT_FAIL[name]
        assert done.returncode != 0, f"it runs, although the list says: {reason}"
        assert message in done.stderr[-1500:], done.stderr[-3000:]
        return
    for package in ("pandas", "editdistance", "cairocffi"):
        if f"No module named {package!r}" in done.stderr:
            pytest.skip(f"{package} is not installed")
    if "install graphviz" in done.stderr:
        pytest.skip("graphviz is not installed")
    assert done.returncode == 0, done.stderr[-3000:]
