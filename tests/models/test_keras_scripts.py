"""Scripts in the manner of Keras 2.2.4's time run on this library: each checks what it has trained itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import batchyard.models

ROOT = Path(batchyard.models.__file__).parents[2]
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_a_script_of_keras_runs_unchanged(script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "batchyard.models", str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")


def test_a_script_that_needs_another_backend_itself_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import keras\nimport theano.tensor\n")
    done = subprocess.run(
        [sys.executable, "-m", "batchyard.models", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert "No module named 'theano'" in done.stderr
    assert "uses theano itself, beside Keras" in done.stderr
