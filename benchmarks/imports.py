"""How long does `import batchyard.models` take, beside `import torch`? Writes results/imports.md.

Our modules are compiled first, as pip does it with what it installs: in a checkout from which nobody ever
imported, Python would compile them in the first round, and with PYTHONDONTWRITEBYTECODE in each.
"""

from __future__ import annotations

import argparse
import compileall
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

#: What each contender imports, in which Python.
IMPORTS = {
    "torch": ("import torch", False),
    "batchyard.models": ("import batchyard.models", False),
    "torch, garbage collection paused": (
        "import gc; gc.disable(); import torch; gc.enable()",
        False,
    ),
    "Keras 3 on torch": ("import os; os.environ['KERAS_BACKEND'] = 'torch'; import keras", True),
    "Keras 3 on JAX": ("import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras", True),
    "Keras 3 on TensorFlow": ("import os; os.environ['KERAS_BACKEND'] = 'tensorflow'; import keras", True),
    "tf-keras": ("import tf_keras", True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    compileall.compile_dir(Path(__file__).parents[1] / "models", quiet=1)
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS if _seconds(name) is not None}
    for _ in range(given.rounds):
        for name, found in seconds.items():
            found.append(_seconds(name) or 0.0)
    lines = [
        "# Time of imports",
        "",
        f"New processes, files in the cache, the start of Python included: medians of {given.rounds} rounds.",
        "",
        "| import | seconds | relative to torch |",
        "|---|---|---|",
    ]
    for name, found in seconds.items():
        ratio = median(a / b for a, b in zip(found, seconds["torch"], strict=True))
        lines.append(f"| {name} | {median(found):.2f} | {ratio:.2f} |")
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    lines += ["", f"torch {version('torch')}, `{' '.join(['imports.py', *sys.argv[1:]])}`, {date}."]
    given.output.mkdir(exist_ok=True)
    (given.output / "imports.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _seconds(name: str) -> float | None:
    """Runs one import; None if it fails."""
    code, elsewhere = IMPORTS[name]
    python = os.environ.get("BENCH_PYTHON_KERAS3", sys.executable) if elsewhere else sys.executable
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", code], env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True
    )
    return time.perf_counter() - start if done.returncode == 0 else None


if __name__ == "__main__":
    main()
