"""A process of Keras 2.2.4 that computes cases, and how its results are compared with ours."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from batchyard import models
from tests.oracle import random_case_parts, random_case_runner, random_cases
from tests.oracle.random_programs import PROGRAMS

OURS = SimpleNamespace(
    layers=models.layers, models=models, backend=models.backend, optimizers=models.optimizers
)
ROOT = Path(__file__).parents[3]
#: Relative to the greatest number of an array, and absolute for arrays of small numbers. With float64 some of
#: TensorFlow's operators still take constants, such as the slope of LeakyReLU, as float32.
TOLERANCE = {"float32": 1e-5, "float64": 1e-7}
#: What many steps of training lead to.
FAR = ("logs", "trained", "optimizer", "test_on_batch", "history", "fitted")


class Served:
    """A process that waits for cases.

    Args:
        python: what runs it.
        script: of this folder's parent.
        folder: for the files that are exchanged; made if it is not there.
    """

    def __init__(self, python, script, folder):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [python, str(ROOT / "tests" / "oracle" / script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "models")))},
            )

    def ask(self, case):
        """Returns what the process computes, or the text of its refusal."""
        path = self.folder / "case.json"
        path.write_text(json.dumps(case))
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the process ended: " + (self.folder / "log").read_text()[-2000:])
        self.last = answer = json.loads(line)
        if not answer["ok"]:
            return answer["error"]
        with np.load(f"{path}.npz", allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=300)
        self.process.stdout.close()


class Keras224(Served):
    """Keras 2.2.4.

    Args:
        python: of an environment with Keras 2.2.4.
        folder: for the files that are exchanged.
    """

    def __init__(self, python, folder):
        super().__init__(python, "serve_keras_224.py", folder)

    def run(self, case):
        """Returns the case and what Keras computes, or the text of its refusal.

        Some parts of Keras or TensorFlow know float32 only: the case is one of float32 then. With batch
        normalization it is not trained: the gradient of a bias before it is nothing but rounding, which
        optimizers enlarge.
        """
        found = self.ask(case)
        if isinstance(found, str) and case["floatx"] == "float64":
            other = {**case, "floatx": "float32"}
            if "BatchNormalization" in json.dumps(case):
                other.pop("compile", None)
            again = self.ask(other)
            if not isinstance(again, str):
                return other, again
        return case, found


class UnderTheAlias(Served):
    """This library as `keras`, for programs.

    Args:
        folder: for the files that are exchanged.
    """

    def __init__(self, folder):
        super().__init__(sys.executable, "serve_alias.py", folder)


def case_of(kind, seed):
    """Returns the case of a kind of models or of programs."""
    if kind not in PROGRAMS:
        return getattr(random_cases, kind)(seed)
    floatx = "float64" if seed % 3 else "float32"
    return {"kind": kind, "program": kind, "seed": seed, "floatx": floatx}


def run_ours(case):
    return random_case_runner.run(json.loads(json.dumps(case)), OURS, random_case_parts)


def differences(ours, theirs, floatx):
    """Returns a line for each array that differs."""
    found = []
    for name in sorted({*ours, *theirs}):
        one, other = ours.get(name), theirs.get(name)
        if other is None and name.startswith("gradient") and not np.any(one):
            continue  # Keras says None where nothing depends
        if one is None or other is None:
            found.append(f"{name}: only in {'Keras' if one is None else 'ours'}")
        elif one.dtype.kind not in "fiub" or other.dtype.kind not in "fiub":
            if not np.array_equal(one, other):
                found.append(f"{name}: ours {one} Keras {other}")
        elif one.shape != other.shape:
            found.append(f"{name}: shape {one.shape}, Keras {other.shape}")
        else:
            tolerance = TOLERANCE[floatx] * (5 if name.startswith(FAR) else 1)
            found += _numbers(name, one.astype(float), other.astype(float), tolerance)
    return found


def _numbers(name, one, other, tolerance):
    if not other.size:
        return []
    finite = np.isfinite(other)
    if not finite.all() and name.startswith(("predict", "gradient", "trained")):
        return [f"{name}: Keras has {other.ravel()[:4]}, which compares with nothing"]
    if not np.array_equal(np.isfinite(one), finite):
        return [f"{name}: ours {one.ravel()[:4]}, Keras {other.ravel()[:4]}"]
    one, other = one[finite], other[finite]
    if not other.size:
        return []
    error = np.abs(one - other).max()
    size = max(1.0, np.abs(other).max())
    if error <= tolerance * size:
        return []
    return [f"{name}: differs by {error:.2g}, the greatest number being {size:.3g}"]


def main(python, folder, kind, first, count):
    """Prints differences of many cases, for work on them by hand."""
    import time
    import traceback

    keras, tally = Keras224(python, folder), {"equal": 0, "refused": 0, "both": 0, "differ": 0, "failed": 0}
    alias = UnderTheAlias(Path(folder) / "ours") if kind in PROGRAMS else None
    began, seconds = time.time(), 0.0
    for seed in range(int(first), int(first) + int(count)):
        case, theirs = keras.run(case_of(kind, seed))
        seconds += keras.last["seconds"]
        if alias:
            ours, trace = alias.ask(case), alias.last.get("trace", "")
        else:
            try:
                ours = run_ours(case)
            except Exception as error:
                ours, trace = repr(error), traceback.format_exc()
        if isinstance(theirs, str):
            outcome = "both" if isinstance(ours, str) else "refused"
            print(
                seed,
                outcome,
                case["floatx"],
                theirs[:200],
                keras.last["trace"][-900:] if outcome == "refused" else "",
                "| OURS",
                ours[:150] if isinstance(ours, str) else "",
            )
        elif isinstance(ours, str):
            outcome = "failed"
            print(seed, "FAILED", case["floatx"], ours[:600], "\n", trace[-1500:])
        else:
            lines = differences(ours, theirs, case["floatx"])
            outcome = "differ" if lines else "equal"
            if lines:
                print(seed, "DIFFERS", case["floatx"], *[line[:700] for line in lines[:6]], sep="\n    ")
                print("   ", json.dumps(case.get("graph", case))[:900], json.dumps(case.get("compile"))[:300])
        tally[outcome] += 1
        sys.stdout.flush()
    keras.close()
    if alias:
        alias.close()
    print(kind, tally, f"{time.time() - began:.0f} s, Keras {seconds:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
