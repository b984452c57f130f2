"""Runs one file of Keras 2.2.4's own tests under the alias `keras`, and says how each test ended.

    run_keras_tests.py FOLDER FILE RESULT

FOLDER is `tests` of the unpacked sources, FILE a path in it. RESULT becomes a JSON object: "passed", "failed"
or "skipped" by the test's name; a file that cannot be read has the one name "collection".

What the tests of 2018 expect of the packages around Keras is put back: names that numpy has dropped, the
package `requests` as far as `unittest.mock` replaces it, TensorFlow's module of K.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import batchyard.models


class Outcomes:
    """A pytest plugin that notes how tests end."""

    def __init__(self):
        self.found = {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[1]
        if report.when == "call" or report.outcome != "passed":
            worst = "failed" if "failed" in (self.found.get(name), report.outcome) else report.outcome
            self.found[name] = worst

    def pytest_collectreport(self, report):
        if report.failed:
            self.found["collection"] = "failed"


def main(folder, file, result):
    """Runs the tests of a file."""
    for name, kind in (("float", float), ("int", int), ("object", object)):
        setattr(np, name, kind)
    if importlib.util.find_spec("requests") is None:
        sys.modules["requests"] = ModuleType("requests")
        sys.modules["requests"].post = None
    os.chdir(folder)
    sys.path.append(str(Path(folder, file).parent))  # what a test imports from beside itself
    batchyard.models.as_keras()
    # The tests of K compare TensorFlow's functions with numpy's; here K itself takes their place.
    batchyard.models.backend.tensorflow_backend = batchyard.models.backend
    outcomes = Outcomes()
    options = ["-q", "--tb=short", "--import-mode=importlib", "-p", "no:cacheprovider", "-W", "default"]
    # Seen from above, as the folder `keras` of the tests is not to be taken for the package.
    options += ["-c", os.devnull, f"--rootdir={Path(folder).parent}", "-o", "python_files=*.py"]
    code = pytest.main([*options, file], plugins=[outcomes])
    Path(result).write_text(json.dumps(outcomes.found, indent=1), encoding="utf-8")
    expected = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    return 0 if code in expected else int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
