"""How fast are `fit` and `predict`, beside PyTorch by hand and other Keras's? Writes a table and a picture.

Every contender has a process of its own for each workload, which stays alive; in each round all take their
turn, in an order that rotates. A ratio is taken within a round; the table shows medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import machine
from table import write_table
from workloads import WORKLOADS

HERE = Path(__file__).parent

#: What the contenders write to stderr.
LOGS = Path(tempfile.gettempdir()) / "batchyard-bench"

#: Each contender with what its environment needs.
CONTENDERS: dict[str, dict[str, str]] = {
    "batchyard": {},
    "torch-tuned": {},
    "torch-malloc": {},
    "torch-loader": {},
    "keras-torch": {"KERAS_BACKEND": "torch"},
    "keras-jax": {"KERAS_BACKEND": "jax"},
    "keras-tf": {"KERAS_BACKEND": "tensorflow"},
    "tf-keras": {"TF_USE_LEGACY_KERAS": "1"},
}

HELP = """\
Keras 3 (on torch, JAX, TensorFlow) and tf-keras are looked for in the Python named by BENCH_PYTHON_KERAS3, or
else in this one; those that are not installed are left out, and the table says so.

  speed.py                                   everything, about 25 minutes
  speed.py --workloads mlp,cnn --rounds 5    some workloads; the others' results of earlier runs are kept
  speed.py --contenders batchyard,torch-tuned,torch-malloc
  speed.py --device cuda --jit --mixed       on a GPU, compiled, in bfloat16
"""


def main() -> None:
    parser = argparse.ArgumentParser(epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default=None, help="cpu or cuda; cuda by default where there is one")
    parser.add_argument("--jit", action="store_true", help="compile by torch.compile (batchyard and torch)")
    parser.add_argument("--mixed", action="store_true", help="compute in bfloat16 (batchyard and torch)")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    given = parser.parse_args()
    device = given.device or _device()
    flags = [f"--device={device}", *(["--jit"] if given.jit else []), *(["--mixed"] if given.mixed else [])]
    names = given.contenders.split(",")
    if device != "cpu" or given.jit or given.mixed:
        names = [name for name in names if name in ("batchyard", "torch-tuned")]
    title = "-".join([device, *(["jit"] if given.jit else []), *(["mixed"] if given.mixed else [])])
    raw = given.output / f"{title}.json"
    given.output.mkdir(exist_ok=True)
    LOGS.mkdir(exist_ok=True)
    results: dict[str, Any] = json.loads(raw.read_text()) if raw.exists() else {}
    for workload in given.workloads.split(","):
        print(f"{workload}: {WORKLOADS[workload].title}", flush=True)
        results[workload] = measure(workload, names, given.rounds, flags) | {
            "command": " ".join(["speed.py", *sys.argv[1:]]),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "machine": machine(),
        }
        raw.write_text(json.dumps(results, indent=1) + "\n")
    write_table({name: results[name] for name in WORKLOADS if name in results}, given.output / title)


def measure(workload: str, names: list[str], rounds: int, flags: list[str]) -> dict[str, Any]:
    """Runs all rounds of a workload: rates by contender and verb, peaks in MB, versions, who is missing."""
    processes = {name: _start(name, workload, flags) for name in names}
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}
    for process in processes.values():
        versions |= json.loads(process.stdout.readline() or "{}")  # type: ignore[union-attr]
    for name, process in list(processes.items()):  # one at a time: they find how much fills a round
        try:
            _ask(process, "warm up")
        except (BrokenPipeError, json.JSONDecodeError):
            del processes[name]
            missing[name] = _last_error(process)
            print(f"  {name} is left out: {missing[name]}", flush=True)
    verbs = ["fit", "predict"] if WORKLOADS[workload].predicts else ["fit"]
    rates: dict[str, dict[str, list[float]]] = {verb: {name: [] for name in processes} for verb in verbs}
    peaks: dict[str, float] = {}
    alive = list(processes)
    for number in range(rounds):
        for verb in verbs:
            for name in alive[number % len(alive) :] + alive[: number % len(alive)]:
                answer = _ask(processes[name], verb)
                rates[verb][name].append(answer["rate"])
                peaks[name] = answer["peak"]
        shown = ", ".join(f"{name} {rates['fit'][name][-1]:,.0f}" for name in alive)
        print(f"  round {number + 1}, fit rows/s: {shown}", flush=True)
    for process in processes.values():
        process.stdin.close()  # type: ignore[union-attr]
        process.wait()
    return {"rates": rates, "peaks": peaks, "versions": versions, "missing": missing, "rounds": rounds}


def _start(name: str, workload: str, flags: list[str]) -> subprocess.Popen[str]:
    elsewhere = name.startswith("keras") or name == "tf-keras"
    python = os.environ.get("BENCH_PYTHON_KERAS3", sys.executable) if elsewhere else sys.executable
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", **CONTENDERS[name]}
    if "--device=cpu" not in flags:
        environment.pop("JAX_PLATFORMS")
    return subprocess.Popen(
        [python, str(HERE / "contender.py"), name, workload, *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(LOGS / f"{name}.log").open("w"),
        env=environment,
        text=True,
    )


def _ask(process: subprocess.Popen[str], verb: str) -> dict[str, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    time.sleep(0.1)  # the one before falls asleep
    print(verb, file=process.stdin, flush=True)
    answer: dict[str, float] = json.loads(process.stdout.readline())
    return answer


def _last_error(process: subprocess.Popen[str]) -> str:
    process.wait()
    name = process.args[2]  # type: ignore[index]
    lines = (LOGS / f"{name}.log").read_text().strip().splitlines()
    return lines[-1] if lines else f"exit code {process.returncode}"


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    main()
