"""A process that has one model and runs a round when told to: `contender.py KIND WORKLOAD`.

Reads lines `warm up`, `fit` and `predict`, answers each with a line of JSON; a first line says the versions.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workloads import WORKLOADS

#: Seconds that a round should take.
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.0"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("workload", choices=list(WORKLOADS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jit", action="store_true")
    parser.add_argument("--mixed", action="store_true")
    given = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    with tempfile.TemporaryDirectory() as folder:
        runner, versions = _runner(given, Path(folder))
        workload = WORKLOADS[given.workload]
        print(json.dumps(versions), file=answers)
        rounds: dict[str, Callable[[], dict[str, float]]] = {}
        for line in sys.stdin:
            if line.strip() == "warm up":
                rounds["fit"] = _round(runner.fit, workload.rows, workload.batch, given.device)
                if workload.predicts:
                    rounds["predict"] = _round(runner.predict, workload.rows, 256, given.device)
                print(json.dumps({}), file=answers)
            else:
                print(json.dumps(rounds[line.strip()]() | {"peak": _peak()}), file=answers)


def _runner(given: argparse.Namespace, folder: Path) -> tuple[Any, dict[str, str]]:
    workload = WORKLOADS[given.workload]
    if given.kind.startswith("torch"):
        if given.kind == "torch-malloc":
            _keep_freed_memory()
        import by_hand

        kind = by_hand.Loader if given.kind == "torch-loader" else by_hand.Tuned
        runner = kind(given.workload, workload, folder, given.device, given.jit, given.mixed)
        return runner, {"torch": version("torch")}
    import keras_style

    library = {"batchyard": "batchyard", "tf-keras": "tf_keras"}.get(given.kind, "keras")
    options: dict[str, Any] = {"jit_compile": True} if given.jit else {}
    if given.mixed:
        options["mixed_precision"] = "bfloat16"
    runner = keras_style.Runner(library, given.workload, workload, folder, given.device, options)
    packages = {
        "batchyard": ("batchyard", "torch"),
        "keras-torch": ("keras", "torch"),
        "keras-jax": ("keras", "jax"),
        "keras-tf": ("keras", "tensorflow_cpu"),
        "tf-keras": ("tf_keras", "tensorflow_cpu"),
    }[given.kind]
    return runner, {name: version(name) for name in packages}


def _keep_freed_memory() -> None:
    """What `batchyard.models` does: glibc keeps freed memory instead of giving it back at each step."""
    libc = ctypes.CDLL(None)
    libc.mallopt(ctypes.c_int(-3), ctypes.c_int(1 << 30))  # M_MMAP_THRESHOLD
    libc.mallopt(ctypes.c_int(-1), ctypes.c_int(1 << 30))  # M_TRIM_THRESHOLD


def _round(
    run: Callable[[int, int], None], rows: int, batch: int, device: str
) -> Callable[[], dict[str, float]]:
    """Warms up, and finds how many rows fill a round: a part of the data, or several epochs of it."""
    rows -= rows % batch
    run(min(rows, 2 * batch), 1)
    seconds, cut = 0.0, 2 * batch
    while seconds < SECONDS / 8 and cut < rows:
        cut = min(rows, 2 * cut)
        seconds = _timed(partial(run, cut, 1), device)
    seconds = _timed(partial(run, cut, 1), device)
    wanted = SECONDS / seconds * cut
    part = rows if wanted >= rows else max(batch, int(wanted) // batch * batch)
    epochs = max(1, round(wanted / part))

    def one_round() -> dict[str, float]:
        return {"rate": part * epochs / _timed(partial(run, part, epochs), device)}

    return one_round


def _timed(run: Callable[[], None], device: str) -> float:
    start = time.perf_counter()
    run()
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter() - start


def _peak() -> float:
    """Greatest resident memory so far, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
